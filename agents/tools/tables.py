"""SQL over files that the person named: read-only, in a process of its own, with nothing else in reach."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from langchain_core.tools import BaseTool

from agents.tools.base import Result, ToolInputError, Traits, tool
from agents.tools.tables_grammar import query_pattern
from agents.tools.tables_loading import KINDS
from agents.tools.tables_process import CrashedError, LateError, TableLimits, TableProcess
from agents.tools.wording import Texts, nearest, spoken_for
from ragbot.errors import MissingExtraError, SourceError

SUMMARIES = {
    "en": "answers questions about the user's tables (CSV, Excel, SQLite, Parquet) with SQL",
    "zh": "用 SQL 查询用户的表格（CSV、Excel、SQLite、Parquet）",
}
_TEXTS = Texts(
    en={
        "one": "Write exactly one SQL statement, a single SELECT.",
        "select": "Only SELECT can be used here: the tables cannot be changed, and no file, setting or extension can be reached.",
        "late": "The query took longer than {seconds:g} s and was stopped. Join on columns, filter with WHERE, and avoid recursion without an end.",
        "memory": "The query needs more memory than it may use ({megabytes} MB). Aggregate, or filter with WHERE first.",
        "access": "Files, settings and extensions are out of reach here. Query these tables: {tables}.",
        "no_table": "There is no table “{name}”.{near} The tables are: {tables}.",
        "no_column": "There is no column “{name}”.{near} The tables are: {tables}.",
        "elsewhere": "The tables of this query have no column “{name}”; there is one in {owners}. The tables are: {tables}.",
        "near": " Did you mean {names}?",
        "error": "The query has an error: {message} The tables are: {tables}.",
        "empty": "No rows.",
        "more": "(only the first {rows} rows are shown; use count, sum, GROUP BY or LIMIT)",
        "rows": "{name} ({file}, {rows} rows): {columns}",
        "samples": "sample rows:",
    },
    zh={
        "one": "请只写一条 SQL 语句，即一个 SELECT。",
        "select": "这里只能用 SELECT：不能修改表，也不能访问文件、设置或扩展。",
        "late": "查询超过 {seconds:g} 秒，已停止。请按列连接、用 WHERE 筛选，不要写没有终点的递归。",
        "memory": "查询需要的内存超过上限（{megabytes} MB）。请先聚合或用 WHERE 筛选。",
        "access": "这里不能访问文件、设置或扩展。请查询这些表：{tables}。",
        "no_table": "没有表“{name}”。{near}现有的表：{tables}。",
        "no_column": "没有列“{name}”。{near}现有的表：{tables}。",
        "elsewhere": "这条查询的表里没有列“{name}”，{owners} 里有。现有的表：{tables}。",
        "near": "是不是 {names}？",
        "error": "查询有错误：{message} 现有的表：{tables}。",
        "empty": "没有符合条件的行。",
        "more": "（只显示前 {rows} 行；请用 count、sum、GROUP BY 或 LIMIT）",
        "rows": "{name}（{file}，{rows} 行）：{columns}",
        "samples": "示例行：",
    },
)
_COLUMN = re.compile(r'(?:Referenced column|column) "([^"]+)" not found|does not have a column named "([^"]+)"')
_TABLE = re.compile(r"Table with name (\S+) does not exist")
#: Characters of the tables in the tool's description; all columns are told by a call without SQL.
_DESCRIBED = 1_500
#: The same in the message about a mistake.
_NAMED = 800
_LONGEST_SQL = 10_000


def tables(files: Sequence[Path], language: str = "en", limits: TableLimits | None = None) -> BaseTool:
    """A tool that queries files as tables.

    The files are loaded now, and again only if the process that holds them had to be stopped. Columns and tables have
    names that need no quotes. The description names them; values stand in results alone, since whoever wrote the file
    wrote these, too.

    Args:
        files: CSV, TSV, Parquet, XLSX or SQLite; nothing else can be reached by a query.
        language: of its messages where the query is in none (``en`` or ``zh``).
        limits: on time, memory and rows.

    Raises:
        MissingExtraError: DuckDB is not installed.
        SourceError: a file is missing, of another kind, or cannot be read.
    """
    bounds = limits or TableLimits()
    _check(files)
    process = TableProcess(files, bounds)
    known, words = _loaded(process, bounds)

    def query(sql: str = "") -> Result:
        """Query the user's tables with one SQL SELECT (DuckDB).

        Args:
            sql: for example SELECT city, sum(amount) FROM sales GROUP BY city; empty to see the tables with sample rows.
        """
        spoken = spoken_for(sql, language)
        if not sql.strip():
            return Result("\n".join(_shown(name, table, spoken) for name, table in known.items()), data=dict(known))
        if len(sql) > _LONGEST_SQL:
            raise ToolInputError(_TEXTS(spoken, "one"))
        try:
            reply = process.query(sql)
        except LateError:
            raise ToolInputError(_TEXTS(spoken, "late", seconds=bounds.seconds)) from None
        except CrashedError:
            raise ToolInputError(_TEXTS(spoken, "memory", megabytes=bounds.memory_mb // 2)) from None
        if refused := reply.get("refused"):
            message = _TEXTS(spoken, refused, seconds=bounds.seconds, megabytes=bounds.memory_mb // 2)
            raise ToolInputError(message)
        if "error" in reply:
            raise ToolInputError(_failure(reply, known, spoken, bounds))
        return _result(reply, spoken, bounds.rows)

    held = _described(known, _DESCRIBED)
    pattern = query_pattern({name: table["columns"] for name, table in known.items()}, words)
    traits = Traits(
        timeout=bounds.load_seconds + bounds.seconds + 10,
        summaries=SUMMARIES,
        holds=held,
        narrow=(lambda read: {"sql": {"pattern": pattern}}) if pattern else None,
    )
    return tool("query_tables", traits, description=f"Query tables with one SQL SELECT (DuckDB). Tables: {held}")(query)


def _check(files: Sequence[Path]) -> None:
    if not files:
        raise SourceError("no table is named: give CSV, TSV, Parquet, XLSX or SQLite files")
    for file in files:
        if not file.is_file():
            raise SourceError(f"there is no file {file}")
        if file.suffix.lower() not in KINDS:
            raise SourceError(f"{file} is no table: the tool reads {', '.join(sorted(KINDS))}")
    excel = any(KINDS[file.suffix.lower()] == "xlsx" for file in files)
    if not find_spec("duckdb") or (excel and not find_spec("openpyxl")):
        raise MissingExtraError("a query of tables", "tables")


def _loaded(process: TableProcess, bounds: TableLimits) -> tuple[dict[str, Any], dict[str, dict[str, list[str]]]]:
    """What is known of each table, and the words of its columns."""
    try:
        reply = process.load()
    except LateError:
        raise SourceError(
            f"loading the tables takes longer than {bounds.load_seconds:g} s: name fewer or smaller files"
        ) from None
    except CrashedError:
        raise SourceError(f"the tables do not fit into {bounds.memory_mb} MiB: name fewer or smaller files") from None
    if reply["failed"]:
        process.close()
        reasons = "; ".join(f"{file}: {reason}" for file, reason in reply["failed"].items())
        raise SourceError(f"a table cannot be read: {reasons}")
    if not reply["tables"]:
        process.close()
        raise SourceError("the files hold no table: they are empty")
    return reply["tables"], reply["words"]


def _described(known: Mapping[str, Any], most: int, kinds: bool = True) -> str:
    """``sales(city VARCHAR, amount BIGINT); …``, or without ``kinds`` ``sales(city, amount); …``."""
    listed = {
        name: ", ".join(f"{column} {kind}" if kinds else column for column, kind in table["columns"])
        for name, table in known.items()
    }
    text = "; ".join(f"{name}({columns})" for name, columns in listed.items())
    return text if len(text) <= most else text[:most] + "…"


def _shown(name: str, table: Mapping[str, Any], language: str) -> str:
    columns = ", ".join(f"{column} {kind}" for column, kind in table["columns"])
    head = _TEXTS(language, "rows", name=name, file=table["file"], rows=table["rows"], columns=columns)
    return "\n".join([head, _TEXTS(language, "samples"), *(_line(row) for row in table["samples"])])


def _result(reply: Mapping[str, Any], language: str, limit: int) -> Result:
    rows = reply["rows"]
    lines = [_line(reply["columns"]), *(_line(row) for row in rows[:limit])]
    if not rows:
        lines.append(_TEXTS(language, "empty"))
    if len(rows) > limit:
        lines.append(_TEXTS(language, "more", rows=limit))
    return Result("\n".join(lines), data={"columns": reply["columns"], "rows": rows[:limit], "more": len(rows) > limit})


def _line(cells: Sequence[object]) -> str:
    return " | ".join("NULL" if cell is None else " ".join(str(cell).split()) for cell in cells)


def _failure(reply: Mapping[str, Any], known: Mapping[str, Any], language: str, bounds: TableLimits) -> str:
    # The columns, too: whoever has to write the query anew would otherwise have to guess them, or ask.
    message, names = str(reply["message"]), _described(known, _NAMED, kinds=False)
    if reply["error"] == "OutOfMemoryException":
        return _TEXTS(language, "memory", megabytes=bounds.memory_mb // 2)
    if reply["error"] in ("PermissionException", "IOException"):
        return _TEXTS(language, "access", tables=names)
    if match := _TABLE.search(message):
        wanted = match[1].rstrip("!")
        return _TEXTS(language, "no_table", name=wanted, near=_near(wanted, list(known), language), tables=names)
    if match := _COLUMN.search(message):
        wanted = match[1] or match[2]
        if owners := [owner for owner, table in known.items() if wanted in dict(table["columns"])]:
            return _TEXTS(language, "elsewhere", name=wanted, owners=", ".join(owners), tables=names)
        columns = list(dict.fromkeys(column for table in known.values() for column, _ in table["columns"]))
        near = _near(wanted, columns, language)
        return _TEXTS(language, "no_column", name=wanted, near=near, tables=names)
    first = " ".join(message.partition("\n")[0].split())[:300]
    return _TEXTS(language, "error", message=first if first.endswith((".", "!")) else first + ".", tables=names)


def _near(wanted: str, names: Sequence[str], language: str) -> str:
    found = nearest(wanted, names)
    return _TEXTS(language, "near", names=", ".join(found)) if found else ""
