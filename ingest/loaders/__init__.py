"""Loaders: one file a format, each turning a file into a :class:`ragbot.documents.ParsedDocument`.

``load(path)`` picks the loader by suffix and checks the content; the loaders themselves are imported when first used.
"""

from ingest.loaders.base import IMAGE_SUFFIXES, SUPPORTED_SUFFIXES, Loader, load
from ingest.loaders.source import DEFAULT_MAX_BYTES

__all__ = ["DEFAULT_MAX_BYTES", "IMAGE_SUFFIXES", "SUPPORTED_SUFFIXES", "Loader", "load"]
