"""Documents alike, near-duplicates and topics, on the train and dev articles of the public sets and on the sample.

    python -m eval.benchmarks.exploring [--sets …] [--scale 10000]

*Similar*: each article is cut into two documents, its paragraphs drawn at random, without a title; the mean reciprocal
rank of the one half among all others, asked with the other. *Duplicates*: beside each article stand copies with some of
their words, or of their sentences, taken from other articles, and a third of it alone; a pair is right if it is of one
article. *Topics*: how well they agree with the articles (normalised mutual information), and how many of the sample's
documents that exist in both languages fall into one topic. Intervals resample articles.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from unittest.mock import patch

import numpy as np

from eval.benchmarks.exploring_copies import KINDS, copies
from eval.benchmarks.setup import arguments, knowledge_base, log, read_sets
from eval.compare import bootstrap
from ragbot.bot import RagBot
from ragbot.documents import Document, ParsedDocument
from ragbot.exploring.clusters import comparable
from ragbot.exploring.collection import chunks_of, with_vectors
from ragbot.exploring.duplicates import duplicates_among
from ragbot.exploring.topics import Topics, find_topics
from ragbot.models.embedders.base import normalized

SEED = 7
CORPUS = Path(__file__).parents[2] / "data" / "corpus"
#: Documents of the sample that treat one subject, English and Chinese.
PAIRS = (
    ("agents", "智能体与工具调用"),
    ("evaluation", "评测方法"),
    ("fine-tuning-and-lora", "微调与LoRA"),
    ("pretraining", "大语言模型概述"),
    ("retrieval-augmented-generation", "检索增强生成"),
    ("serving", "推理部署与加速"),
    ("tokenization", "分词与词表"),
)
#: The least length of an article of which copies are made, in characters.
_LEAST = 400


def main() -> None:
    """Print the tables."""
    parser = arguments((__doc__ or "").splitlines()[0])
    parser.add_argument("--scale", type=int, default=10_000, help="documents of the speed test of duplicates")
    options = parser.parse_args()
    articles: dict[str, ParsedDocument] = {}
    for question_set in read_sets(options):
        test = question_set.parts["test"]
        articles |= {
            f"{question_set.name}/{source}": document
            for source, document in question_set.documents.items()
            if source not in test
        }
    _duplicates(articles)
    _speed(articles, options.scale)
    _similar(articles)
    _topics(articles)


# -- similar ---------------------------------------------------------------------------------------------------------


def _similar(articles: Mapping[str, ParsedDocument]) -> None:
    halves = _halves(articles)
    with knowledge_base(halves) as (bot, _):
        middles = _middles(bot)
        found: dict[str, list[float]] = {"passage by passage": [], "means": []}
        owners = []
        milliseconds = []
        for source in halves:
            owners.append(list(articles).index(source[:-2]))
            other = source[:-1] + ("b" if source.endswith("a") else "a")
            started = time.perf_counter()
            ranked = [item.document.source for item in bot.similar(source, 50)]
            milliseconds.append(1000 * (time.perf_counter() - started))
            found["passage by passage"].append(_reciprocal(ranked, other))
            cosine = {name: float(middles[source] @ middles[name]) for name in halves if name != source}
            found["means"].append(_reciprocal(sorted(cosine, key=lambda name: -cosine[name]), other))
    print(f"\n| similar (n={len(halves)} halves of {len(halves) // 2} articles) | MRR |\n| --- | --- |")
    for name, values in found.items():
        print(f"| {name} | {bootstrap(values, owners)} |")
    print(f"\n{np.median(milliseconds):.0f} ms for each (median)", flush=True)


def _halves(articles: Mapping[str, ParsedDocument]) -> dict[str, ParsedDocument]:
    rng = random.Random(SEED)
    halves = {}
    for source, document in articles.items():
        paragraphs = [text for text in document.text.split("\n\n") if text.strip()]
        if len(paragraphs) < 2:
            continue
        first = set(rng.sample(range(len(paragraphs)), len(paragraphs) // 2))
        for name, inside in (("a", True), ("b", False)):
            text = "\n\n".join(p for i, p in enumerate(paragraphs) if (i in first) == inside)
            halves[f"{source}#{name}"] = ParsedDocument(text, language=document.language)
    return halves


def _middles(bot: RagBot) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    catalog = bot.kb.catalog
    return {
        document.source: normalized(with_vectors(catalog, chunks_of(catalog, document)).vectors.mean(axis=0))[0]
        for document in bot.documents()
    }


def _reciprocal(ranked: Sequence[str], wanted: str) -> float:
    return 1 / (ranked.index(wanted) + 1) if wanted in ranked else 0.0


# -- duplicates ------------------------------------------------------------------------------------------------------


def _duplicates(articles: Mapping[str, ParsedDocument]) -> None:
    long = {source: item.text for source, item in articles.items() if len(item.text) >= _LEAST}
    texts = copies(long, random.Random(SEED))
    done = duplicates_among((_document(number, name), text) for number, (name, text) in enumerate(texts.items()))
    pairs = [(pair.document.source, pair.other.source) for pair in done.pairs]
    right = sum(a.partition("#")[0] == b.partition("#")[0] for a, b in pairs)
    together = {frozenset(pair) for pair in pairs}
    print(f"\n| duplicates (n={len(long)} articles, {len(texts)} documents) | recall |\n| --- | --- |")
    for kind in KINDS:
        hits = [frozenset({source, f"{source}#{kind}"}) in together for source in long]
        print(f"| {kind} | {np.mean(hits):.3f} |")
    print(f"\nprecision {right / len(pairs):.4f} ({right} of {len(pairs)} pairs are of one article)")
    apart = duplicates_among((_document(number, name), text) for number, (name, text) in enumerate(long.items()))
    print(f"among the articles alone: {len(apart.pairs)} pairs", flush=True)
    for pair in apart.pairs[:5]:
        log(f"{pair.document.source} / {pair.other.source}: {pair.shared:.2f}, {pair.other_shared:.2f}")


def _speed(articles: Mapping[str, ParsedDocument], count: int) -> None:
    """Documents that are drawn from the paragraphs of all articles, ten each; a tenth is there twice."""
    paragraphs = [text for item in articles.values() for text in item.text.split("\n\n") if len(text) > 80]
    rng = random.Random(SEED)
    made: list[tuple[Document, str]] = []
    for number in range(count):
        if number % 10 == 9:
            text = made[-1][1]
        else:
            # In another order: else every paragraph would stand in hundreds of documents.
            pieces = re.findall(r"\S{1,4}\s*", " ".join(rng.choices(paragraphs, k=10)))
            rng.shuffle(pieces)
            text = "".join(pieces)
        made.append((_document(number, f"{number:06}"), text))
    characters = sum(len(text) for _, text in made)
    started = time.perf_counter()
    done = duplicates_among(made)
    seconds = time.perf_counter() - started
    print(f"\n{count:,} documents of {characters:,} characters: {seconds:.1f} s, {len(done.pairs):,} pairs", flush=True)


def _document(number: int, source: str) -> Document:
    return Document(number, source, "", "txt", "", None, "")


# -- topics ----------------------------------------------------------------------------------------------------------


def _topics(articles: Mapping[str, ParsedDocument]) -> None:
    with knowledge_base(articles) as (bot, _):
        _agreement("articles of the public sets", bot)
    with knowledge_base({}) as (bot, _):
        bot.ingest(CORPUS)
        _agreement("sample", bot)
        print(f"documents on one subject in one topic: {_pairs(find_topics(bot.kb.catalog))} of {len(PAIRS)}")
        with patch("ragbot.exploring.topics.comparable", lambda vectors, tags: comparable(vectors, [""] * len(tags))):
            print(f"without the language's mean: {_pairs(find_topics(bot.kb.catalog))} of {len(PAIRS)}", flush=True)


def _agreement(name: str, bot: RagBot) -> None:
    from sklearn.metrics import normalized_mutual_info_score  # type: ignore[import-untyped]

    started = time.perf_counter()
    found = find_topics(bot.kb.catalog)
    seconds = time.perf_counter() - started
    chunks = bot.kb.catalog.chunks(found.ids.tolist())
    owners = [chunks[number].document.id for number in found.ids.tolist()]
    agreed = normalized_mutual_info_score(owners, found.labels)
    print(
        f"\ntopics, {name}: {len(found.topics)} topics in {found.chunks:,} chunks of {len(set(owners))} documents, "
        f"NMI {agreed:.3f}, {seconds:.1f} s",
        flush=True,
    )


def _pairs(found: Topics) -> int:
    """How many of the pairs have most of their chunks in the same topic."""
    best: dict[str, tuple[float, int]] = {}
    for topic in found.topics:
        for owner in topic.documents:
            stem = Path(owner.document.source).stem
            best[stem] = max(best.get(stem, (0.0, 0)), (owner.share, topic.number))
    return sum(best[english][1] == best[chinese][1] for english, chinese in PAIRS)


if __name__ == "__main__":
    main()
