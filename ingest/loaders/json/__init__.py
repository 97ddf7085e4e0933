"""JSON and JSON lines: a block for each record."""
