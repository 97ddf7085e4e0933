"""The order in which paragraphs are asked about: any first part of it is spread over documents and their length."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import zip_longest

from eval.synth.base import Paragraph


def spread(paragraphs: Sequence[Paragraph], seed: int) -> list[Paragraph]:
    """All paragraphs: documents in turn, and within a document by halving, quartering, ... its length.

    The positions follow the van der Corput sequence in base 2 (van der Corput 1935), begun at a place that depends on
    ``seed`` and the document's name.
    """
    by_document: dict[str, list[Paragraph]] = {}
    for paragraph in paragraphs:
        by_document.setdefault(paragraph.source, []).append(paragraph)
    names = sorted(by_document)
    random.Random(seed).shuffle(names)
    queues = [_scattered(by_document[name], random.Random(f"{seed} {name}").random()) for name in names]
    return [paragraph for turn in zip_longest(*queues) for paragraph in turn if paragraph is not None]


def _scattered(paragraphs: Sequence[Paragraph], offset: float) -> list[Paragraph]:
    taken: dict[int, None] = {}
    bits = max(len(paragraphs) - 1, 1).bit_length()
    for number in range(1 << bits):
        place = (int(f"{number:0{bits}b}"[::-1], 2) / (1 << bits) + offset) % 1.0
        taken.setdefault(int(place * len(paragraphs)))
    rest = [number for number in range(len(paragraphs)) if number not in taken]
    return [paragraphs[number] for number in (*taken, *rest)]
