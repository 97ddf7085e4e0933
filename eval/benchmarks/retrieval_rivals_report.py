"""The tables of :mod:`eval.benchmarks.retrieval_rivals`: figures by system and set, and ours against each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from eval.benchmarks.retrieval_rivals_base import System
from eval.benchmarks.retrieval_rivals_ours import OURS, RERANKED
from eval.benchmarks.retrieval_rivals_results import METRICS, Result
from eval.compare import Difference, Interval, bootstrap, holm, paired
from eval.compare_results import ALPHA

#: Sets by the language of their questions, for comparisons over several sets together.
LANGUAGES = {"English": ("squad2_en", "covid_en"), "Chinese": ("cmrc_zh", "drcd_zht")}

Results = Mapping[tuple[str, str], Result]


def report(results: Sequence[Result], systems: Sequence[System]) -> str:
    """Markdown: a table for each metric, then comparisons of ours, and of ours with a reranker, then what was measured."""
    found = {result.key: result for result in results}
    sets = set_names(results)
    measured = [system for system in systems if any(name == system.name for _, name in found)]
    blocks = [_figures(found, sets, measured, metric) for metric in METRICS]
    blocks.append(_lengths(found, sets, measured))
    for subject in (OURS, RERANKED):
        if subject not in measured:
            continue
        for title, others in (
            ("the others", [system for system in measured if system.rival]),
            ("its parts and variants", [system for system in measured if not system.rival and system != subject]),
        ):
            for metric in METRICS:
                blocks += [_comparison(found, {name: [name] for name in sets}, subject, others, metric, title)]
        present = {name: [one for one in of if one in sets] for name, of in LANGUAGES.items()}
        languages = {f"{name} ({', '.join(of)})": of for name, of in present.items() if of}
        rivals = [system for system in measured if system.rival]
        for metric in METRICS:
            blocks += [_comparison(found, languages, subject, rivals, metric, "the others, by language")]
    blocks.append("\n".join(_about(found, measured)))
    return "\n\n".join(block for block in blocks if block) + "\n"


def set_names(results: Sequence[Result]) -> list[str]:
    """The sets, those of the table of languages first and in its order."""
    known = [name for names in LANGUAGES.values() for name in names]
    measured = {result.key[0] for result in results}
    return [*(name for name in known if name in measured), *sorted(measured - {*known})]


def interval_of(result: Result, metric: str) -> Interval:
    """The mean and its 95% interval, resampling articles."""
    return bootstrap(result.values[metric], result.groups)


def _figures(found: Results, sets: Sequence[str], systems: Sequence[System], metric: str) -> str:
    columns = []
    for name in sets:
        result = next(found[name, system.name] for system in systems if (name, system.name) in found)
        size = f"{len(result.questions)} questions, {len(set(result.groups))} of {result.about['articles']} articles"
        columns.append(f"{name} ({size})")
    lines = [f"### {metric}", "", f"| system | {' | '.join(columns)} |", "| --- " * (len(sets) + 1) + "|"]
    cells = {key: interval_of(result, metric) for key, result in found.items()}
    best = {name: max(cell.mean for key, cell in cells.items() if key[0] == name) for name in sets}
    for system in systems:
        row = []
        for name in sets:
            cell = cells.get((name, system.name))
            text = f"{short(cell.mean)} [{short(cell.low)}, {short(cell.high)}]" if cell else "not measured"
            row.append(f"**{text}**" if cell and cell.mean == best[name] else text)
        lines.append(f"| {system.label} | {' | '.join(row)} |")
    return "\n".join(lines)


def _lengths(found: Results, sets: Sequence[str], systems: Sequence[System]) -> str:
    lines = [
        "### Characters of a hit",
        "",
        "The mean of the first ten. MRR@10 asks for a hit that holds the whole answer, however long it is: the longer",
        "hits are, the easier. Answer recall gives every system the same number of characters.",
        "",
        f"| system | {' | '.join(sets)} |",
        "| --- " * (len(sets) + 1) + "|",
    ]
    for system in systems:
        results = [found.get((name, system.name)) for name in sets]
        cells = [f"{one.characters:,.0f}" if one else "not measured" for one in results]
        lines.append(f"| {system.label} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _comparison(
    found: Results,
    columns: Mapping[str, Sequence[str]],
    subject: System,
    others: Sequence[System],
    metric: str,
    title: str,
) -> str:
    """One table and one family of tests: every cell is the subject's value less the other's, over a column's sets."""
    differences = {
        (other.name, column): difference
        for other in others
        for column, sets in columns.items()
        if (difference := _paired(found, sets, other, subject, metric)) is not None
    }
    if not differences:
        return ""
    adjusted = dict(zip(differences, holm([one.p for one in differences.values()]), strict=True))
    shown = [column for column in columns if any(key[1] == column for key in differences)]
    lines = [
        f"### {subject.label} against {title}: {metric}",
        "",
        f"Difference, its 95% interval, p by Holm over the {len(differences)} comparisons of this table; bold below {ALPHA}.",
        *_too_few(differences),
        "",
        f"| {subject.label} less | {' | '.join(shown)} |",
        "| --- " * (len(shown) + 1) + "|",
    ]
    for other in others:
        row = []
        for column in shown:
            one = differences.get((other.name, column))
            if one is None:
                row.append("not measured")
                continue
            p = adjusted[other.name, column]
            text = f"{signed(one.difference)} [{signed(one.low)}, {signed(one.high)}], p {_p(p)}"
            row.append(f"**{text}**" if p < ALPHA else text)
        lines.append(f"| {other.label} | {' | '.join(row)} |")
    return "\n".join(lines)


def _too_few(differences: Mapping[tuple[str, str], Difference]) -> Iterator[str]:
    few = {key[1]: one for key, one in differences.items() if one.least_p > ALPHA}
    for column, one in few.items():
        yield (
            f"{column} has {one.groups} test articles: no test of so few can give a p below {one.least_p:.2g}, "
            "before any correction; only its interval speaks."
        )


def _paired(found: Results, sets: Sequence[str], first: System, second: System, metric: str) -> Difference | None:
    """Second less first over several sets together; None where one is not measured on all of them."""
    a: list[float] = []
    b: list[float] = []
    groups: list[str] = []
    for name in sets:
        one, two = found.get((name, first.name)), found.get((name, second.name))
        if one is None or two is None or list(one.questions) != list(two.questions):
            return None
        a += one.values[metric]
        b += two.values[metric]
        groups += one.groups
    return paired(a, b, groups) if groups else None


def _about(found: Results, systems: Sequence[System]) -> Iterator[str]:
    yield "### What was measured"
    yield ""
    for system in systems:
        about = [result.about for (_, name), result in found.items() if name == system.name]
        versions = dict.fromkeys(
            ", ".join(f"{package} {number}" for package, number in one["versions"].items()) for one in about
        )
        known = "; ".join(version for version in versions if version)
        texts = " / ".join(dict.fromkeys(one["configuration"] for one in about))
        yield f"- **{system.label}**: {texts}{f' ({known})' if known else ''}."
    embedders = dict.fromkeys(
        f"{one['name']} ({one['quantization']}, prefixes {one['query_prefix']!r} and {one['document_prefix']!r})"
        for one in (result.about["embedder"] for result in found.values())
    )
    yield f"- All embed with {' / '.join(embedders)}; questions and passages are embedded once, and shared."


def short(value: float) -> str:
    """Three digits without the leading zero."""
    return f"{value:.3f}".removeprefix("0") if value < 0.9995 else "1.000"


def signed(value: float) -> str:
    """Three digits with a sign, without the leading zero."""
    return f"{value:+.3f}".replace("0.", ".", 1)


def _p(value: float) -> str:
    return "< .001" if value < 0.001 else short(value)
