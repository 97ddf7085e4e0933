"""Tables for generated runs: everyday subjects filled with numbers, a few at a time, so that none is known by heart."""

from __future__ import annotations

import csv
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from eval.agents.world import World
from ragbot.training.agent.texts import things

#: Runs over tables after which others are laid out; to load some takes a process a second or more.
USES = 10
#: How many tables there are at a time, and how often.
_COUNTS = ((1, 2, 3, 4), (2, 3, 3, 3))
#: Share of the tables beside the first that are in the other language.
_FOREIGN = 0.3
_MONTHS = {
    "en": ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"),
    "zh": tuple(f"{number}月" for number in range(1, 13)),
}  # fmt: skip
_SUFFIXES = {
    "en": ("", "", "_2025", "_2026", "_list", "_new"),
    "zh": ("", "", "_2025", "_2026", "明细", "汇总"),
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name, how people say it (``many``: in the plural), and with how many decimals its numbers are."""

    name: str
    said: str
    many: str = ""
    decimals: int = 0


@dataclass(frozen=True, slots=True)
class Table:
    """A table.

    Attributes:
        key: its subject; two tables of one subject, be it in two languages, would be confused.
        language: of its names.
        name, said, rows: its own name, how people call it, and what they call its rows.
        groups, numbers: columns of members, and of numbers.
        time: the column of days or months, if any, by ``date`` or ``month``.
        header, body: what stands in the file.
        aliases: other names that it and its columns could have had: what one might guess.
        months: how people say the months in it.
    """

    key: str
    language: str
    name: str
    said: str
    rows: str
    groups: tuple[Column, ...]
    numbers: tuple[Column, ...]
    time: Mapping[str, str]
    header: tuple[str, ...]
    body: tuple[tuple[object, ...], ...]
    aliases: Mapping[str, tuple[str, ...]]
    months: Mapping[str, str]

    def column(self, name: str) -> list[Any]:
        """The cells of a column."""
        place = self.header.index(name)
        return [row[place] for row in self.body]


class Shelf:
    """The tables of a world, for each language its own; others every :data:`USES` runs.

    Args:
        world: where they are laid out.
        folder: for their files.
        draw: of what they are.
    """

    def __init__(self, world: World, folder: Path, draw: random.Random) -> None:
        self._world, self._folder, self._draw = world, folder, draw
        self._tables: dict[str, tuple[Table, ...]] = {}
        self._left: dict[str, int] = {}
        self._number = 0
        for language in ("en", "zh"):
            self._renew(language)

    def tables(self, language: str) -> tuple[Table, ...]:
        """What can be queried now in runs of a language."""
        return self._tables[language]

    def used(self, language: str) -> None:
        """A run has asked them something."""
        self._left[language] -= 1
        if not self._left[language]:
            self._renew(language)

    def _renew(self, language: str) -> None:
        self._number += 1
        self._tables[language], self._left[language] = draw_tables(self._draw, language), USES
        files = write_tables(self._tables[language], self._folder / str(self._number))
        self._world.lay_out(language, files)


def draw_tables(draw: random.Random, language: str) -> tuple[Table, ...]:
    """A few tables of different subjects, the first of them in ``language``."""
    count = draw.choices(*_COUNTS)[0]
    keys = draw.sample(sorted(things(language, "tables")), count)
    other = "en" if language == "zh" else "zh"
    tongues = [language, *(other if draw.random() < _FOREIGN else language for _ in keys[1:])]
    found = [draw_table(draw, tongue, key) for tongue, key in zip(tongues, keys, strict=True)]
    names = {table.name.casefold() for table in found}
    return tuple(found) if len(names) == count else draw_tables(draw, language)


def draw_table(draw: random.Random, language: str, key: str) -> Table:
    """A table of a subject: one or two columns of members, one or two of numbers, and a day or month where it has one."""
    raw = things(language, "tables")[key]
    name = draw.choice(raw["names"]) + draw.choice(_SUFFIXES[language])
    groups = draw.sample(raw["groups"], draw.randint(1, len(raw["groups"])))
    numbers = draw.sample(raw["numbers"], draw.randint(1, len(raw["numbers"])))
    kind = draw.choice([*raw["time"], *raw["time"], ""]) if raw["time"] else ""
    aliases: dict[str, tuple[str, ...]] = {}
    columns: list[Column] = []
    taken: set[str] = set()
    for one in (*groups, *numbers):
        free = [other for other in one["columns"] if other not in taken]
        column = draw.choice(free)
        taken.add(column)
        aliases[column] = tuple(other for other in one["columns"] if other != column)
        columns.append(Column(column, one["said"], one.get("many", ""), one.get("decimals", 0)))
    time = {kind: {"en": kind, "zh": {"date": "日期", "month": "月份"}.get(kind, "")}[language]} if kind else {}
    count = draw.randint(12, 30)
    moments, months = _moments(draw, language, kind, count)
    members = [draw.sample(one["members"], draw.randint(3, min(5, len(one["members"])))) for one in groups]
    body = tuple(
        (
            *([moments[number]] if kind else []),
            *(draw.choice(of) for of in members),
            *(_number(draw, one) for one in numbers),
        )
        for number in range(count)
    )
    aliases[name] = tuple(other for other in raw["names"] if other != name)
    return Table(
        key=key,
        language=language,
        name=name,
        said=raw["said"],
        rows=raw["rows"],
        groups=tuple(columns[: len(groups)]),
        numbers=tuple(columns[len(groups) :]),
        time=time,
        header=(*time.values(), *(column.name for column in columns)),
        body=body,
        aliases=aliases,
        months=months,
    )


def write_tables(tables: Sequence[Table], folder: Path) -> tuple[Path, ...]:
    """A file for each of the tables."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for table in tables:
        path = folder / f"{table.name}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(table.header)
            rows.writerows(table.body)
        written.append(path)
    return tuple(written)


def _number(draw: random.Random, raw: Mapping[str, Any]) -> int | float:
    low, high = raw["range"]
    scale = 10 ** raw["decimals"]
    value = draw.randint(low * scale, high * scale)
    return round(value / scale, raw["decimals"]) if raw["decimals"] else value


def _moments(draw: random.Random, language: str, kind: str, count: int) -> tuple[list[str], dict[str, str]]:
    """The cells of a column of days or months, in order, and of months how they are said."""
    if not kind:
        return [], {}
    year = draw.randint(2024, 2026)
    if kind == "date":
        first = date(year, 1, 1) + timedelta(days=draw.randint(0, 200))
        ahead = sorted(draw.sample(range(160), count))
        return [str(first + timedelta(days=days)) for days in ahead], {}
    begin, numbered = draw.randint(0, 6), draw.random() < 0.4
    months = range(begin, begin + draw.randint(3, 6))
    said = {}
    for month in months:
        name = _MONTHS[language][month]
        whole = f"{year}年{name}" if language == "zh" else f"{name} {year}"
        said[f"{year}-{month + 1:02}" if numbered else name] = whole if numbered else name
    return sorted(draw.choices(list(said), k=count), key=list(said).index), said
