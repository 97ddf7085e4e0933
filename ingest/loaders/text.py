"""Plain text, logs and tables of separated values: the text is the file's own, whatever its encoding."""

from __future__ import annotations

from pathlib import Path

from ingest.loaders.cleaning import clean
from ingest.loaders.decoding import BinaryContentError, decode
from ingest.loaders.fields import pick_language, pick_title
from ingest.loaders.source import DEFAULT_MAX_BYTES, empty, read_source
from ragbot.documents import ParsedDocument
from ragbot.errors import LoaderError


class TextLoader:
    """Reads text; ``metadata`` names the encoding that it was in."""

    def __init__(self, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        self._max_bytes = max_bytes

    def load(self, path: Path) -> ParsedDocument:
        """See :meth:`ingest.loaders.base.Loader.load`."""
        text, metadata = read_text(path, self._max_bytes)
        return ParsedDocument(
            text=text,
            title=pick_title("", (), path),
            type="txt",
            language=pick_language("", text),
            metadata=metadata,
        )


def read_text(path: Path, max_bytes: int) -> tuple[str, dict[str, str]]:
    """The clean text of ``path``, and its encoding (with the count of damaged sequences, if any) as metadata.

    Raises:
        LoaderError: as ``read_source``, and for a file that is binary or without any text.
    """
    data = read_source(path, "text", max_bytes)
    try:
        decoded = decode(data)
    except BinaryContentError as error:
        raise LoaderError(
            f"{path.name} looks like binary ({error}), not text: give it the suffix of its real format, or leave it out"
        ) from error
    text = clean(decoded.text)
    if not text.strip():
        raise empty(path)
    metadata = {"encoding": decoded.encoding}
    if decoded.damaged:
        metadata["damaged_characters"] = str(decoded.damaged)
    return text, metadata
