"""Exact arithmetic over a grammar of its own: numbers, units and dates, in English and in Chinese."""
