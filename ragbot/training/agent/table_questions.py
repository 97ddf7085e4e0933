"""What can be asked of a table, as SQL with its names; nothing is asked that has two right answers."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ragbot.training.agent.scenarios import UnusableError
from ragbot.training.agent.table_files import Column, Table


@dataclass(frozen=True, slots=True)
class Wanted:
    """A question to a table.

    Attributes:
        values: what its wording names.
        queries: one after another.
        expression: of the calculator, from the cells that they found; None: the first cell is the answer.
    """

    values: Mapping[str, object]
    queries: tuple[str, ...]
    expression: Callable[..., str] | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of question. ``computes``: whether the calculator is called."""

    ask: Callable[[random.Random, Table], Wanted]
    computes: bool = False


def _total(column: Column) -> str:
    # Sums of decimals in floats have a tail that nobody wants to read.
    return f"round(sum({column.name}), {column.decimals})" if column.decimals else f"sum({column.name})"


def _sums(table: Table, by: str, column: Column) -> dict[Any, float]:
    found: dict[Any, float] = defaultdict(float)
    for key, number in zip(table.column(by), table.column(column.name), strict=True):
        found[key] += number
    return {key: round(value, 4) for key, value in found.items()}


def _one(values: Mapping[Any, float], best: Callable[..., float]) -> Any:
    """The key of the best value. Raises UnusableError where there are two."""
    found = [key for key, value in values.items() if value == best(values.values())]
    if len(found) != 1 or len(values) < 2:
        raise UnusableError("two are equal")
    return found[0]


def _member(draw: random.Random, table: Table, count: int = 1) -> tuple[Column, list[tuple[str, str]]]:
    """A column of members, and some of them with the words for them: ``Linden`` or ``customer Linden``."""
    group = draw.choice(table.groups)
    there = sorted(set(table.column(group.name)))
    if len(there) <= count:
        raise UnusableError("there are too few members")
    plain, blank = draw.random() < 0.5, "" if table.language == "zh" else " "
    return group, [(one, one if plain else f"{group.said}{blank}{one}") for one in draw.sample(there, count)]


def _whole(how: str) -> Callable[[random.Random, Table], Wanted]:
    """One number over all rows."""

    def ask(draw: random.Random, table: Table) -> Wanted:
        column = draw.choice(table.numbers)
        value = {"avg": f"round(avg({column.name}), 2)", "sum": _total(column)}.get(how, f"{how}({column.name})")
        return Wanted({"what": column.said}, (f"SELECT {value} FROM {table.name}",))

    return ask


def _of_member(how: str) -> Callable[[random.Random, Table], Wanted]:
    """One number over the rows of a member."""

    def ask(draw: random.Random, table: Table) -> Wanted:
        column = draw.choice(table.numbers)
        group, [(member, said)] = _member(draw, table)
        value = f"round(avg({column.name}), 2)" if how == "avg" else _total(column)
        sql = f"SELECT {value} FROM {table.name} WHERE {group.name} = '{member}'"
        return Wanted({"what": column.said, "member": said}, (sql,))

    return ask


def _count(draw: random.Random, table: Table) -> Wanted:
    group, [(member, said)] = _member(draw, table)
    sql = f"SELECT count(*) FROM {table.name} WHERE {group.name} = '{member}'"
    return Wanted({"rows": table.rows, "member": said}, (sql,))


def _above(draw: random.Random, table: Table) -> Wanted:
    column = draw.choice(table.numbers)
    numbers = sorted(table.column(column.name))
    n = int(numbers[draw.randint(len(numbers) // 4, len(numbers) * 3 // 4)])
    sql = f"SELECT count(*) FROM {table.name} WHERE {column.name} > {n}"
    return Wanted({"rows": table.rows, "what": column.said, "n": n}, (sql,))


def _above_of_member(draw: random.Random, table: Table) -> Wanted:
    above = _above(draw, table)
    group, [(member, said)] = _member(draw, table)
    sql = above.queries[0].replace(" WHERE ", f" WHERE {group.name} = '{member}' AND ")
    return Wanted({**above.values, "member": said}, (sql,))


def _best_group(best: Callable[..., float], order: str) -> Callable[[random.Random, Table], Wanted]:
    def ask(draw: random.Random, table: Table) -> Wanted:
        group, column = draw.choice(table.groups), draw.choice(table.numbers)
        _one(_sums(table, group.name, column), best)
        sql = f"SELECT {group.name}, {_total(column)} FROM {table.name} GROUP BY {group.name} ORDER BY 2{order} LIMIT 1"
        return Wanted({"group": group.said, "what": column.said}, (sql,))

    return ask


def _row(draw: random.Random, table: Table) -> Wanted:
    group, column = draw.choice(table.groups), draw.choice(table.numbers)
    _one(dict(enumerate(table.column(column.name))), max)
    sql = f"SELECT {group.name}, {column.name} FROM {table.name} ORDER BY {column.name} DESC LIMIT 1"
    return Wanted({"group": group.said, "what": column.said}, (sql,))


def _distinct(draw: random.Random, table: Table) -> Wanted:
    group = draw.choice(table.groups)
    return Wanted({"many": group.many}, (f"SELECT count(DISTINCT {group.name}) FROM {table.name}",))


def _time(table: Table, kind: str) -> str:
    if kind not in table.time:
        raise UnusableError(f"the table has no {kind}")
    return table.time[kind]


def _month(draw: random.Random, table: Table) -> Wanted:
    month, column = _time(table, "month"), draw.choice(table.numbers)
    _one(_sums(table, month, column), max)
    sql = f"SELECT {month}, {_total(column)} FROM {table.name} GROUP BY {month} ORDER BY 2 DESC LIMIT 1"
    return Wanted({"what": column.said}, (sql,))


def _in_month(draw: random.Random, table: Table) -> Wanted:
    month, column = _time(table, "month"), draw.choice(table.numbers)
    there = sorted(Counter(table.column(month)))
    value = draw.choice(there)
    sql = f"SELECT {_total(column)} FROM {table.name} WHERE {month} = '{value}'"
    return Wanted({"what": column.said, "month": table.months[value]}, (sql,))


def _day(draw: random.Random, table: Table) -> Wanted:
    day, column = _time(table, "date"), draw.choice(table.numbers)
    _one(dict(enumerate(table.column(column.name))), max)
    sql = f"SELECT {day}, {column.name} FROM {table.name} ORDER BY {column.name} DESC LIMIT 1"
    return Wanted({"what": column.said}, (sql,))


def _share(draw: random.Random, table: Table) -> Wanted:
    column = draw.choice(table.numbers)
    group, [(member, said)] = _member(draw, table)
    whole = f"SELECT {_total(column)} FROM {table.name}"
    queries = (f"{whole} WHERE {group.name} = '{member}'", whole)
    return Wanted({"what": column.said, "member": said}, queries, lambda a, b: f"round({a} / {b} * 100, 1)")


def _difference(draw: random.Random, table: Table) -> Wanted:
    column = draw.choice(table.numbers)
    group, [(first, said), (second, other)] = _member(draw, table, 2)
    sums = _sums(table, group.name, column)
    if sums[first] == sums[second]:
        raise UnusableError("two are equal")
    whole = f"SELECT {_total(column)} FROM {table.name} WHERE {group.name} = "
    values = {"what": column.said, "member": said, "other": other}
    queries = (f"{whole}'{first}'", f"{whole}'{second}'")
    return Wanted(values, queries, lambda a, b: f"{max(a, b)} - {min(a, b)}")


def _percent(draw: random.Random, table: Table) -> Wanted:
    column, n = draw.choice(table.numbers), draw.choice((3, 5, 8, 10, 12, 15, 19, 20, 25, 30, 40))
    sql = f"SELECT {_total(column)} FROM {table.name}"
    return Wanted({"what": column.said, "n": n}, (sql,), lambda a: f"{n}% of {a}")


def _times(draw: random.Random, table: Table) -> Wanted:
    column, n = draw.choice(table.numbers), draw.randint(2, 24)
    sql = f"SELECT {_total(column)} FROM {table.name}"
    return Wanted({"what": column.said, "n": n}, (sql,), lambda a: f"{a} * {n}")


#: Kinds of questions by template.
KINDS: Mapping[str, Kind] = {
    "table-total": Kind(_whole("sum")),
    "table-average": Kind(_whole("avg")),
    "table-max": Kind(_whole("max")),
    "table-min": Kind(_whole("min")),
    "table-sum-of": Kind(_of_member("sum")),
    "table-average-of": Kind(_of_member("avg")),
    "table-count": Kind(_count),
    "table-where": Kind(_above),
    "table-two": Kind(_above_of_member),
    "table-top": Kind(_best_group(max, " DESC")),
    "table-low": Kind(_best_group(min, "")),
    "table-row": Kind(_row),
    "table-distinct": Kind(_distinct),
    "table-month": Kind(_month),
    "table-in-month": Kind(_in_month),
    "table-day": Kind(_day),
    "table-share": Kind(_share, computes=True),
    "table-difference": Kind(_difference, computes=True),
    "table-percent": Kind(_percent, computes=True),
    "table-times": Kind(_times, computes=True),
}
