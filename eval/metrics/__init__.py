"""Metrics: each file defines one family on plain values, cites its source, and gives the value for each question."""
