"""The queries that a small model may write: one table, its own columns, and no more of SQL than it needs for one number.

Held to these by constrained decoding, it asks for no column that there is not, adds up no words, compares a column of words
with a word that stands in it, and groups by what it shows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

#: Tables with more columns, or words, than this make a pattern that is not worth its length.
_MOST_COLUMNS, _MOST_WORDS = 400, 2000
#: A word of one's own, where the column's are not known.
_TEXT = "'[^' \"\\\\](?:[^'\"\\\\]{0,78}[^' \"\\\\])?'"
_NUMBER = r"-?[0-9]{1,15}(?:\.[0-9]{1,6})?"
_NUMERIC = re.compile(r"(?:U?(?:TINY|SMALL|BIG|HUGE)?INT(?:EGER)?|DOUBLE|FLOAT|REAL|DECIMAL.*|NUMERIC.*)$")
_DAYS = re.compile(r"(?:DATE|TIMESTAMP.*)$")
#: What would end the literal, or the JSON around it.
_UNSAFE = re.compile(r"['\"\\\x00-\x1f\x7f]")

Columns = Sequence[tuple[str, str]]


def query_pattern(tables: Mapping[str, Columns], words: Mapping[str, Mapping[str, Sequence[str]]]) -> str:
    """A regular expression for queries of one of the tables; empty where they are too many or too wide.

    ``SELECT`` of columns, or of aggregates, or of a column and aggregates grouped by it; ``WHERE`` with up to three
    conditions, ``ORDER BY``, ``LIMIT``; or no query at all, which shows the tables.

    Args:
        tables: the names and types (DuckDB's) of the columns of each.
        words: all the words that stand in a column, by table and column, of columns with few different ones.
    """
    count = sum(len(found) for columns in words.values() for found in columns.values())
    if sum(map(len, tables.values())) > _MOST_COLUMNS or count > _MOST_WORDS:
        return ""
    return f"^(?:{_any([_queries(name, columns, words.get(name, {})) for name, columns in tables.items()])})?$"


def _queries(table: str, columns: Columns, words: Mapping[str, Sequence[str]]) -> str:
    names = [re.escape(name) for name, _ in columns]
    numbers = [re.escape(name) for name, kind in columns if _NUMERIC.match(kind)]
    column = _any(names)
    aggregates = [r"count\(\*\)", rf"count\(DISTINCT {column}\)", rf"(?:min|max)\({column}\)"]
    if numbers:
        sums = rf"(?:sum|avg)\({_any(numbers)}\)"
        aggregates += [sums, rf"round\({sums}, [0-9]\)"]
    aggregate = _any(aggregates)
    condition = _any([_condition(name, kind, words.get(name, ())) for name, kind in columns])
    start = rf" FROM {re.escape(table)}(?: WHERE {condition}(?: (?:AND|OR) {condition}){{0,2}})?"
    order, limit = "(?: DESC| ASC)?", r"(?: LIMIT [0-9]{1,3})?"
    plain = rf"SELECT (?:\*|{column}(?:, {column}){{0,5}}){start}(?: ORDER BY {column}{order})?{limit}"
    whole = rf"SELECT {aggregate}(?:, {aggregate}){{0,3}}{start}"
    # What is grouped by is what is shown: one alternative for each column.
    grouped = [
        rf"SELECT {name}, {aggregate}(?:, {aggregate})?{start} GROUP BY (?:1|{name})"
        rf"(?: ORDER BY (?:[12]|{name}|{aggregate}){order})?{limit}"
        for name in names
    ]
    return _any([plain, whole, *grouped])


def _condition(name: str, kind: str, words: Sequence[str]) -> str:
    column = re.escape(name)
    if _NUMERIC.match(kind):
        return f"{column} (?:=|<>|<|>|<=|>=) {_NUMBER}"
    known = [f"'{re.escape(word)}'" for word in words if word.strip() and not _UNSAFE.search(word)]
    if known:
        return f"{column} (?:=|<>) {_any(known)}"
    signs = "=|<>|<|>|<=|>=" if _DAYS.match(kind) else "=|<>|LIKE|ILIKE"
    return f"{column} (?:{signs}) {_TEXT}"


def _any(choices: Sequence[str]) -> str:
    return f"(?:{'|'.join(choices)})"
