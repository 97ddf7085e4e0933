"""Parsing in processes of their own: a parser that hangs, crashes or eats memory costs one file."""

from ingest.parsing.pool import Limits, ParserPool

__all__ = ["Limits", "ParserPool"]
