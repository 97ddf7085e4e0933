"""``ragbot models bench``: how fast the models are here, what that means, and what to set."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from ragbot.console.bench_labels import BenchLabels, bench_labels
from ragbot.console.options import Options
from ragbot.console.progress import QuestionProgress
from ragbot.console.render import duration
from ragbot.models.registry import AUTO_RERANKER, NO_RERANKER

if TYPE_CHECKING:
    from ragbot.console.terminal import Terminal
    from ragbot.models.benchmark import EmbedderSpeed, RerankerSpeed, Speed
    from ragbot.settings import Settings

#: More than this many programs that want a core, for each core, make the figures worthless.
BUSY = 0.5


@dataclass(frozen=True)
class ModelBench:
    """One model: ``kind`` is embedder or reranker; ``advice`` is for people, in their language."""

    kind: str
    spec: str
    load_seconds: float
    speed: EmbedderSpeed | RerankerSpeed
    advice: tuple[str, ...]


@dataclass(frozen=True)
class Bench:
    """What the command prints. ``load`` is the machine's load just before, None where the system does not tell."""

    cores: int
    load: float | None
    seconds: float
    models: tuple[ModelBench, ...]
    advice: tuple[str, ...]


@dataclass(frozen=True)
class _Step:
    done: int
    total: int
    errors: int = 0


def bench(options: Options, embedder: str | None, reranker: str | None, seconds: float) -> None:
    """Measure what is named, or what the settings choose, and print it.

    Raises:
        ModelNotFoundError: no such model.
        MissingExtraError: its packages are not installed.
    """
    from ragbot.models.cpu import cores
    from ragbot.settings import load_settings

    settings, _ = load_settings({"embedder": embedder, "retrieval.reranker": reranker}, options.config)
    chosen = {
        "embedder": settings.embedder if embedder or not reranker else "",
        "reranker": settings.retrieval.reranker if reranker or not embedder else "",
    }
    if chosen["reranker"] == AUTO_RERANKER:  # which is the bundled one beside the bundled embedder alone
        chosen["reranker"] = "bundled" if settings.embedder == "bundled" else ""
    words, number, load = bench_labels(settings), cores(), _load()
    measured = tuple(
        _measured(options.terminal, settings, words, kind, spec, seconds)
        for kind, spec in chosen.items()
        if spec and not (kind == "reranker" and spec == NO_RERANKER)
    )
    busy = (words.busy.format(load=load, cores=number),) if load is not None and load > BUSY * number else ()
    options.terminal.show(Bench(number, load, seconds, measured, busy), partial(show, words=words))


def _load() -> float | None:
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def _measured(
    terminal: Terminal, settings: Settings, words: BenchLabels, kind: str, spec: str, seconds: float
) -> ModelBench:
    from ragbot.generation.chat_models import model_options
    from ragbot.models.benchmark import benchmark_embedder, benchmark_reranker
    from ragbot.models.benchmark_peak import work_of
    from ragbot.models.benchmark_texts import LANGUAGES, sample_texts
    from ragbot.models.benchmark_threads import with_threads
    from ragbot.models.registry import load_embedder, load_reranker

    make: Callable[..., Any] = load_embedder if kind == "embedder" else load_reranker
    load = partial(make, spec, **model_options(spec, settings))
    begin = time.perf_counter()
    with terminal.working(f"loading {spec} …"):
        model = load()
    load_seconds = time.perf_counter() - begin
    texts = [sample_texts(language) for language in LANGUAGES]
    threads = with_threads(model, work_of(model), load)
    speed: EmbedderSpeed | RerankerSpeed
    with QuestionProgress(terminal, f"measuring {spec}:") as progress:

        def step(done: int, total: int) -> None:
            progress(_Step(done, total))

        if kind == "embedder":
            speed = benchmark_embedder(model, texts, seconds, with_threads=threads, progress=step)
        else:
            candidates = settings.retrieval.rerank_candidates
            speed = benchmark_reranker(
                model, texts, seconds, candidates=candidates, with_threads=threads, progress=step
            )
            model.close()
    return ModelBench(kind, spec, load_seconds, speed, _advice(speed, words))


def _advice(speed: EmbedderSpeed | RerankerSpeed, words: BenchLabels) -> tuple[str, ...]:
    from ragbot.models.benchmark import RerankerSpeed
    from ragbot.models.cpu import cores

    advice = []
    rates = {language.language: language for language in speed.languages}
    if isinstance(speed, RerankerSpeed):
        p50 = max(language.query_ms_p50 for language in speed.languages)
        p95 = max(language.query_ms_p95 for language in speed.languages)
        advice.append(words.longer.format(p50=p50, p95=p95))
    elif rates.keys() >= {"zh", "en"}:
        million = {name: duration(1e6 / rates[name].characters_per_second) for name in ("zh", "en")}
        advice.append(words.million.format(**million))
    if speed.threads is not None:
        fewer = words.fewer_threads if speed.work and speed.work.kind == "int8" else words.fewer_threads_torch
        line = words.default_threads if speed.threads == cores() else fewer
        advice.append(line.format(best=speed.threads, cores=cores(), last=speed.threads - 1))
    if speed.share is not None:
        advice.append(words.share_means)
    if speed.work and speed.work.kind != "int8" and speed.work.device == "cpu":
        advice.append(words.accelerator)
    if speed.work is None:
        advice.append(words.elsewhere)
    return tuple(advice)


def show(terminal: Terminal, found: Bench, words: BenchLabels) -> None:
    """Print the figures, and below them what they mean."""
    for item in found.models:
        speed = item.speed
        details = ", ".join(part for part in (speed.precision, speed.device) if part) or item.spec
        title = words.embedder if item.kind == "embedder" else words.reranker
        line = words.loaded.format(name=speed.name, details=details, seconds=item.load_seconds)
        terminal.line(f"{title}: {line}", "bold")
        terminal.columns([words.columns, *map(list, _rows(speed, words))], 2, (1, 2, 3, 4, 5))
        for note in (*_notes(speed, words), *item.advice):
            terminal.line(note, "", 2)
        terminal.line()
    for note in found.advice:
        terminal.line(note, "yellow")


def _rows(speed: Speed, words: BenchLabels) -> list[tuple[str, ...]]:
    return [
        (
            words.languages.get(row.language, row.language),
            f"{row.passages_per_second:,.1f}",
            f"{row.tokens_per_second:,.0f}",
            f"{row.characters_per_second:,.0f}",
            f"{row.query_ms_p50:,.1f}",
            f"{row.query_ms_p95:,.1f}",
        )
        for row in speed.languages
    ]


def _notes(speed: EmbedderSpeed | RerankerSpeed, words: BenchLabels) -> list[str]:
    notes = []
    candidates = getattr(speed, "candidates", None)
    if candidates:
        notes.append(words.pairs.format(count=candidates))
    if speed.by_threads:
        tried = ", ".join(f"{item.threads} ({item.tokens_per_second:,.0f} tokens/s)" for item in speed.by_threads)
        notes.append(words.threads.format(tried=tried, best=speed.threads))
    if speed.work and speed.share is not None:
        work = speed.work
        notes.append(
            words.share.format(
                gops=speed.gops,
                share=speed.share,
                peak=speed.peak_gops,
                kind=work.kind,
                rows=work.inner,
                columns=work.columns,
            )
        )
    return notes
