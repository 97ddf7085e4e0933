"""Archives as sources that hold several documents."""
