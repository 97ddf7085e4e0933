"""Answers by the bundled reader: how likely a passage answers comes first, then a stretch of that passage.

The reader is a small model that was trained to do this and nothing else (:mod:`ragbot.generation.reading`): it follows
no instructions, neither those of a prompt nor those that stand in a document. It can read several passages at once, but
among several it finds the answer less often than in the right one alone, and takes longer; so it is given one at a time.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ragbot.generation.copying import characters, flattened
from ragbot.generation.reading import NONE, Reading
from ragbot.generation.span_evidence import sentences
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


#: Passages less likely to answer than the best, by this factor, are not looked at.
_LIKELY = 0.1
#: There is an answer, however unlikely: a chance has a logarithm.
_TINY = 1e-9


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
        self._first, self._none = (tokenizer.encode(str(digit))[0] for digit in (1, NONE))

    def count_tokens(self, text: str) -> int:
        """Tokens of ``text``."""
        return len(self._engine.tokenizer.encode(text))

    def support(self, question: str, text: str) -> list[float]:
        """What speaks for each sentence of ``text`` as the one that answers, in nats."""
        known = self._evidence(question, text) if self._evidence else sentences(question, text, None)
        return [self._weights.similarity * one.similarity + self._weights.coverage * one.coverage for one in known]

    def read(self, question: str, title: str, text: str, language: str) -> Read:
        """Put the question to a passage; it must fit the model's context.

        Raises:
            GenerationError: it does not fit.
        """
        reading = Reading(language)
        encode = self._engine.tokenizer.encode
        # Context and question apart, as in training: questions about one context share what was read of it.
        begin = self._engine.tokenizer.bos
        prompt = [
            *([] if begin is None else [begin]),
            *encode(reading.context([(title, text)])),
            *encode(reading.question(question)),
        ]
        decoding = self._engine.start(prompt)
        yes, no = (float(decoding.logits[token]) for token in (self._first, self._none))
        return Read(self, decoding, 1 / (1 + math.exp(yes - no)), question, text, language)

    def spans(self, read: Read) -> list[Span]:
        """The stretches of the passage that may be the answer."""
        closing = self._engine.tokenizer.encode(Reading(read.language).closing)

        def peek(ids: Sequence[int], wanted: Sequence[Sequence[int]]) -> Sequence[NDArray[np.float32]]:
            return read.decoding.peek([self._first, *closing, *ids], wanted)

        return search(peek, read.text, self._engine.tokenizer, self._limit)

    def said(self, reads: Sequence[Read]) -> Said | None:
        """The best of the stretches of the passages that were read for one question; None where they are empty."""
        likeliest = max((1 - read.none for read in reads), default=0.0)
        spans: list[Span] = []
        known: list[Sentence] = []
        taken: list[int] = []
        # The passages are laid one behind the other.
        begins: list[int] = []
        end = 0
        for number, read in enumerate(reads):
            chance = max(1 - read.none, _TINY)
            found = self.spans(read) if chance >= _LIKELY * likeliest else []
            if not found:
                continue
            spans += [span.moved(end, math.log(chance)) for span in found]
            if self._evidence:
                known += [one.moved(end) for one in self._evidence(read.question, read.text)]
            taken.append(number)
            begins.append(end)
            end += len(flattened(read.text)) + 1
        if not spans:
            return None
        choice = chosen(spans, self._weights, known)
        at = bisect_right(begins, choice.span.begin) - 1
        span = choice.span.moved(-begins[at])
        text = reads[taken[at]].text
        from_character = characters(text)
        place = from_character[span.begin], from_character[span.end - 1] + 1
        return Said(flattened(text)[span.begin : span.end].decode().strip(), taken[at], place, choice.agreement)


@dataclass(frozen=True, slots=True)
class Said:
    """An answer.

    Attributes:
        text: it stands in the passage ``number``, counted from 0.
        place: the characters ``[start, end)`` of the passage that it is; there, white space may be longer.
        agreement: see :class:`ragbot.generation.spans.Choice`.
    """

    text: str
    number: int
    place: tuple[int, int]
    agreement: float


@dataclass(frozen=True, slots=True)
class Read:
    """A passage that was read for a question.

    Attributes:
        none: probability that it does not answer.
        text: of the passage.
        language: ``zh`` or ``en``; of the prompt.
    """

    reader: Reader
    decoding: Decoding | TorchDecoding
    none: float
    question: str
    text: str
    language: str

    @property
    def said(self) -> Said | None:
        """The short answer; None where the passage is empty."""
        return self.reader.said([self])

    @property
    def spans(self) -> list[Span]:
        """All that the reader would answer, for a choice of one's own."""
        return self.reader.spans(self)
