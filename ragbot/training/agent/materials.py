"""Scenarios over the person's own material: tables made for this, and documents with questions about them."""

from __future__ import annotations

import csv
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.datasets.base import QuestionSet
from ragbot.training.agent.scenarios import Ask, Scenario, Script, UnusableError, answer, data, question

#: Tables: their names, the column of members, the members, the column of numbers.
SHAPES = {
    "en": (
        ("harvest", "field", ("north", "south", "hill", "brook"), "tonnes"),
        ("stock", "warehouse", ("Linden", "Harbour", "Depot", "Annex"), "boxes"),
        ("visitors", "museum", ("Art", "History", "Toy", "Rail"), "guests"),
        ("budget", "team", ("design", "sales", "support", "research"), "spent"),
        ("shifts", "worker", ("Nora", "Ivan", "Lucia", "Omar"), "hours"),
    ),
    "zh": (
        ("产量", "车间", ("一车间", "二车间", "三车间", "总装"), "件数"),
        ("库存", "仓库", ("东仓", "西仓", "北仓", "南仓"), "箱数"),
        ("客流", "景点", ("古城", "湖区", "山门", "博览园"), "人次"),
        ("预算", "部门", ("设计部", "销售部", "客服部", "研发部"), "支出"),
        ("工时", "员工", ("张岚", "李拓", "王芮", "赵恺"), "小时"),
    ),
}


@dataclass(frozen=True, slots=True)
class Material:
    """What there is: files of tables, and questions about documents that the knowledge base of the world holds."""

    tables: tuple[Path, ...] = ()
    questions: tuple[QuestionSet, ...] = ()


def write_tables(folder: Path, seed: int) -> tuple[Path, ...]:
    """A file for each of :data:`SHAPES`, with numbers drawn by ``seed``."""
    folder.mkdir(parents=True, exist_ok=True)
    draw = random.Random(seed)
    written = []
    for shapes in SHAPES.values():
        for name, group, members, column in shapes:
            path = folder / f"{name}.csv"
            with path.open("w", encoding="utf-8", newline="") as file:
                rows = csv.writer(file)
                rows.writerow([group, column])
                rows.writerows([draw.choice(members), draw.randint(5, 900)] for _ in range(24))
            written.append(path)
    return tuple(written)


def table(draw: random.Random, language: str) -> Scenario:
    """A question that takes a query, or two and a division."""
    template = draw.choice(("table-total", "table-top", "table-low", "table-count", "table-where", "table-share"))
    least = draw.randint(100, 800)
    name, group, members, column = draw.choice(SHAPES[language])
    member = draw.choice(members)
    values = {"table": name, "group": group, "member": member, "column": column, "n": least}
    where = f"WHERE {group} = '{member}'"
    sql = {
        "table-total": f"SELECT sum({column}) FROM {name}",
        "table-top": f"SELECT {group}, sum({column}) FROM {name} GROUP BY {group} ORDER BY 2 DESC LIMIT 1",
        "table-low": f"SELECT {group}, sum({column}) FROM {name} GROUP BY {group} ORDER BY 2 LIMIT 1",
        "table-where": f"SELECT count(*) FROM {name} WHERE {column} > {least}",
        "table-count": f"SELECT count(*) FROM {name} {where}",
        "table-share": f"SELECT sum({column}) FROM {name} {where}",
    }[template]
    looks = draw.random() < 0.5  # to see the columns first is never wrong

    def script() -> Script:
        if looks:
            yield Ask("query_tables", {"sql": f"SELECT * FROM {name} LIMIT 2"})
        first = yield Ask("query_tables", {"sql": sql})
        value = data(first)["rows"][0][0]
        if template != "table-share":
            return answer(draw, language, template, **values, value=value, s=first.source)
        second = yield Ask("query_tables", {"sql": f"SELECT sum({column}) FROM {name}"})
        whole = data(second)["rows"][0][0]
        found = yield Ask("calculator", {"expression": f"round({value} / {whole} * 100, 1)"})
        filled = {"a": value, "b": whole, "s1": first.source, "value": data(found)["shown"], "s": found.source}
        return answer(draw, language, template, **values, **filled)

    needs = ("query_tables", "calculator") if template == "table-share" else ("query_tables",)
    return Scenario(template, language, question(draw, language, template, **values), needs, script)


def document(draw: random.Random, sets: Sequence[QuestionSet], language: str) -> Scenario:
    """A question about a document: answered from the passage that holds the answer, or not answered."""
    of_language = [one for one in sets if one.name.endswith(language)]
    if not of_language:
        raise UnusableError(f"no documents in {language}")
    chosen = draw.choice(draw.choice(of_language).questions)
    template = "document-fact" if chosen.answerable else "document-missing"
    if template == "document-missing" and draw.random() < 0.6:
        raise UnusableError("half of the questions about a paragraph have no answer: more than people ask")
    text = chosen.text

    def script() -> Script:
        found = yield Ask("search_knowledge", {"query": text.rstrip("?？")})
        if template == "document-missing":
            return answer(draw, language, template)
        for citation in found.citations:
            for value in chosen.answers:
                if citation.source == chosen.document and value in citation.quote:
                    return answer(draw, language, template, value=value, s=citation.marker)
        raise UnusableError("the search did not find the passage")

    asked = question(draw, language, template, q=text)
    return Scenario(template, language, asked, ("search_knowledge",), script)
