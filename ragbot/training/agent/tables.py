"""Scenarios over the person's tables: look first, then ask by the names that are there; and how a wrong name is mended."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from typing import Any

from agents.steps import Observation
from ragbot.training.agent.scenarios import Ask, Scenario, Script, Stage, UnusableError, data, failed
from ragbot.training.agent.table_files import Table
from ragbot.training.agent.table_questions import KINDS, Wanted
from ragbot.training.agent.texts import answer, question, things

#: How the person speaks of a table: not by its name, by its name, or with its columns; and how often.
_WAYS = (("vague", "named", "told"), (5, 4, 1.5))
#: Share of the runs in which the model guesses names before it looks, and has to mend them.
_GUESSES = 0.22
_PHRASES = {
    "en": {
        "vague": ("my {said} table", "the {said} table", "our {said} list", "my {said} data", "the {said} file", "our {said} table"),
        "named": ("my table {name}", "the table {name}", "our table {name}", 'the table "{name}"'),
        "told": ("the table {name} (columns {columns})", "my table {name} with the columns {columns}"),
    },
    "zh": {
        "vague": ("我的{said}记录", "{said}清单", "那份{said}表格", "我的{said}数据", "我们的{said}台账", "我那张{said}表"),
        "named": ("表 {name} ", "我的表 {name} ", "名为 {name} 的表", " {name} 这张表"),
        "told": ("表 {name}（列：{columns}）", "我的表 {name}（有 {columns} 这几列）"),
    },
}  # fmt: skip


def table(stage: Stage) -> Scenario:
    """A question about one table that one query answers."""
    return _asked(stage, [kind for kind in KINDS if not KINDS[kind].computes])


def table_computed(stage: Stage) -> Scenario:
    """A question that takes a query, or two, and the calculator."""
    return _asked(stage, [kind for kind in KINDS if KINDS[kind].computes])


def table_missing(stage: Stage) -> Scenario:
    """A question about a table that there is not: a look tells, and so does the answer."""
    draw, language = stage.draw, stage.language
    there = {one.key for one in _tables(stage)}
    subjects = things(language, "tables")
    raw = subjects[draw.choice(sorted(subjects.keys() - there))]
    phrase = draw.choice(_PHRASES[language]["vague"]).format(said=raw["said"])
    what = draw.choice(raw["numbers"])["said"]
    names = "、" if language == "zh" else ", "

    def script() -> Script:
        found = yield Ask("query_tables", {})
        return answer(draw, language, "table-missing", table=phrase, names=names.join(data(found)))

    asked = question(draw, language, "table-missing", table=phrase, what=what)
    return Scenario("table-missing", language, asked, ("query_tables",), script)


def _asked(stage: Stage, kinds: Sequence[str]) -> Scenario:
    draw, language = stage.draw, stage.language
    chosen = draw.choice([one for one in _tables(stage) if one.language == language])
    template = draw.choice(kinds)
    way = draw.choices(*_WAYS)[0]
    phrase = draw.choice(_PHRASES[language][way])
    columns = ("、" if language == "zh" else ", ").join(chosen.header)
    wanted = KINDS[template].ask(draw, chosen)
    guess = _guess(draw, chosen, wanted, way) if draw.random() < _GUESSES else None
    values = {**wanted.values, "table": phrase.format(name=chosen.name, said=chosen.said, columns=columns)}

    def script() -> Script:
        if guess:
            failed((yield Ask("query_tables", {"sql": guess}, learned=False)))
        elif way == "vague":
            yield Ask("query_tables", {})
        elif way == "named":
            yield Ask("query_tables", {"sql": f"SELECT * FROM {chosen.name} LIMIT 2"})
        cells: list[Any] = []
        seen: list[Observation] = []
        for sql in wanted.queries:
            seen.append((yield Ask("query_tables", {"sql": sql})))
            rows = data(seen[-1])["rows"]
            if not rows or rows[0][0] is None:
                raise UnusableError("there is nothing of this")
            cells += rows[0]
        a, b = [*cells, ""][:2]
        filled = {"value": a, "a": b, "s": seen[-1].source}
        if wanted.expression:
            found = yield Ask("calculator", {"expression": wanted.expression(*cells)})
            filled = {"a": a, "b": b, "value": data(found)["shown"], "s": found.source}
        sources = {"s1": seen[0].source, "s2": seen[-1].source}
        return answer(draw, language, template, **values, **filled, **sources)

    needs = ("query_tables", "calculator") if wanted.expression else ("query_tables",)
    return Scenario(template, language, question(draw, language, template, **values), needs, script)


def _guess(draw: random.Random, chosen: Table, wanted: Wanted, way: str) -> str | None:
    """The first query with a name that there is not: of the table where it was not told, or of a column."""
    names = [chosen.name] if way == "vague" else []
    names += [column.name for column in (*chosen.groups, *chosen.numbers) if way != "told"]
    sql = wanted.queries[0]
    used = [name for name in names if re.search(rf"\b{name}\b", sql)]
    if not used:
        return None
    name = draw.choice(used)
    others = [other for other in chosen.aliases[name] if other not in chosen.header]
    return re.sub(rf"\b{name}\b", draw.choice(others), sql) if others else None


def _tables(stage: Stage) -> Sequence[Table]:
    if not stage.tables:
        raise UnusableError("there are no tables")
    return stage.tables
