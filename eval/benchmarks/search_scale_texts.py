"""Passages for :mod:`eval.benchmarks.search_scale`: articles cut at many sizes and offsets, then sentences shuffled.

The embedded passages are runs of whole sentences of an article, cut at each size of :data:`SIZES`, then again from a
later sentence on and at 0.97 of the sizes, until there are enough different ones: as many in English as in Chinese.

A mixed passage is made of two long embedded ones of one language: a share of up to 0.4 of the first one's sentences
gives way to sentences of the second, and all are shuffled. Its vector is mixed of theirs in the same share, with noise
of the covariance of that language (of 0.35 of its mean deviation), and brought to unit length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np

from ragbot.documents import ParsedDocument
from ragbot.models.embedders.base import Vectors, normalized

#: Characters of a passage at most, by language: up to what the default chunker makes (96 tokens, and 192 in Chinese).
SIZES = {"en": (400, 300, 220, 160, 110), "zh": (320, 200, 130, 90, 60)}
#: A passage from so many characters on is long.
LONG = {"en": 240, "zh": 190}
#: Of the second passage at most, and the length of the noise in mean deviations.
SHARE, NOISE = 0.4, 0.35
#: Passages that are made at once.
BATCH = 5_000
#: What stands between two sentences.
JOINT = {"en": " ", "zh": ""}
_SENTENCE = re.compile(r"[^。！？!?\n]*?(?:[。！？\n]+|[.!?]+(?=\s)\s*|$)|[^。！？!?\n]+")
_LONGEST = 200
_TURNS, _SMALLER = 40, 0.97


def sentences(text: str) -> list[str]:
    """The sentences of a text, white space trimmed; one without an end is cut after 200 characters."""
    found = (match.group().strip() for match in _SENTENCE.finditer(text))
    return [part[i : i + _LONGEST] for part in found for i in range(0, len(part), _LONGEST)]


def cut(articles: Sequence[ParsedDocument], count: int) -> list[tuple[str, str]]:
    """``count`` different passages with their languages, as many of each, in an order that mixes sizes and articles.

    Raises:
        ValueError: the articles do not yield so many.
    """
    found: dict[str, dict[str, None]] = {language: {} for language in SIZES}
    split = [(article.language, sentences(article.text)) for article in articles if article.language in SIZES]
    for turn in range(_TURNS):
        for language, texts in found.items():
            for size in SIZES[language]:
                if len(texts) >= count // 2:
                    break
                for of, parts in split:
                    if of == language:
                        texts.update(dict.fromkeys(_runs(parts[turn:], int(size * _SMALLER**turn), JOINT[language])))
    taken = [(text, language) for language, texts in found.items() for text in list(texts)[: count // 2]]
    if len(taken) < count // 2 * 2:
        raise ValueError(f"the articles yield {len(taken)} different passages, not {count}")
    return [taken[i] for i in np.random.default_rng(5).permutation(len(taken)).tolist()]


def _runs(parts: Sequence[str], size: int, joint: str) -> Iterator[str]:
    held = ""
    for part in parts:
        if held and len(held) + len(joint) + len(part) > size:
            yield held
            held = ""
        held = f"{held}{joint}{part}" if held else part
    if held:
        yield held


class Mixture:
    """An endless row of mixed passages with their vectors, the same every time.

    Args:
        passages: the embedded ones with their languages.
        vectors: theirs.
    """

    def __init__(self, passages: Sequence[tuple[str, str]], vectors: Vectors) -> None:
        self._vectors = vectors
        self._sentences = [sentences(text) for text, _ in passages]
        self._long, self._noise = {}, {}
        for language, length in LONG.items():
            own = [i for i, (text, of) in enumerate(passages) if of == language]
            self._long[language] = np.array([i for i in own if len(passages[i][0]) >= length])
            values, axes = np.linalg.eigh(np.cov(vectors[own], rowvar=False))
            # Normal noise times this has the covariance of the language.
            self._noise[language] = (NOISE * np.sqrt(np.maximum(values, 0))[:, None] * axes.T).astype(np.float32)

    def batches(self) -> Iterator[tuple[str, list[str], Vectors]]:
        """Language, texts and vectors, the languages taking turns."""
        rng = np.random.default_rng(7)
        while True:
            for language, long in self._long.items():
                first, second = rng.choice(long, (2, BATCH))
                shares = rng.uniform(0, SHARE, BATCH)
                texts = [
                    self._text(language, a, b, share, rng)
                    for a, b, share in zip(first.tolist(), second.tolist(), shares.tolist(), strict=True)
                ]
                rows = self._vectors[first] + shares[:, None].astype(np.float32) * (
                    self._vectors[second] - self._vectors[first]
                )
                noise = rng.standard_normal(rows.shape, np.float32) @ self._noise[language]
                yield language, texts, normalized(rows + noise)

    def _text(self, language: str, first: int, second: int, share: float, rng: np.random.Generator) -> str:
        mine, others = self._sentences[first], self._sentences[second]
        kept = len(mine) - round(share * len(mine))
        parts = [mine[i] for i in rng.permutation(len(mine))[:kept].tolist()]
        parts += [others[i] for i in rng.permutation(len(others))[: len(mine) - kept].tolist()]
        return JOINT[language].join(parts[i] for i in rng.permutation(len(parts)).tolist())
