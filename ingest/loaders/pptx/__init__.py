"""Presentations: a slide is a page."""
