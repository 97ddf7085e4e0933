"""Jupyter notebooks: a heading for each cell."""
