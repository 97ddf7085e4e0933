"""A JSON value as a document: ``path: value`` lines, and a heading for every record of a list."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ingest.loaders.builder import TextBuilder
from ingest.loaders.cleaning import clean
from ingest.loaders.json.parse import MAX_DEPTH, Json, too_deep
from ragbot.errors import LoaderError

#: Paths repeat keys, so a small file with long keys could become a huge text.
MAX_TEXT = 64 * 1024 * 1024
MAX_KEY = 200
#: Each record has a heading of its own.
MAX_RECORDS = 100_000
_MAX_LABEL = 120
#: Lists of scalars up to this length stand on one line.
_INLINE = 200
#: The fields that name a record, the best first.
_LABELS = ("title", "name", "标题", "题目", "名称", "姓名", "question", "问题", "label", "id", "_id", "key", "编号")

Object = tuple[tuple[str, Json], ...]


class JsonBlocks:
    """Writes values into a text with headings; ``path`` is named in errors."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._builder = TextBuilder()
        self._size = 0
        self._records = 0

    @property
    def builder(self) -> TextBuilder:
        """What was written."""
        return self._builder

    def add_root(self, value: Json) -> None:
        """A whole file.

        Raises:
            LoaderError: it is nested too deeply, has too many records, or would become too long a text.
        """
        if isinstance(value, tuple):
            self._sections(value)
        elif isinstance(value, list) and _has_records(value):
            self._list(value, 1)
        else:
            self._block(value, "")

    def add_record(self, value: Json, number: str, level: int = 1) -> None:
        """One record, under a heading of its ``number`` and what it calls itself.

        Raises:
            LoaderError: as ``add_root``.
        """
        self._records += 1
        if self._records > MAX_RECORDS:
            raise LoaderError(f"{self._path.name} has more than {MAX_RECORDS:,} records: split it into smaller files")
        self._builder.close_group()
        self._builder.heading(" ".join((number, label(value))), level)
        self._block(value, "")

    def _sections(self, value: Object) -> None:
        """The members of the outermost object: plain ones first, then a section for each that holds others."""
        plain: list[tuple[str, Json]] = []
        nested: list[tuple[str, Json]] = []
        for key, member in value:
            (plain if _inline(member) is not None else nested).append((key, member))
        if plain or not nested:
            self._block(tuple(plain), "")
        for key, member in nested:
            name = _key(key)
            self._builder.close_group()
            self._builder.heading(name or '""', 1)
            if isinstance(member, list) and _has_records(member):
                self._list(member, 2)
            else:
                self._block(member, name)

    def _list(self, items: list[Json], level: int) -> None:
        for number, item in enumerate(items):
            self.add_record(item, f"[{number}]", level)

    def _block(self, value: Json, prefix: str) -> None:
        for line in self._lines(value, prefix):
            self._size += len(line) + 1
            if self._size > MAX_TEXT:
                raise LoaderError(
                    f"{self._path.name} would become a text of more than {MAX_TEXT >> 20} Mi characters: split it"
                )
            self._builder.add(line, "row")
        self._builder.close_group()

    def _lines(self, value: Json, prefix: str) -> Iterator[str]:
        # An own stack: (path, value), the next one last.
        stack: list[tuple[str, Json, int]] = [(prefix, value, 0)]
        while stack:
            path, value, depth = stack.pop()
            if depth > MAX_DEPTH:
                raise too_deep(self._path.name)
            inline = _inline(value)
            if inline is not None:
                yield _line(path, inline)
            elif isinstance(value, tuple):
                members = [(f"{path}.{_key(key)}" if path else _key(key), member, depth + 1) for key, member in value]
                stack.extend(reversed(members))
            elif isinstance(value, list):
                stack.extend((f"{path}[{n}]", value[n], depth + 1) for n in range(len(value) - 1, -1, -1))


def label(value: Json) -> str:
    """What a record calls itself: its title, name, ... or ``""``."""
    if not isinstance(value, tuple):
        return ""
    fields: dict[str, str] = {}
    for key, member in value:
        if isinstance(member, str) and key.lower() in _LABELS:
            words = " ".join(clean(member[: 4 * _MAX_LABEL]).split())
            if words:
                fields.setdefault(key.lower(), words)
    found = next((fields[name] for name in _LABELS if name in fields), "")
    return found if len(found) <= _MAX_LABEL else found[: _MAX_LABEL - 1].rstrip() + "…"


def field(value: Json, *names: str) -> str:
    """The first of the members ``names`` of an object that is a string; ``""`` if there is none."""
    members = {key.lower(): member for key, member in reversed(value)} if isinstance(value, tuple) else {}
    return next((clean(found) for name in names if isinstance(found := members.get(name), str)), "")


def _line(path: str, value: str) -> str:
    if not path:
        return value
    return f"{path}:\n{value}" if "\n" in value else f"{path}: {value}"


def _inline(value: Json) -> str | None:
    """The text of a scalar, an empty container, or a short list of scalars; None for what needs lines of its own."""
    if isinstance(value, str):
        return clean(value).strip("\n ") or '""'
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if not value:
        return "[]" if isinstance(value, list) else "{}"
    if isinstance(value, tuple) or len(value) > _INLINE // 2:
        return None
    if any(_is_container(item) or (isinstance(item, str) and len(item) > _INLINE) for item in value):
        return None
    joined = ", ".join(_inline(item) or "" for item in value)
    return joined if len(joined) <= _INLINE and "\n" not in joined else None


def _key(key: str) -> str:
    return " ".join(clean(key[: 2 * MAX_KEY]).split())[:MAX_KEY]


def _is_container(value: Json) -> bool:
    return isinstance(value, list | tuple)


def _has_records(items: list[Json]) -> bool:
    return any(isinstance(item, tuple) and item for item in items)
