"""Workbooks: one line a row."""
