"""Tuning: search for settings on one part of the documents, and believe only what the other part confirms."""
