"""Answers by the bundled reader: a passage's number with its probability first, then a stretch of that passage.

The reader is a small model that was trained to do this and nothing else (:mod:`ragbot.generation.reading`): it follows
no instructions, neither those of a prompt nor those that stand in a document.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ragbot.generation.copying import characters, flattened
from ragbot.generation.reading import MOST_PASSAGES, NONE, Reading
from ragbot.generation.span_search import search
from ragbot.generation.spans import Sentence, Span, Weights, chosen

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ragbot.generation.span_evidence import Evidence
    from ragbot.models.llms.gemma.decoding import Decoding
    from ragbot.models.llms.gemma.engine import GemmaEngine
    from ragbot.models.llms.torch_engine import TorchDecoding, TorchEngine

    #: What a reader runs on.
    Engine = GemmaEngine | TorchEngine


#: Passages that are read for the answer, and how likely one is, compared with the best, at least.
_MOST_LIKELY, _LIKELY = 3, 0.1


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the reader makes of a question before it writes.

    Attributes:
        none: probability that no passage answers it.
        passages: probability of each passage; with ``none`` they sum to 1.
    """

    none: float
    passages: tuple[float, ...]

    @property
    def best(self) -> int:
        """Number (from 1) of the passage that most likely answers."""
        return int(np.argmax(self.passages)) + 1

    @property
    def likely(self) -> dict[int, float]:
        """Numbers of the passages that are worth reading for the answer, the best first, with their probabilities."""
        least = max(self.passages) * _LIKELY
        found = [(chance, number) for number, chance in enumerate(self.passages, 1) if chance >= least and chance > 0]
        return {number: chance for chance, number in sorted(found, key=lambda one: -one[0])[:_MOST_LIKELY]}


class Reader:
    """The reader behind its prompt format.

    Args:
        engine: the bundled model with the reader's adapter, or another that was trained in the same way.
        answer_tokens: the longest answer.
        weights: what the choice among possible answers listens to (default: the reader's probabilities alone).
        evidence: what speaks for each sentence of a passage; None asks for nothing.
    """

    def __init__(
        self,
        engine: Engine,
        answer_tokens: int = 96,
        weights: Weights | None = None,
        evidence: Evidence | None = None,
    ) -> None:
        self._engine = engine
        self._limit = answer_tokens
        self._weights = weights or Weights()
        self._evidence = evidence
        tokenizer = engine.tokenizer
        self._digits = [tokenizer.encode(str(digit))[0] for digit in range(MOST_PASSAGES + 1)]

    def count_tokens(self, text: str) -> int:
        """Tokens of ``text``."""
        return len(self._engine.tokenizer.encode(text))

    def read(self, question: str, passages: Sequence[tuple[str, str]], language: str) -> Read:
        """Put the question to passages, each a title and a text; they must fit the model's context.

        Raises:
            GenerationError: they do not fit.
        """
        reading = Reading(language)
        encode = self._engine.tokenizer.encode
        # Context and question apart, as in training: questions about one context share what was read of it.
        begin = self._engine.tokenizer.bos
        prompt = [
            *([] if begin is None else [begin]),
            *encode(reading.context(passages)),
            *encode(reading.question(question)),
        ]
        decoding = self._engine.start(prompt)
        count = min(len(passages), MOST_PASSAGES)
        chances = _softmax(decoding.logits[self._digits[: count + 1]])
        judgement = Judgement(float(chances[NONE]), tuple(float(chance) for chance in chances[1:]))
        return Read(self, decoding, judgement, Asked(question, passages, language))

    def spans(self, decoding: Decoding | TorchDecoding, number: int, asked: Asked) -> list[Span]:
        """The stretches of passage ``number`` that may be the answer; ``decoding`` has read the question."""
        begun = [self._digits[number], *self._engine.tokenizer.encode(Reading(asked.language).closing)]

        def peek(ids: Sequence[int], wanted: Sequence[Sequence[int]]) -> Sequence[NDArray[np.float32]]:
            return decoding.peek([*begun, *ids], wanted)

        return search(peek, asked.passages[number - 1][1], self._engine.tokenizer, self._limit)

    def said(self, decoding: Decoding | TorchDecoding, numbers: Mapping[int, float], asked: Asked) -> Said | None:
        """The best of the stretches of some passages, each with its probability; None where there is none."""
        spans: list[Span] = []
        known: list[Sentence] = []
        # The passages are laid one behind the other.
        ends: list[int] = []
        texts = {number: flattened(asked.passages[number - 1][1]) for number in numbers}
        for number, chance in numbers.items():
            begin = ends[-1] if ends else 0
            spans += [span.moved(begin, math.log(chance)) for span in self.spans(decoding, number, asked)]
            if self._evidence:
                passage = asked.passages[number - 1][1]
                known += [one.moved(begin) for one in self._evidence(asked.question, passage)]
            ends.append(begin + len(texts[number]) + 1)
        if not spans:
            return None
        choice = chosen(spans, self._weights, known)
        at = bisect_right(ends, choice.span.begin)
        number, begin = list(numbers)[at], ends[at - 1] if at else 0
        span = choice.span.moved(-begin)
        text = texts[number][span.begin : span.end].decode().strip()
        at_character = characters(asked.passages[number - 1][1])
        place = at_character[span.begin], at_character[span.end - 1] + 1
        return Said(text, number, place, choice.agreement, choice.sentence)


@dataclass(frozen=True, slots=True)
class Said:
    """An answer.

    Attributes:
        text: it stands in the passage ``number``, counted from 1.
        place: the characters ``[start, end)`` of the passage that it is; there, white space may be longer.
        agreement, sentence: see :class:`ragbot.generation.spans.Choice`.
    """

    text: str
    number: int
    place: tuple[int, int]
    agreement: float
    sentence: Sentence | None


@dataclass(frozen=True, slots=True)
class Asked:
    """What the reader was given: passages are pairs of title and text."""

    question: str
    passages: Sequence[tuple[str, str]]
    language: str


class Read:
    """One question in the reader's hands."""

    def __init__(self, reader: Reader, decoding: Decoding | TorchDecoding, judgement: Judgement, asked: Asked) -> None:
        self._reader, self._decoding, self._asked = reader, decoding, asked
        self.judgement = judgement

    @cached_property
    def said(self) -> Said | None:
        """The short answer, from one of the passages that likely hold it; None where they are empty."""
        return self._reader.said(self._decoding, self.judgement.likely, self._asked)

    @property
    def usage(self) -> dict[str, int]:
        """Tokens that were read, and those of the answer."""
        text = self.said.text if self.said else ""
        return {"input_tokens": self._decoding.usage.prompt, "output_tokens": self._reader.count_tokens(text)}

    def spans(self, number: int) -> list[Span]:
        """All that the reader would answer from passage ``number``, for a choice of one's own."""
        return self._reader.spans(self._decoding, number, self._asked)


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    shifted = np.exp(logits.astype(np.float64) - logits.max())
    normal: NDArray[np.float64] = shifted / shifted.sum()
    return normal
