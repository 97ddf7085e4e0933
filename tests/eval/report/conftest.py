"""A small run, made by hand: Chinese and English, right and wrong, refused, failed, and hostile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from eval.datasets.base import Question, Span
from eval.records import Row, Run
from eval.responses import Hit, Quote, Response

HOSTILE = '</script><img src=http://evil.example/a.png onerror="window.hacked=1"><script>window.hacked=2</script>\u2028&amp; $x$'
ZH = "龙井茶产于浙江杭州西湖一带，已有一千二百余年历史。"
EN = "The lighthouse of Ravna is 47 metres tall and was built in 1883."
MANIFEST: dict[str, Any] = {
    "name": "small",
    "created": "2026-01-02T03:04:05+00:00",
    "finished": "2026-01-02T03:06:10+00:00",
    "mode": "answer",
    "dataset": {"name": "teas", "sha256": "ab" * 32, "questions": 24, "documents": 8, "parts": ["test"]},
    "settings": {"retrieval.top_k": 7, "retrieval.dense_weight": 0.7},
    "seed": 3,
    "workers": 1,
    "models": {"embedder": {"name": "tiny", "dimension": 4, "quantization": "int8"}, "llm": "extractive"},
    "versions": {"python": "3.11"},
    "machine": {"processor": "abacus", "cores": 2, "memory_gib": 8.0, "system": "Linux"},
}

Maker = Callable[..., Run]


def _row(index: int, mode: str, shift: int) -> Row:
    language, text, answer = ("zh", ZH, "浙江杭州") if index % 2 else ("en", EN, "47 metres")
    source = f"{language}/{index % 8}.md"
    answerable = index % 6 != 5
    start = text.index(answer)
    question = Question(
        f"q{index}",
        f"龙井茶产于哪里？（{index}）" if index % 2 else f"How tall is the lighthouse? ({index})",
        (answer,) if answerable else (),
        answerable,
        ((Span(source, 100 + start, 100 + start + len(answer)),),) if answerable else (),
        document=source if answerable else "",
        language=language,
        tags={"category": "place" if index % 3 else "number"},
    )
    right = float((index + shift) % 4 != 0)
    hits = (Hit(source, text, 100, 100 + len(text), 1.5), Hit("other.md", HOSTILE, 0, len(HOSTILE), 0.5))
    metrics: dict[str, float] = {"search_seconds": 0.01 * (index + 1)}
    if answerable:
        metrics |= {f"{stem}@{k}": right for stem in ("hit", "recall") for k in (1, 3, 5, 10)} | {"mrr@10": right}
    if mode == "search":
        return Row(question, Response(hits=hits), metrics)
    abstained = index % 11 == 10 or (not answerable and right > 0)
    response = Response(
        f"{text} [1]",
        abstained,
        round((index % 10) / 10, 2),
        language,
        hits,
        (Quote(1, source, 100, 100 + len(text), text),),
        timings={"total": 0.1 * (index + 1)},
    )
    metrics["seconds"] = 0.1 * (index + 1)
    if answerable:
        metrics |= {"answered": float(not abstained), "contains": right * (not abstained), "f1": right / 2}
    else:
        metrics["refused"] = float(abstained)
    return Row(question, response, metrics)


@pytest.fixture
def make_run() -> Maker:
    """``make_run(count, mode, shift, name, hostile)``; ``shift`` turns which answers are right."""

    def make(count: int = 24, mode: str = "answer", shift: int = 0, name: str = "small", hostile: bool = False) -> Run:
        rows = [_row(index, mode, shift) for index in range(count)]
        if hostile:
            tags = {"category": HOSTILE}
            question = Question("bad", HOSTILE, (HOSTILE,), document=HOSTILE, language="en", tags=tags)
            response = Response(
                HOSTILE, False, 0.5, "en", (Hit(HOSTILE, HOSTILE),), (Quote(1, HOSTILE, 0, 1, HOSTILE),)
            )
            rows.append(Row(question, response, {"contains": 1.0, "answered": 1.0}))
            rows.append(Row(Question("failed", "Which way?", ("north",)), None, {"contains": 0.0}, f"Boom: {HOSTILE}"))
        return Run({**MANIFEST, "name": name, "mode": mode}, tuple(rows))

    return make


@pytest.fixture
def hostile() -> str:
    return HOSTILE
