"""Sentences in another language than their source, or in other words: how many are tied to it, and what is noticed.

    python -m eval.benchmarks.restatements               # documents that no threshold was chosen on
    python -m eval.benchmarks.restatements --part dev    # the others
    python -m eval.benchmarks.restatements --show true   # what came out wrong

Each line of data/eval/restatements.jsonl has a sentence of our documents, what somebody could make of it in an answer,
and the same made false in one thing: a number, a date, a name, a denial, an opposite, or what it is about. A foreign
sentence is the true one of another document. Each is judged over five passages, by words alone and with the embedder.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eval.benchmarks.citation_mutations import DATA, corpus
from eval.benchmarks.citation_mutations_cases import passages_of
from eval.benchmarks.setup import log
from eval.compare import bootstrap
from ragbot.documents import Passage
from ragbot.generation.verification.aligning import Aligner
from ragbot.generation.verification.reading import Reading
from ragbot.generation.verification.verdicts import Verdict
from ragbot.generation.verification.verifier import Verifier
from ragbot.models.embedders.base import Embedder
from ragbot.models.registry import load_embedder

# Knobs.
SAME, OTHERS = 2, 2  # passages beside the right one, of its document and of others
TRUE, FOREIGN = "true", "foreign"
STATUSES = ("supported", "unchecked", "unsupported")


@dataclass(frozen=True, slots=True)
class Case:
    """A claim over passages; ``right`` (from 1) is the one that it was made of, and ``evidence`` the sentence."""

    kind: str
    group: str
    claim: str
    passages: tuple[Passage, ...]
    right: int
    evidence: str
    document: str


def main() -> None:
    """Print a table for translations, and one for other words."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--part", default="test", choices=("dev", "test"))
    parser.add_argument("--embedder", default="bundled")
    parser.add_argument("--show", help="print the cases of this kind that came out wrong")
    options = parser.parse_args()
    report(load_embedder(options.embedder), options.part, options.show)


def report(embedder: Embedder, part: str, show: str | None = None) -> None:
    """Judge the cases of this part by words, and with the embedder; print what came of them."""
    made = list(cases(part))
    aligner = Aligner(embedder)
    by_words = [judged(case, None) for case in made]
    started = time.process_time()
    by_meaning = [judged(case, aligner) for case in made]
    log(f"{time.process_time() - started:.1f} s of processor for {len(made)} sentences, with their passages")
    for group in dict.fromkeys(case.group for case in made):
        print(f"\n## {group}, {part}\n\n| claim | sentences | by words: {' / '.join(STATUSES)} | with the embedder |")
        print("| --- | --- | --- | --- |")
        for kind in dict.fromkeys(case.kind for case in made):
            chosen = [i for i, case in enumerate(made) if (case.group, case.kind) == (group, kind)]
            _row(kind, [made[i] for i in chosen], [[rows[i] for i in chosen] for rows in (by_words, by_meaning)])
        false = [i for i, case in enumerate(made) if case.group == group and case.kind not in {TRUE, FOREIGN}]
        _row(
            "all that is false", [made[i] for i in false], [[rows[i] for i in false] for rows in (by_words, by_meaning)]
        )
        true = [i for i, case in enumerate(made) if case.group == group and case.kind == TRUE]
        tied = [i for i in true if by_meaning[i].status != "unsupported" and by_meaning[i].ties]
        right = sum(_right(made[i], by_meaning[i]) for i in tied)
        print(f"\nOf {len(tied)} true ones that are tied to a sentence, {right} cite the sentence they were made of.")
    for case, verdict in zip(made, by_meaning, strict=True):
        if show and show == case.kind and (verdict.status == "supported") != (case.kind == TRUE):
            cited = [case.passages[tie.passage].text[tie.start : tie.end] for tie in verdict.ties]
            log(f"{case.group} | {verdict.status} | {case.claim} | {case.evidence} | {cited} | {verdict.findings}")


def cases(part: str) -> Iterator[Case]:
    """The sentences of this part, each true, made false, and beside passages that do not say it."""
    texts = corpus()
    passages = passages_of(texts)
    path = DATA / "eval" / "restatements.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for number, row in enumerate(rows):
        if row["part"] != part:
            continue
        shown, right = _shown(row, number, texts, passages)
        group = _group(row)
        for kind, claim in ((TRUE, row["claim"]), (row["kind"], row["false"])):
            yield Case(kind, group, claim, shown, right, row["evidence"], row["source"])
        strangers = [
            other["claim"]
            for other in rows
            if _group(other) == group
            and other["source"] != row["source"]
            and other["part"] == part
            and not any(other["evidence"] in passage.text for passage in shown)
        ]
        stranger = random.Random(f"stranger {number}").choice(strangers)
        yield Case(FOREIGN, group, stranger, shown, right, row["evidence"], row["source"])


def judged(case: Case, aligner: Aligner | None) -> Verdict:
    """What comes of the claim under the marker of the passage that it was made of."""
    return Verifier(case.passages, "", aligner=aligner).verify(case.claim, [case.right])


def _group(row: Mapping[str, Any]) -> str:
    return "another language" if Reading(row["claim"]).chinese != row["source"].startswith("zh/") else "other words"


def _shown(
    row: Mapping[str, Any], number: int, texts: Mapping[str, str], passages: Mapping[str, Sequence[Passage]]
) -> tuple[tuple[Passage, ...], int]:
    own = passages[row["source"]]
    offset = texts[row["source"]].index(row["evidence"])
    right = next(passage for passage in own if passage.start <= offset < passage.end)
    draw = random.Random(number)
    rest = [passage for passage in own if passage is not right]
    others = [
        passage
        for source, cut in passages.items()
        if source != row["source"] and source[:2] == row["source"][:2]
        for passage in cut
    ]
    shown = [right, *draw.sample(rest, SAME), *draw.sample(others, OTHERS)]
    draw.shuffle(shown)
    return tuple(shown), shown.index(right) + 1


def _right(case: Case, verdict: Verdict) -> bool:
    quotes = [
        case.passages[tie.passage].text[tie.start : tie.end] for tie in verdict.ties if tie.passage + 1 == case.right
    ]
    return any(quote in case.evidence or case.evidence in quote for quote in quotes)


def _row(kind: str, made: Sequence[Case], outcomes: Sequence[Sequence[Verdict]]) -> None:
    if not made:
        return
    documents = [case.document for case in made]
    cells = []
    for verdicts in outcomes:
        shares: dict[str, str] = defaultdict(str)
        for status in STATUSES:
            spread = bootstrap([float(verdict.status == status) for verdict in verdicts], documents)
            shares[status] = f"{spread.mean:.2f} [{spread.low:.2f}, {spread.high:.2f}]"
        cells.append(" / ".join(shares[status] for status in STATUSES))
    print(f"| {kind} | {len(made)} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
