"""Copies of articles with edits, for :mod:`eval.benchmarks.exploring`."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence

from ragbot.text import sentence_spans

#: Share of what is replaced, by unit.
_WORDS = {"words-5": 0.05, "words-20": 0.2, "words-40": 0.4}
_SENTENCES = {"sentences-5": 0.05, "sentences-20": 0.2, "sentences-40": 0.4}
KINDS = (*_WORDS, *_SENTENCES, "third")
_HAN = re.compile(r"[\u3400-\u9fff]+")


def copies(texts: Mapping[str, str], rng: random.Random) -> dict[str, str]:
    """The texts, and each one's copies as ``source#kind``. What replaces words or sentences comes from other texts."""
    pieces = {source: _words(text) for source, text in texts.items()}
    spans = {source: [text[a:b] for a, b in sentence_spans(text)] for source, text in texts.items()}
    made = dict(texts)
    for source, text in texts.items():
        chinese = bool(_HAN.search(text[:50]))
        others = [name for name, other in texts.items() if name != source and bool(_HAN.search(other[:50])) == chinese]
        for kind, share in _WORDS.items():
            made[f"{source}#{kind}"] = "".join(_edited(pieces[source], share, pieces, others, rng))
        for kind, share in _SENTENCES.items():
            made[f"{source}#{kind}"] = " ".join(_edited(spans[source], share, spans, others, rng))
        begin = rng.randrange(len(text) - len(text) // 3)
        made[f"{source}#third"] = text[begin : begin + len(text) // 3]
    return made


def _edited(
    parts: Sequence[str],
    share: float,
    all_parts: Mapping[str, Sequence[str]],
    others: Sequence[str],
    rng: random.Random,
) -> list[str]:
    """Parts, that share of which (of those with letters) is replaced, at least one."""
    wordy = [at for at, part in enumerate(parts) if any(letter.isalnum() for letter in part)]
    changed = set(rng.sample(wordy, max(1, round(share * len(wordy)))))
    result = []
    for at, part in enumerate(parts):
        result.append(_foreign(all_parts, others, rng) if at in changed else part)
    return result


def _foreign(all_parts: Mapping[str, Sequence[str]], others: Sequence[str], rng: random.Random) -> str:
    while True:
        part = rng.choice(all_parts[rng.choice(others)])
        if any(letter.isalnum() for letter in part):
            # In another order: a sentence of another article would make the copy share text with that one.
            words = _words(part)
            rng.shuffle(words)
            return "".join(words)


def _words(text: str) -> list[str]:
    import rjieba

    words: list[str] = rjieba.cut(text)
    return words
