"""JSON and JSON Lines: every record is a block of ``path: value`` lines under a heading that names it."""

from __future__ import annotations

from pathlib import Path

from ingest.loaders.fields import iso_day, pick_language, pick_title
from ingest.loaders.json.blocks import JsonBlocks, field
from ingest.loaders.json.parse import Json, NotJsonError, parse_json, read_json
from ingest.loaders.source import DEFAULT_MAX_BYTES, empty
from ragbot.documents import ParsedDocument
from ragbot.errors import LoaderError

_LINES = frozenset({".jsonl", ".ndjson"})


class JsonLoader:
    """Reads .json, .jsonl and .ndjson; a .json file that holds one value a line is read as JSON Lines too."""

    def __init__(self, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        self._max_bytes = max_bytes

    def load(self, path: Path) -> ParsedDocument:
        """See :meth:`ingest.loaders.base.Loader.load`."""
        source, encoding = read_json(path, self._max_bytes)
        if not source.strip():
            raise empty(path)
        blocks = JsonBlocks(path)
        root: Json = None
        if path.suffix.lower() in _LINES:
            _add_lines(blocks, source, path)
        else:
            try:
                root = parse_json(source, path.name)
            except NotJsonError as error:
                if not (error.has_more and _first_line_is_json(source)):
                    raise
                _add_lines(blocks, source, path)
            else:
                blocks.add_root(root)
        text = blocks.builder.text
        if not text.strip():
            raise empty(path)
        return ParsedDocument(
            text=text,
            title=pick_title(field(root, "title", "name", "标题", "名称"), (), path),
            type="json",
            language=pick_language(field(root, "language", "lang", "语言"), text),
            date=iso_day(field(root, "date", "published", "created", "created_at", "updated_at", "日期")),
            headings=tuple(blocks.builder.headings),
            metadata={"encoding": encoding},
        )


def _add_lines(blocks: JsonBlocks, source: str, path: Path) -> None:
    """Add each line as a record, numbered as an editor numbers it: from 1."""
    # Only "\n" ends a line: U+2028 and its like may stand in a string.
    for number, line in enumerate(source.split("\n"), start=1):
        if line.strip():
            blocks.add_record(parse_json(line, f"line {number} of {path.name}"), f"[{number}]")


def _first_line_is_json(source: str) -> bool:
    try:
        return isinstance(parse_json(source.lstrip().partition("\n")[0], ""), list | tuple)
    except LoaderError:
        return False
