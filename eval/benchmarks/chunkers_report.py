"""The tables of :mod:`eval.benchmarks.chunkers`: figures by configuration, and each against the default."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from eval.compare import Difference, bootstrap, holm, paired

#: One measured configuration, as it stands in the JSON file.
Line = Mapping[str, Any]

#: The configuration that the others are compared with: chunker, and size by language.
DEFAULT = "recursive"
LANGUAGES = {"en": ("squad2_en", "covid_en"), "zh": ("cmrc_zh", "drcd_zht")}
DEFAULT_SIZE = {"en": 96, "zh": 192}
#: What decides, fixed before anything was measured: about what a small model is given to read.
PRIMARY = "answer_recall@1000"
COLUMNS = ("answer_recall@500", PRIMARY, "answer_recall@2000", "mrr@10", "passages@1000", "passages@2000")
#: Values that the intervals and tests are made of.
PARTS = {"choose": "train and dev articles", "test": "test articles"}


def report(lines: Sequence[Line]) -> str:
    """Markdown: one table for each part, then the comparisons by language."""
    # A configuration whose chunker has changed since was measured again: the last one stands.
    lines = list({(line["set"], line["articles"], line["chunker"], line["size"]): line for line in lines}.values())
    blocks = []
    for part, title in PARTS.items():
        blocks.append("\n".join([f"### {title.capitalize()}", "", *_table(lines, part)]))
    for language in LANGUAGES:
        blocks.append("\n".join([f"### {language}: against {DEFAULT} {DEFAULT_SIZE[language]}", ""]))
        blocks[-1] += "\n".join(_comparison(lines, language))
    return "\n\n".join(blocks)


def _table(lines: Sequence[Line], part: str) -> Iterator[str]:
    yield f"| set | chunker | tokens | chunks | {' | '.join(COLUMNS)} |"
    yield "| --- " * (len(COLUMNS) + 4) + "|"
    for line in sorted(lines, key=lambda line: (line["set"], line["articles"], line["chunker"], line["size"])):
        rows, groups = _rows(line, part)
        cells = []
        for metric in COLUMNS:
            interval = bootstrap([line["values"][metric][row] for row in rows], groups)
            cells.append(f"{_short(interval.mean)} [{_short(interval.low)}, {_short(interval.high)}]")
        name = f"{line['set']} ({len(rows)} questions, {len(set(groups))} of {line['articles']} articles)"
        yield f"| {name} | {line['chunker']} | {line['size']} | {line['chunks']} | {' | '.join(cells)} |"


def _comparison(lines: Sequence[Line], language: str) -> Iterator[str]:
    """Each configuration that was measured on all sets of the language, on the part that chooses and on the test part."""
    by_set = {name: _largest([line for line in lines if line["set"] == name]) for name in LANGUAGES[language]}
    by_set = {name: found for name, found in by_set.items() if (DEFAULT, DEFAULT_SIZE[language]) in found}
    if not by_set:
        yield "\nnothing to compare with yet"
        return
    default = [found[DEFAULT, DEFAULT_SIZE[language]] for found in by_set.values()]
    shared = set.intersection(*(set(found) for found in by_set.values())) - {(DEFAULT, DEFAULT_SIZE[language])}
    compared = []
    for key in sorted(shared):
        own = [found[key] for found in by_set.values()]
        compared.append((key, _paired(default, own, "choose"), _paired(default, own, "test")))
    adjusted = holm([difference.p for _, difference, _ in compared])
    yield f"\n{PRIMARY} over {', '.join(by_set)} together; p by Holm over these {len(compared)} rows:\n"
    yield "| chunker | tokens | train and dev | difference | p | test | difference |"
    yield "| --- " * 7 + "|"
    rows = zip(compared, adjusted, strict=True)
    for ((name, size), choose, test), p in sorted(rows, key=lambda row: -row[0][1].difference):
        yield (
            f"| {name} | {size} | {_short(choose.b)} (default {_short(choose.a)}) | {_signed(choose)} | {p:.3f} | "
            f"{_short(test.b)} (default {_short(test.a)}) | {_signed(test)} |"
        )


def _largest(lines: Sequence[Line]) -> dict[tuple[str, int], Line]:
    """By chunker and size, where as many articles were used as most configurations have."""
    counts = [line["articles"] for line in lines]
    usual = max(counts, key=counts.count, default=0)
    return {(line["chunker"], line["size"]): line for line in lines if line["articles"] == usual}


def _paired(a: Sequence[Line], b: Sequence[Line], part: str) -> Difference:
    first: list[float] = []
    second: list[float] = []
    groups: list[str] = []
    for old, new in zip(a, b, strict=True):
        rows, articles = _rows(old, part)
        first += [old["values"][PRIMARY][row] for row in rows]
        second += [new["values"][PRIMARY][row] for row in rows]
        groups += [f"{old['set']}/{article}" for article in articles]
    return paired(first, second, groups)


def _rows(line: Line, part: str) -> tuple[list[int], list[int]]:
    """The numbers of the questions of a part, and the article of each."""
    rows = [number for number, (_, of) in enumerate(line["questions"]) if of == part]
    return rows, [line["questions"][row][0] for row in rows]


def _signed(difference: Difference) -> str:
    return f"{difference.difference:+.4f} [{difference.low:+.4f}, {difference.high:+.4f}]"


def _short(value: float) -> str:
    return f"{value:.3f}".replace("0.", ".", 1) if value < 1 else f"{value:.3f}"
