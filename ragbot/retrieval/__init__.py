"""From a question to the chunks and passages that may answer it."""
