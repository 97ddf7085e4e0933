"""From files to a knowledge base: loaders (one a format), chunkers (one a strategy) and the pipeline that joins them."""
