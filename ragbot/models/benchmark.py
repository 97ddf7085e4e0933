"""How fast an embedder or a reranker is on this machine: tokens a second, milliseconds a question, share of the peak."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from ragbot.models.benchmark_peak import MatrixWork, peak, work_of
from ragbot.models.benchmark_texts import Texts
from ragbot.models.benchmark_threads import ThreadSpeed, WithThreads, best, counts
from ragbot.models.embedders.base import Embedder
from ragbot.models.rerankers.base import Reranker

#: Called before each measurement with how many are done, and how many there are in all.
Progress = Callable[[int, int], None]
#: Calls of a measurement at least, however slow the model is.
FEWEST_CALLS = 3
#: Passages of a call: enough for all cores, and for a first look at the model.
PASSAGES, SAMPLE = 32, 8
#: Passages of a call on an accelerator, which wants large batches.
ACCELERATOR_PASSAGES = 512
#: Each number of threads is tried so often, in turns, and its best counts: other programs only ever slow one down.
ROUNDS = 2
#: What a tokenizer adds to a text: a beginning and an end.
SPECIAL_TOKENS = 2


@dataclass(frozen=True)
class LanguageSpeed:
    """In one language: throughput over passages, and the time of a single question.

    For a reranker a question is one with all its candidates; its tokens and characters are those of the pairs.
    """

    language: str
    passages_per_second: float
    tokens_per_second: float
    characters_per_second: float
    query_ms_p50: float
    query_ms_p95: float
    calls: int


@dataclass(frozen=True, kw_only=True)
class Speed:
    """Of one model. ``peak_gops`` and ``share`` are None where its products cannot be counted.

    ``by_threads`` is empty where threads mean nothing. ``gops`` is what its products with weights come to, ``share``
    that of the peak, between 0 and 1.
    """

    name: str
    device: str
    precision: str
    threads: int | None
    by_threads: tuple[ThreadSpeed, ...]
    languages: tuple[LanguageSpeed, ...]
    gops: float | None
    peak_gops: float | None
    share: float | None
    work: MatrixWork | None


@dataclass(frozen=True, kw_only=True)
class EmbedderSpeed(Speed):
    """Of an embedder: throughput is that of passages, a query is a question embedded."""


@dataclass(frozen=True, kw_only=True)
class RerankerSpeed(Speed):
    """Of a reranker: a query is a question with ``candidates`` passages."""

    candidates: int


@dataclass(frozen=True)
class _Calls:
    """Seconds of each call, and what all of them read."""

    seconds: tuple[float, ...]
    passages: int
    tokens: int
    characters: int


#: What a model, a language and seconds are turned into.
_Measurement = Callable[[Any, Texts, float], _Calls]


def benchmark_embedder(
    embedder: Embedder,
    texts: Sequence[Texts],
    seconds: float,
    *,
    with_threads: WithThreads | None = None,
    progress: Progress | None = None,
) -> EmbedderSpeed:
    """Time an embedder.

    Args:
        texts: what it is timed on, by language.
        seconds: of each measurement; slow models take what some calls take.
        with_threads: see :func:`ragbot.models.benchmark_threads.with_threads`; None leaves the threads alone.
        progress: see :data:`Progress`.
    """
    work, fingerprint = work_of(embedder), embedder.fingerprint
    most = ACCELERATOR_PASSAGES if work and work.device != "cpu" else PASSAGES

    def read(model: Embedder, text: Texts, limit: float) -> _Calls:
        few = _first(text.passages, SAMPLE)
        begin = time.perf_counter()
        model.encode_documents(few)
        spent = max(time.perf_counter() - begin, 1e-9)
        # A large model shall not be kept busy for minutes by one call.
        batch = _first(text.passages, min(max(int(SAMPLE * limit / FEWEST_CALLS / spent), SAMPLE), most))
        counted = model.count_tokens([fingerprint.document_prefix + passage for passage in batch])
        tokens = sum(min(count + SPECIAL_TOKENS, model.max_tokens) for count in counted)
        return _timed(lambda _: _ignore(model.encode_documents(batch)), limit, batch, tokens)

    def ask(model: Embedder, text: Texts, limit: float) -> _Calls:
        return _timed(lambda number: _ignore(model.encode_query(text.questions[number % len(text.questions)])), limit)

    measured = _measure(embedder, work, texts, seconds, with_threads, progress, read, read, ask)
    return EmbedderSpeed(name=fingerprint.name, precision=fingerprint.quantization, **measured)


def benchmark_reranker(
    reranker: Reranker,
    texts: Sequence[Texts],
    seconds: float,
    *,
    candidates: int = 20,
    with_threads: WithThreads | None = None,
    progress: Progress | None = None,
) -> RerankerSpeed:
    """Time a reranker; as :func:`benchmark_embedder`, and each question has ``candidates`` passages."""
    work = work_of(reranker)

    def reader(count: int) -> _Measurement:
        def read(model: Reranker, text: Texts, limit: float) -> _Calls:
            batch, asked = _first(text.passages, count), text.questions
            tokens = sum(sum(model.count_tokens(question, batch)) for question in asked) // len(asked)
            return _timed(lambda number: _ignore(model.score(asked[number % len(asked)], batch)), limit, batch, tokens)

        return read

    trial = reader(min(candidates, SAMPLE))
    measured = _measure(reranker, work, texts, seconds, with_threads, progress, trial, reader(candidates), None)
    precision = str(getattr(reranker, "dtype", work.kind if work else ""))
    return RerankerSpeed(name=reranker.name, precision=precision, candidates=candidates, **measured)


def _measure(
    model: Any,
    work: MatrixWork | None,
    texts: Sequence[Texts],
    seconds: float,
    with_threads: WithThreads | None,
    progress: Progress | None,
    trial: _Measurement,
    read: _Measurement,
    ask: _Measurement | None,
) -> dict[str, Any]:
    """The fields that every model has."""
    trials = counts() if with_threads else ()
    total = ROUNDS * len(trials) + len(texts) * (2 if ask else 1) + (work is not None)
    done = itertools.count()

    def step() -> None:
        if progress:
            progress(next(done), total)

    rates = dict.fromkeys(trials, 0.0)
    for number in trials * ROUNDS:
        step()
        with _with(with_threads, number, model) as tried:
            calls = [trial(tried, text, seconds / len(texts) / ROUNDS) for text in texts]
        rate = sum(call.tokens for call in calls) / sum(sum(call.seconds) for call in calls)
        rates[number] = max(rates[number], rate)
    by_threads = tuple(ThreadSpeed(number, rate) for number, rate in rates.items())
    threads = best(by_threads) if by_threads else None
    languages, tokens, passages, spent = [], 0, 0, 0.0
    with _with(with_threads, threads, model) as chosen:
        for text in texts:
            step()
            many = read(chosen, text, seconds)
            if ask:
                step()
            languages.append(_language(text.language, many, ask(chosen, text, seconds) if ask else many))
            tokens, passages, spent = tokens + many.tokens, passages + many.passages, spent + sum(many.seconds)
        gops = limit = None
        if work:
            step()
            gops = tokens * work.operations / spent / 1e9
            limit = peak(work, max(tokens // max(passages, 1), 1), threads or 1, seconds)
    if progress:
        progress(total, total)
    return {
        "device": work.device if work else "",
        "threads": threads,
        "by_threads": by_threads,
        "languages": tuple(languages),
        "gops": gops,
        "peak_gops": limit,
        "share": gops / limit if gops and limit else None,
        "work": work,
    }


def _with(with_threads: WithThreads | None, threads: int | None, model: Any) -> AbstractContextManager[Any]:
    return with_threads(threads) if with_threads and threads else nullcontext(model)


def _language(language: str, many: _Calls, one: _Calls) -> LanguageSpeed:
    spent = sum(many.seconds)
    return LanguageSpeed(
        language,
        many.passages / spent,
        many.tokens / spent,
        many.characters / spent,
        float(np.percentile(one.seconds, 50) * 1000),
        float(np.percentile(one.seconds, 95) * 1000),
        len(one.seconds),
    )


def _timed(call: Callable[[int], None], limit: float, batch: Sequence[str] = (), tokens: int = 0) -> _Calls:
    """Call again and again for ``limit`` seconds, after a first call that is not counted; each reads ``batch``."""
    call(0)
    seconds: list[float] = []
    end = time.perf_counter() + limit
    while len(seconds) < FEWEST_CALLS or time.perf_counter() < end:
        begin = time.perf_counter()
        call(len(seconds))
        seconds.append(max(time.perf_counter() - begin, 1e-9))
    number = len(seconds)
    return _Calls(tuple(seconds), number * len(batch), number * tokens, number * sum(map(len, batch)))


def _first(passages: Sequence[str], count: int) -> tuple[str, ...]:
    """So many passages; from the beginning again where there are fewer."""
    return tuple(itertools.islice(itertools.cycle(passages), count))


def _ignore(_: object) -> None:
    """What a model gives is of no interest here."""
