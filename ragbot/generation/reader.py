"""Answers by the bundled reader: a passage's number with its probability first, then a stretch of that passage.

The reader is a small model that was trained to do this and nothing else (:mod:`ragbot.generation.reading`): it follows
no instructions, neither those of a prompt nor those that stand in a document.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ragbot.generation.copying import flattened
from ragbot.generation.reading import MOST_PASSAGES, NONE, Reading
from ragbot.generation.span_search import search
from ragbot.generation.spans import Choice, Span, Weights, chosen

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ragbot.generation.span_evidence import Evidence
    from ragbot.models.llms.gemma.decoding import Decoding
    from ragbot.models.llms.gemma.engine import GemmaEngine
    from ragbot.models.llms.torch_engine import TorchDecoding, TorchEngine

    #: What a reader runs on.
    Engine = GemmaEngine | TorchEngine


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

        def peek(ids: Sequence[int], rows: int) -> NDArray[np.float32]:
            return decoding.peek([*begun, *ids], rows)

        return search(peek, asked.passages[number - 1][1], self._engine.tokenizer, self._limit)

    def choose(self, decoding: Decoding | TorchDecoding, number: int, asked: Asked) -> Choice | None:
        """The best of :meth:`spans`; None where there is none."""
        spans = self.spans(decoding, number, asked)
        if not spans:
            return None
        known = self._evidence(asked.question, asked.passages[number - 1][1]) if self._evidence else ()
        return chosen(spans, self._weights, known)


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
        self._chosen: dict[int, Choice | None] = {}

    def choice(self, number: int | None = None) -> Choice | None:
        """Which stretch of passage ``number`` (default: the most likely one) is the answer; None: there is none."""
        number = number or self.judgement.best
        if number not in self._chosen:
            self._chosen[number] = self._reader.choose(self._decoding, number, self._asked)
        return self._chosen[number]

    def answer(self, number: int | None = None) -> Generator[str, None, dict[str, int]]:
        """The short answer from that passage; then its usage."""
        number = number or self.judgement.best
        choice, text = self.choice(number), ""
        if choice is not None:
            whole = flattened(self._asked.passages[number - 1][1])
            text = whole[choice.span.begin : choice.span.end].decode().strip()
            yield text
        return {"input_tokens": self._decoding.usage.prompt, "output_tokens": self._reader.count_tokens(text)}

    def spans(self, number: int | None = None) -> list[Span]:
        """All that the reader would answer from that passage, for a choice of one's own."""
        return self._reader.spans(self._decoding, number or self.judgement.best, self._asked)


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    shifted = np.exp(logits.astype(np.float64) - logits.max())
    normal: NDArray[np.float64] = shifted / shifted.sum()
    return normal
