"""Tables of separated values: one line a row."""
