"""Books: a chapter file is a page."""
