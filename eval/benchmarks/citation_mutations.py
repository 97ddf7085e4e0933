"""How often the verification of answers notices what was falsified, and how often it doubts what is true.

    python -m eval.benchmarks.citation_mutations                 # our own documents, paraphrases, and the sets' test articles
    python -m eval.benchmarks.citation_mutations --part dev --show negation   # what slipped through

Each case is a sentence under a marker, and five passages. True sentences stand in their passage, or paraphrase it
(data/eval/paraphrases.jsonl, by hand); of the question sets, the sentence that holds the answer. False ones have one
thing changed: another marker, number, unit, date, name, a denial, an opposite, or the sentence of another document. A
wrong marker is caught where that passage is no longer cited; all the rest where the sentence is called unsupported.
"""

from __future__ import annotations

import json
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from eval.benchmarks.citation_mutations_cases import TRUE, Case, Sentence, cases, outcome, passages_of, sentences_of
from eval.benchmarks.setup import arguments, log, read_sets
from eval.datasets.base import QuestionSet
from ragbot.documents import Passage
from ragbot.generation.quoting import plain
from ragbot.generation.verification.writer import Writer
from ragbot.text import sentence_spans

# Knobs.
SEED = 0
EACH = 100  # cases of a kind and language
QUESTIONS = 400  # of a set
DATA = Path(__file__).parents[2] / "data"


def main() -> None:
    """Print a table for each source of sentences."""
    parser = arguments((__doc__ or "").splitlines()[0])
    parser.add_argument("--part", default="test", choices=("train", "dev", "test"), help="articles of the sets")
    parser.add_argument("--each", type=int, default=EACH, help="cases of a kind and language")
    parser.add_argument("--show", help="print the cases of this kind that came out wrong")
    parser.add_argument("--own", action="store_true", help="only our own documents")
    options = parser.parse_args()
    texts = corpus()
    cut = passages_of(texts)
    _report("own documents", list(cases(cut, sentences_of(cut), options.each, SEED)), options.show)
    _report("paraphrases", list(cases(cut, paraphrases(texts, cut), options.each, SEED)), options.show)
    if not options.own:
        for question_set in read_sets(options, unit="paragraph"):
            passages, sentences = _gold(question_set, options.part)
            _report(
                f"{question_set.name}, {options.part}",
                list(cases(passages, sentences, options.each, SEED)),
                options.show,
            )
    print(f"\n{_milliseconds(cut):.2f} ms: median of an answer of three sentences over five passages")


def corpus() -> dict[str, str]:
    """Our own documents that are plain text, by name."""
    paths = [*sorted((DATA / "corpus").rglob("*.md")), *sorted((DATA / "sources").rglob("*.md"))]
    return {f"{path.parent.name}/{path.name}": path.read_text(encoding="utf-8") for path in paths}


def paraphrases(texts: Mapping[str, str], passages: Mapping[str, Sequence[Passage]]) -> list[Sentence]:
    """The sentences of data/eval/paraphrases.jsonl, each with the passage that it paraphrases."""
    found = []
    for line in (DATA / "eval" / "paraphrases.jsonl").read_text(encoding="utf-8").splitlines():
        item = json.loads(line)
        source = item["source"]
        offset = texts[source].index(item["evidence"])
        place = next(i for i, passage in enumerate(passages[source]) if passage.start <= offset < passage.end)
        found.append(Sentence(source, place, item["claim"], source.partition("/")[0]))
    return found


def _gold(question_set: QuestionSet, part: str) -> tuple[dict[str, list[Passage]], list[Sentence]]:
    """The passages of these articles, and the sentences in them that hold an answer."""
    chosen = question_set.part(part)
    passages = passages_of({source: document.text for source, document in chosen.documents.items()})
    found: dict[tuple[str, str], Sentence] = {}
    for question in chosen.questions:
        for item in question.gold[:1]:
            source, at = item[0].source, item[0].start
            text = chosen.documents[source].text
            begin, end = next((a, b) for a, b in sentence_spans(text) if a <= at < b)
            number = next(i for i, passage in enumerate(passages[source]) if passage.start <= begin < passage.end)
            said = plain(text[begin:end])
            found.setdefault((source, said), Sentence(source, number, said, passages[source][number].document.language))
    return passages, list(found.values())[:QUESTIONS]


def _report(name: str, made: Sequence[Case], show: str | None) -> None:
    counts: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for case in made:
        passed = outcome(case)
        counts[case.kind, case.language].append(passed)
        if show and show in case.kind and passed == (case.kind != TRUE):
            log(f"{case.kind} | {case.answer} | {'; '.join(_reasons(case))}")
    print(f"\n## {name}\n\n| kind | en | zh |\n| --- | --- | --- |")
    for kind in dict.fromkeys(kind for kind, _ in counts):
        cells = []
        for language in ("en", "zh"):
            rows = counts.get((kind, language), [])
            wrong = sum(rows) if kind != TRUE else len(rows) - sum(rows)
            share = f"{(wrong if kind == TRUE else len(rows) - wrong) / len(rows):.3f} ({len(rows)})" if rows else "-"
            cells.append(share)
        print(f"| {'true, but doubted' if kind == TRUE else f'{kind}: caught'} | {' | '.join(cells)} |", flush=True)


def _reasons(case: Case) -> Iterator[str]:
    writer = Writer(case.passages, case.question)
    for _ in writer.write([f"{case.answer} [{case.cited}]"]):
        pass
    for claim in writer.claims:
        yield f"{claim.status} {claim.findings}"
    for citation in writer.citations:
        yield f"[{citation.marker}] {citation.quote}"


def _milliseconds(passages: Mapping[str, Sequence[Passage]]) -> float:
    """Median time that the checks of one answer take: three sentences, of which one is false; after a warm-up."""
    sentences = sentences_of(passages)
    made = [case for case in cases(passages, sentences, 40, SEED) if case.kind in {TRUE, "number: digit"}]
    taken = []
    for round_ in range(2):
        for case in made:
            own = [plain(p.text[a:b]) for p in case.passages for a, b in sentence_spans(p.text) if b - a > 20][:2]
            writer = Writer(case.passages, case.question)
            started = time.perf_counter()
            for _ in writer.write([" ".join(f"{said} [1]" for said in [case.answer, *own])]):
                pass
            if round_:
                taken.append(time.perf_counter() - started)
    return statistics.median(taken) * 1000


if __name__ == "__main__":
    main()
