"""Source code: the text exactly, with classes and functions as headings."""
