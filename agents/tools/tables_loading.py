"""Files to tables of an in-memory DuckDB: CSV, TSV, Parquet, XLSX and SQLite. Runs in the process of ``tables_worker``."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

#: What a file is, by its suffix.
KINDS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
    ".sqlite": "sqlite",
    ".sqlite3": "sqlite",
    ".db": "sqlite",
}
#: Longer names are cut: a column is a name, not a text.
_LONGEST_NAME = 40
_MOST_TABLES = 50
_TYPES: tuple[tuple[str, tuple[type, ...]], ...] = (
    ("BOOLEAN", (bool,)),
    ("BIGINT", (int,)),
    ("DOUBLE", (int, float)),
    ("TIMESTAMP", (datetime, date)),
)
_INT64 = 2**63


def load(db: DuckDBPyConnection, path: Path, scratch: Path) -> list[str]:
    """Bring a file in; the names of its tables.

    Args:
        db: where to; it may still read files.
        path: the file.
        scratch: an empty folder for files on the way.

    Raises:
        ValueError, OSError, sqlite3.Error, duckdb.Error: it cannot be read.
    """
    kind = KINDS[path.suffix.lower()]
    if kind == "csv":
        name = _free(db, path.stem)
        _create(db, name, "read_csv(?, sample_size = 20000)", str(_as_utf8(path, scratch)))
        return [name]
    if kind == "parquet":
        name = _free(db, path.stem)
        _create(db, name, "read_parquet(?)", str(path))
        return [name]
    sheets = _sheets(path) if kind == "xlsx" else _sqlite_tables(path)
    made: list[str] = []
    for label, columns, rows in sheets:
        if len(made) >= _MOST_TABLES:
            break
        name = _free(db, label)
        _insert(db, name, columns, rows, scratch / f"{len(made)}.json")
        made.append(name)
    return made


def identifier(text: str, fallback: str) -> str:
    """``text`` as a name that needs no quotes in SQL: letters of any script, digits and underscores."""
    name = re.sub(r"\W+", "_", text).strip("_")[:_LONGEST_NAME].rstrip("_")
    if not name:
        return fallback
    return f"_{name}" if name[0].isdigit() else name


def quoted(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def _create(db: DuckDBPyConnection, name: str, source: str, path: str) -> None:
    db.execute(f"CREATE TABLE {quoted(name)} AS SELECT * FROM {source}", [path])
    columns = [row[0] for row in db.execute(f"DESCRIBE {quoted(name)}").fetchall()]
    for old, new in zip(columns, _distinct(columns), strict=True):
        if old != new:
            db.execute(f"ALTER TABLE {quoted(name)} RENAME COLUMN {quoted(old)} TO {quoted(new)}")


def _distinct(columns: Sequence[object]) -> list[str]:
    """Names for columns, each once whatever the case."""
    names: list[str] = []
    for number, column in enumerate(columns, 1):
        wanted = name = identifier(str(column if column is not None else ""), f"column_{number}")
        while name.casefold() in {known.casefold() for known in names}:
            name = f"{wanted}_{number}"
            wanted = name + "_"
        names.append(name)
    return names


def _free(db: DuckDBPyConnection, label: str) -> str:
    taken = {row[0].casefold() for row in db.execute("SHOW TABLES").fetchall()}
    wanted = name = identifier(label, "data")
    number = 1
    while name.casefold() in taken:
        number += 1
        name = f"{wanted}_{number}"
    return name


def _as_utf8(path: Path, scratch: Path) -> Path:
    """The file itself where it is UTF-8, else a copy that is: DuckDB reads no GB 18030."""
    data = path.read_bytes()
    for encoding in ("utf-8", "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "gb18030", "latin-1"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        break
    if encoding == "utf-8":
        return path
    copy = scratch / "utf8.csv"
    copy.write_text(text, encoding="utf-8", newline="")
    return copy


def _sheets(path: Path) -> Iterator[tuple[str, list[str], Iterable[Sequence[Any]]]]:
    from openpyxl import load_workbook

    book = load_workbook(path, read_only=True, data_only=True, keep_links=False)
    try:
        several = len(book.worksheets) > 1
        for sheet in book.worksheets:
            rows = (row for row in sheet.iter_rows(values_only=True) if any(cell is not None for cell in row))
            header = next(rows, None)
            if header is not None:
                label = f"{path.stem}_{sheet.title}" if several else path.stem
                yield label, _distinct(header), rows
    finally:
        book.close()


def _sqlite_tables(path: Path) -> Iterator[tuple[str, list[str], Iterable[Sequence[Any]]]]:
    # Read-only by the mode of the connection, so that a journal beside the file is honoured and none is written.
    db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    try:
        names = db.execute(
            "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' ORDER BY name"
        ).fetchall()
        for (name,) in names:
            rows = db.execute(f"SELECT * FROM {quoted(name)}")
            yield name, _distinct([column[0] for column in rows.description]), rows
    finally:
        db.close()


def _insert(
    db: DuckDBPyConnection, name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], file: Path
) -> None:
    """Rows through a file of JSON lines, which keeps what a CSV loses: an empty text is not NULL, "007" is no number."""
    kinds: list[set[type]] = [set() for _ in columns]
    with file.open("w", encoding="utf-8") as out:
        for row in rows:
            cells = [_plain(cell) for cell in chain(row, [None] * (len(columns) - len(row)))][: len(columns)]
            for kind, cell in zip(kinds, cells, strict=True):
                if cell is not None:
                    kind.add(str if isinstance(cell, int) and not -_INT64 <= cell < _INT64 else type(cell))
            json.dump(dict(zip(columns, cells, strict=True)), out, ensure_ascii=False, default=str)
            out.write("\n")
    types = ", ".join(f"{quoted(column)}: '{_type(kind)}'" for column, kind in zip(columns, kinds, strict=True))
    db.execute(
        f"CREATE TABLE {quoted(name)} AS SELECT * FROM "
        f"read_json(?, format = 'newline_delimited', columns = {{{types}}}, maximum_object_size = 50000000)",
        [str(file)],
    )
    file.unlink()


def _type(kinds: set[type]) -> str:
    return next((name for name, allowed in _TYPES if kinds and kinds <= set(allowed)), "VARCHAR")


def _plain(cell: Any) -> Any:
    if isinstance(cell, bytes):
        return cell.hex()
    if isinstance(cell, Decimal):
        return float(cell)
    if isinstance(cell, float) and cell != cell:
        return None
    if isinstance(cell, str | int | float | bool | date | None):
        return cell
    return str(cell)
