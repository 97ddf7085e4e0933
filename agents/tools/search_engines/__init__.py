"""Engines of the web search, one file each."""
