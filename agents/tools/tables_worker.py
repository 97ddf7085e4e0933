"""The process that holds the tables: requests and replies are JSON, a line each, on standard input and output.

DuckDB checks for a stop only between its steps, and one step can take any time and memory
(``SELECT repeat('x', 1000000000)``): in a process of its own it can be killed. Once the files are loaded, DuckDB may touch
none, load no extension and change no setting, and the system refuses every write as well.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agents.tools.tables_loading import load, quoted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

#: Characters of a cell; what is longer is cut.
_CELL = 300
_SAMPLES = 3
#: A column with more different words, or longer ones, is one of texts, and not of kinds.
_WORDS, _LONGEST_WORD = 60, 60


def main() -> None:
    """Load the files of the first request, then answer queries until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints must not get among the replies
    db: DuckDBPyConnection | None = None
    for line in sys.stdin:
        request = json.loads(line)
        if db is None:
            _bound("RLIMIT_DATA", request["memory_mb"] << 20)
            db, reply = _opened(request)
        else:
            reply = _answer(db, request)
        out.write(json.dumps(reply, ensure_ascii=False, default=str) + "\n")
        out.flush()


def _opened(request: dict[str, Any]) -> tuple[DuckDBPyConnection, dict[str, Any]]:
    import duckdb

    db = duckdb.connect(
        ":memory:",
        config={
            "threads": 2,
            "memory_limit": f"{request['memory_mb'] // 2}MB",
            "temp_directory": "",  # nothing is written, not even what the memory does not hold
            "max_temp_directory_size": "0KB",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            # Otherwise SELECT * FROM name finds Python's variables.
            "python_enable_replacements": "false",
        },
    )
    tables: dict[str, Any] = {}
    words: dict[str, dict[str, list[str]]] = {}
    failed: dict[str, str] = {}
    for file in request["files"]:
        with tempfile.TemporaryDirectory() as scratch:
            try:
                for name in load(db, Path(file), Path(scratch)):
                    tables[name] = {"file": Path(file).name, **_described(db, name)}
                    words[name] = _words(db, name, tables[name]["columns"])
            except Exception as error:  # noqa: BLE001  # whatever a reader raises, the other files are not lost for it
                failed[file] = _first_line(str(error))
    db.execute("SET enable_external_access = false")
    db.execute("SET lock_configuration = true")
    _bound("RLIMIT_FSIZE", 0)
    return db, {"tables": tables, "words": words, "failed": failed}


def _described(db: DuckDBPyConnection, name: str) -> dict[str, Any]:
    columns = [(row[0], row[1]) for row in db.execute(f"DESCRIBE {quoted(name)}").fetchall()]
    count = db.execute(f"SELECT count(*) FROM {quoted(name)}").fetchall()[0][0]
    rows = db.execute(f"SELECT * FROM {quoted(name)} LIMIT {_SAMPLES}").fetchall()
    return {"columns": columns, "rows": count, "samples": [[_cell(cell) for cell in row] for row in rows]}


def _words(db: DuckDBPyConnection, name: str, columns: list[tuple[str, str]]) -> dict[str, list[str]]:
    """The words of the columns that hold few different ones, by column."""
    found = {}
    for column in (column for column, kind in columns if kind == "VARCHAR"):
        query = f"SELECT DISTINCT {quoted(column)} FROM {quoted(name)} WHERE {quoted(column)} IS NOT NULL LIMIT {_WORDS + 1}"
        words = [row[0] for row in db.execute(query).fetchall()]
        if len(words) <= _WORDS and all(len(word) <= _LONGEST_WORD for word in words):
            found[column] = sorted(words)
    return found


def _answer(db: DuckDBPyConnection, request: dict[str, Any]) -> dict[str, Any]:
    import duckdb

    late = threading.Event()

    def stop() -> None:
        late.set()
        db.interrupt()

    timer = threading.Timer(request["seconds"], stop)
    try:
        statements = db.extract_statements(request["sql"])
        if len(statements) != 1:
            return {"refused": "one"}
        if statements[0].type != duckdb.StatementType.SELECT:
            return {"refused": "select"}
        timer.start()
        found = db.execute(statements[0])
        rows = found.fetchmany(request["rows"] + 1)
        columns = [column[0] for column in found.description or []]
        return {"columns": columns, "rows": [[_cell(cell) for cell in row] for row in rows]}
    except duckdb.Error as error:
        if late.is_set():  # what it had gathered may not be given back to the system
            return {"refused": "late", "retire": True}
        full = isinstance(error, duckdb.OutOfMemoryException)
        return {"error": type(error).__name__, "message": str(error)[:4000], "retire": full}
    except MemoryError:
        return {"refused": "memory", "retire": True}
    finally:
        timer.cancel()


def _cell(cell: Any) -> Any:
    if cell is None or isinstance(cell, bool | int) or (isinstance(cell, float) and cell - cell == 0):
        return cell
    text = str(cell)
    return text if len(text) <= _CELL else text[:_CELL] + "…"


def _first_line(text: str) -> str:
    return " ".join(text.split())[:300]


def _bound(name: str, limit: int) -> None:
    try:
        import resource
    except ModuleNotFoundError:  # Windows: the limits of DuckDB are all there is
        return
    which = getattr(resource, name)
    hard = resource.getrlimit(which)[1]
    resource.setrlimit(which, (limit, limit) if hard == resource.RLIM_INFINITY else (min(limit, hard), hard))


if __name__ == "__main__":
    main()
