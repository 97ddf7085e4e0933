"""Values made of any text, and every page that shows one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from agents.policy import ConsentRequest
from agents.steps import Action, Consent, FinalAnswer, Malformed, Observation, Source, Step, Thought
from agents.taint import Suspicion
from agents.tools.base import Effect
from eval.compare_results import Interval, difference
from eval.contrast import Contrast, Flip, Verdict
from eval.datasets.base import Question
from eval.records import Row, Run
from eval.summary import Figure
from ragbot.documents import (
    Answer,
    Chunk,
    Citation,
    Claim,
    Document,
    Duplicate,
    FailedSource,
    Finding,
    IngestReport,
    ScoredChunk,
)
from ragbot.retrieval.explanation import Component, ExplainedHit, Explanation, Term
from ragbot.retrieval.explanation import Step as SearchStep
from ragbot.showing.answers import answer_html, documents_html, failure_html, hits_html, partial_html, report_html
from ragbot.showing.conversations import matches_html, turn_html
from ragbot.showing.evaluations import comparison_html, figures_html, runs_html
from ragbot.showing.html import note_html
from ragbot.showing.progress import Progress, progress_html
from ragbot.showing.sources import ChunkSpan, SourceView, source_html
from ragbot.showing.steps import consent_html, steps_html
from ragbot.workspace.records import ConversationInfo, Turn
from ragbot.workspace.searching import Found


def document(text: str, identity: int = 7) -> Document:
    metadata = {"author": text, "collection": text, "tags": json.dumps([text[:50]])}
    return Document(identity, text, text, text, text, text or None, "hash", (text,) if text else (), metadata)


def hit(text: str, identity: int = 1) -> ScoredChunk:
    chunk = Chunk(identity, document(text), 0, text, 0, len(text), 3, (text, text))
    copies = tuple(Duplicate(9, text, text, 4, 0, 5, "near") for _ in range(7))
    return ScoredChunk(chunk, 1.25, {"dense": 0.5}, copies)


def citation(text: str, marker: int = 1, focus: tuple[int, int] | None = (10, 12)) -> Citation:
    return Citation(marker, text, text, 3, text, 10, 10 + len(text), text, 7, focus)


def claims(text: str) -> tuple[Claim, ...]:
    kinds = ("number", "date", "name", "negation", "opposite", "unfounded")
    findings = tuple(Finding(kind, text, found) for kind in kinds for found in (text, ""))  # type: ignore[arg-type]
    return (Claim(text, 0, min(3, len(text)), "unsupported", (1,), findings), Claim(text, 0, 0, "unsupported"))


def answer(text: str, /, **changes: object) -> Answer:
    values: dict[str, object] = {
        "question": text,
        "text": f"{text} [1] [2] [99]",
        "citations": (citation(text), citation(text, 2, None)),
        "abstained": False,
        "confidence": 0.9,
        "language": "en",
        "hits": (hit(text),),
        "timings": {"total": 1.5, "search": 0.1},
        "usage": {"input_tokens": 3000, "output_tokens": 40},
        "claims": claims(text),
    }
    return Answer(**{**values, **changes})  # type: ignore[arg-type]


def explanation(text: str) -> Explanation:
    components = (
        Component("dense", 0.8, 2.5, 1, 1.25),
        Component("lexical", None, None, None, -0.5),
        Component("reranker", 3.0, None, 2, None),
    )
    terms = (
        Term(text, "word", 5, 2.0),
        Term(text, "stem", 5, 2.0),
        Term(text, "pair", 1, 1.0),
        Term(text, "word", 0, 3.0),
    )
    steps = (SearchStep("filter", removed=3), SearchStep("duplicates", removed=1), SearchStep("reranker", moved=2))
    return Explanation(text, (ExplainedHit(1, hit(text), components, (text,)),), terms, steps, 1000, 12)


def report(text: str) -> IngestReport:
    failed = (FailedSource(text, f"{text}: is damaged: export it again"),)
    names = (text, *(f"{text}{number}.psd" for number in range(12)))
    return IngestReport(names, (text,), (text,), failed, (text,), names, 1234, 12, 56789, 3, 2, 4.5)


def steps(text: str) -> list[Step]:
    sources = (
        Source(1, text, "a", text, citation(text)),
        Source(2, text, "b", text),
    )
    return [
        Thought(1, 0, text),
        Action(1, 0, "a", text, {text: text, "nested": {text: [text, 1]}}),
        Consent(1, 0, "a", False, "person", (text,)),
        Observation(1, 0, "a", text, text, "ok", False, 1, (citation(text),), 1.5),
        Observation(1, 0, "a", text, text, "outage"),
        Malformed(2, 0, text, text),
        FinalAnswer(3, 0, f"{text} [1] [2] [7]", "best", text, sources, claims(text)),
    ]


def consent(text: str) -> ConsentRequest:
    suspicions = (
        Suspicion("url", text, "address", text),
        Suspicion(text, text, "text"),
        Suspicion("a.b", text, "path", text),
    )
    return ConsentRequest(text, {"url": text, text: text, "a": {"b": text}}, frozenset(Effect), suspicions, True)


def view(text: str) -> SourceView:
    length = len(text)
    marks = ((0, length), (0, min(2, length))) if text else ()
    chunks = (ChunkSpan(1, 0, length - length // 3, (text,)), ChunkSpan(2, length // 2, length)) if length > 3 else ()
    return SourceView(
        title=text,
        source=text,
        text=text,
        start=0,
        end=length,
        marks=marks,
        page=3,
        image=b"png",
        chunks=chunks,
        document_id=7,
        length=length,
        headings=(text,),
        earlier=0,
        later=5,
        boxes=((0.1, 0.2, 0.3, 0.4),),
        size=(600, 800),
        reason="failed",
        detail=text,
        change="gone",
        quote=text,
    )


def turn(text: str, /, **changes: object) -> Turn:
    given = answer(text)
    values: dict[str, object] = {
        "question": text,
        "text": given.text,
        "citations": given.citations,
        "confidence": 0.4,
        "claims": (
            {
                "text": text,
                "start": 0,
                "end": 2,
                "status": "unsupported",
                "findings": [{"kind": "name", "claimed": text}],
            },
        ),
        "id": 4,
        "conversation": text,
        "asked": text,
        "error": text,
    }
    return Turn(**{**values, **changes})  # type: ignore[arg-type]


def info(text: str, updated: str = "2026-03-01T10:00:00.000+00:00") -> ConversationInfo:
    return ConversationInfo(text, text, text, updated, updated)


def run(text: str) -> Run:
    manifest = {
        "name": text,
        "created": text,
        "finished": "",
        "mode": text,
        "dataset": {"name": text, "questions": 1200, "documents": 3, "sha256": text},
        "models": {"llm": text},
    }
    return Run(manifest, (Row(Question(text, text), None, {"f1": 0.5}, text),), Path("x"))


def figures() -> list[Figure]:
    interval = Interval(0.8125, 0.7, 0.9, 1200, 30)
    return [
        Figure("hit@5", "all", interval),
        Figure("seconds", "all", interval, 0.5, 0.9),
        Figure("f1", "language=zh", interval),
    ]


def compared(text: str) -> Contrast:
    change = difference(0.5, 0.75, (0.1, 0.4), 0.004, 0.05, 0.001, (100, 20))
    verdicts = (
        Verdict("f1", "all", change, 0.008, "better"),
        Verdict("hit@5", "all", change, 0.5, "worse"),
        Verdict("f1", f"{text}={text}", change, 0.5, "undecided"),
    )
    return Contrast(text, text, 100, 1, 2, False, verdicts, (Flip(text, text, "f1", 0.0, 1.0, "gained"),))


def meter(text: str) -> Progress:
    found = Progress(clock=iter([0.0, *(float(10 * n) for n in range(1, 50))]).__next__)
    found.update(files=3, total_files=12, bytes=4_000_000, total_bytes=10_000_000, chunks=96, current=text)
    return found


#: Every function that shows something, by name, of any text.
PAGES: dict[str, Callable[[str, str], str]] = {
    "answer": lambda text, language: answer_html(answer(text), language),
    "answer without citations": lambda text, language: answer_html(answer(text, citations=()), language, None),
    "answer with a label": lambda text, language: answer_html(answer(text), language, text),
    "refusal": lambda text, language: answer_html(answer(text, abstained=True), language),
    "refusal of nothing": lambda text, language: answer_html(answer(text, abstained=True, hits=()), language),
    "partial": partial_html,
    "stopped": lambda text, language: partial_html(text, language, stopped=True),
    "failure": lambda text, _: failure_html(text, text),
    "note": lambda text, _: note_html(text),
    "hits": lambda text, language: hits_html([hit(text)], None, language),
    "hits explained": lambda text, language: hits_html([hit(text)], explanation(text), language),
    "documents": lambda text, language: documents_html([document(text)], language, chunks=5, total=9, first=3),
    "report": lambda text, language: report_html(report(text), language),
    "source": lambda text, language: source_html(view(text), language),
    "progress": lambda text, language: progress_html(meter(text), language),
    "steps": lambda text, language: steps_html(steps(text), language),
    "steps running": lambda text, language: steps_html(steps(text)[:2], language, running=True),
    "consent": lambda text, language: consent_html(consent(text), language),
    "matches": lambda text, language: matches_html(
        [Found(info(text), turn(text), text), Found(info(text), None, text)], text, language
    ),
    "turn": lambda text, language: turn_html(turn(text), language),
    "turn that failed": lambda text, language: turn_html(turn(text, state="failed"), language),
    "turn that was stopped": lambda text, language: turn_html(turn(text, state="interrupted"), language),
    "figures": lambda text, language: figures_html(run(text), figures(), language),
    "comparison": lambda text, language: comparison_html(compared(text), language, every=True),
    "runs": lambda text, language: runs_html([run(text).manifest], language),
}
