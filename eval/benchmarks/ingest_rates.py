"""How fast new documents come in: beside other systems, beside the embedder alone, and from PDF."""

from __future__ import annotations

import shutil
import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from eval.benchmarks.ingest_rivals import (
    Pipeline,
    huggingface_embeddings,
    langchain_pipeline,
    llama_index_pipeline,
    write_sentence_transformer,
)
from eval.benchmarks.ingest_texts import articles, print_pdf, write_articles
from eval.benchmarks.ingest_timing import Cost, faster, measured, rate, ratio, take_turns
from eval.benchmarks.setup import log
from ragbot.bot import RagBot
from ragbot.models.embedders.base import Embedder, Progress, Vectors
from ragbot.models.embedders.e5_onnx import BundledE5
from ragbot.settings import load_settings

Row = dict[str, Any]
#: LlamaIndex's batch, and one that fills its cores.
BATCHES = (10, 32)


class Recorder(Embedder):
    """The embedder, remembering what it was asked for."""

    def __init__(self, inner: Embedder) -> None:
        self.inner = inner
        self.fingerprint, self.max_tokens = inner.fingerprint, inner.max_tokens
        self.batches: list[list[str]] = []

    def encode_documents(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        """See :class:`Embedder`."""
        self.batches.append(list(texts))
        return self.inner.encode_documents(texts, progress)

    def encode_query(self, text: str) -> Vectors:
        """See :class:`Embedder`."""
        return self.inner.encode_query(text)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """See :class:`Embedder`."""
        return self.inner.count_tokens(texts)


def beside_others(
    bench: Path, languages: Sequence[str], size: int, tokens: int, repetitions: int, bfloat16: bool
) -> list[Row]:
    """Files to a stored, searchable index: ours, LangChain, LlamaIndex; ``tokens`` is everybody's size of chunks."""
    embedder = BundledE5()
    rows = []
    with tempfile.TemporaryDirectory(prefix="ragbot-bench-") as name:
        root = Path(name)
        write_sentence_transformer(root / "model")
        models = {dtype: _models(root / "model", dtype) for dtype in ("float32", *(["bfloat16"] * bfloat16))}
        for language in languages:
            source = root / language
            characters = write_articles(source, bench, language, size)
            text = "\n\n".join(path.read_text(encoding="utf-8") for path in sorted(source.iterdir()))
            width = round(tokens * len(text) / sum(embedder.count_tokens(text.split("\n\n"))))
            pipelines: dict[str, Pipeline] = {"ragbot": _ours(embedder, tokens)}
            for dtype, (langchain, transformer) in models.items():
                pipelines[f"LangChain {dtype}"] = langchain_pipeline(langchain, width)
                count = transformer.tokenizer.tokenize
                for batch in BATCHES if dtype == "float32" else BATCHES[1:]:
                    pipelines[f"LlamaIndex {dtype}, batch {batch}"] = llama_index_pipeline(
                        transformer, tokens, count, batch
                    )
            costs, chunks = _timed(pipelines, source, root / "target", repetitions, language)
            _check_alike(embedder, models, chunks["ragbot"][:8])
            for candidate, texts in chunks.items():
                lengths = embedder.count_tokens(texts)
                rows.append(
                    {
                        "language": language,
                        "system": candidate,
                        "characters": characters,
                        "chunks": len(texts),
                        "tokens a chunk": round(statistics.mean(lengths)),
                        "truncated": sum(length > 506 for length in lengths),
                        "characters/s": rate(characters, costs[candidate]),
                        "ragbot is faster by": ratio(costs[candidate], costs["ragbot"]).show(),
                        "takes less CPU by": ratio(costs[candidate], costs["ragbot"], cpu=True).show(),
                        "seconds": [asdict(cost) for cost in costs[candidate]],
                    }
                )
            usual = faster(costs, [name for name in pipelines if "float32" in name])
            log(f"{language}: {ratio(costs[usual], costs['ragbot']).show()} times as fast as {usual}")
    return rows


def beside_the_embedder(bench: Path, languages: Sequence[str], size: int, repetitions: int) -> list[Row]:
    """Ingest of ``.md`` and ``.txt`` with ragbot's own settings, beside embedding the very same texts in the same batches."""
    embedder = BundledE5()
    rows = []
    for language in languages:
        with tempfile.TemporaryDirectory(prefix="ragbot-bench-") as name:
            source, target = Path(name) / "texts", Path(name) / "kb"
            characters = write_articles(source, bench, language, size)
            recorder = Recorder(embedder)
            with RagBot.open(target, embedder=recorder) as bot:
                bot.ingest(source)
            shutil.rmtree(target)

            def whole(source: Path = source, target: Path = target) -> Cost:
                with RagBot.open(target, embedder=embedder) as bot, measured() as cost:
                    bot.ingest(source)
                shutil.rmtree(target)
                return cost

            def alone(batches: list[list[str]] = recorder.batches) -> Cost:
                with measured() as cost:
                    for batch in batches:
                        embedder.encode_documents(batch)
                return cost

            costs = take_turns({"whole": whole, "alone": alone}, repetitions, f"embedder {language}")
            texts = [text for batch in recorder.batches for text in batch]
            rows.append(
                {
                    "language": language,
                    "characters": characters,
                    "chunks": len(texts),
                    "characters/s": rate(characters, costs["whole"]),
                    "share of the embedder's speed": ratio(costs["alone"], costs["whole"]).show(),
                    "share of its CPU": ratio(costs["alone"], costs["whole"], cpu=True).show(),
                    "seconds": {name: [asdict(cost) for cost in each] for name, each in costs.items()},
                }
            )
    return rows


def from_pdf(bench: Path, languages: Sequence[str], repetitions: int) -> list[Row]:
    """Pages per second of printed articles: parsed in this process, and all the way into a knowledge base."""
    from ingest.loaders import load

    embedder = BundledE5()
    rows = []
    for language in languages:
        with tempfile.TemporaryDirectory(prefix="ragbot-bench-") as name:
            source, target = Path(name) / "pdf", Path(name) / "kb"
            source.mkdir()
            taken = [(title, text[:40_000]) for title, text in articles(bench, language)][
                : 3 if language == "en" else 40
            ]
            for number, (title, text) in enumerate(taken):
                print_pdf(source / f"{number}.pdf", title, text, language)
            files = sorted(source.iterdir())
            parsed = [load(file, max_bytes=1 << 28) for file in files]
            pages, characters = sum(len(one.pages) for one in parsed), sum(len(one.text) for one in parsed)

            def parse(files: list[Path] = files) -> Cost:
                with measured() as cost:
                    for file in files:
                        load(file, max_bytes=1 << 28)
                return cost

            def whole(source: Path = source, target: Path = target) -> Cost:
                with RagBot.open(target, embedder=embedder) as bot, measured() as cost:
                    bot.ingest(source)
                shutil.rmtree(target)
                return cost

            costs = take_turns({"parse": parse, "whole": whole}, repetitions, f"pdf {language}")
            rows.append(
                {
                    "language": language,
                    "files": len(files),
                    "pages": pages,
                    "characters": characters,
                    "pages/s, parsed": rate(pages, costs["parse"], 1),
                    "pages/s, ingested": rate(pages, costs["whole"], 1),
                    "seconds": {name: [asdict(cost) for cost in each] for name, each in costs.items()},
                }
            )
    return rows


def _models(folder: Path, dtype: str) -> tuple[Any, Any]:
    from sentence_transformers import SentenceTransformer

    transformer = SentenceTransformer(str(folder), device="cpu", model_kwargs={"dtype": dtype})
    return huggingface_embeddings(folder, dtype), transformer


def _ours(embedder: Embedder, tokens: int) -> Pipeline:
    settings, _ = load_settings({"chunking.chunk_tokens": tokens, "chunking.chunk_tokens_zh": tokens})

    def run(source: Path, target: Path) -> tuple[Cost, list[str]]:
        recorder = Recorder(embedder)
        with RagBot.open(target, embedder=recorder, settings=settings) as bot, measured() as cost:
            bot.ingest(source)
        return cost, [text for batch in recorder.batches for text in batch]

    return run


def _timed(
    pipelines: dict[str, Pipeline],
    source: Path,
    target: Path,
    repetitions: int,
    name: str,
) -> tuple[dict[str, list[Cost]], dict[str, list[str]]]:
    chunks: dict[str, list[str]] = {}

    def candidate(pipeline: str) -> Callable[[], Cost]:
        def run() -> Cost:
            cost, chunks[pipeline] = pipelines[pipeline](source, target)
            shutil.rmtree(target)
            return cost

        return run

    costs = take_turns({pipeline: candidate(pipeline) for pipeline in pipelines}, repetitions, name)
    return costs, {pipeline: chunks[pipeline] for pipeline in pipelines}


def _check_alike(embedder: Embedder, models: dict[str, tuple[Any, Any]], texts: list[str]) -> None:
    """Raise ValueError where the systems do not run the same model."""
    mine = embedder.encode_documents(texts)
    for dtype, (langchain, _) in models.items():
        least = float((mine * np.array(langchain.embed_documents(texts), np.float32)).sum(axis=1).min())
        if least < 0.98:
            raise ValueError(f"the vectors of {dtype} and ours have a cosine of {least:.3f}: not the same weights")
