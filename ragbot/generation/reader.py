"""Answers by the bundled reader: a passage's number with its probability first, then words copied from that passage.

The reader is a small model that was trained to do this and nothing else (:mod:`ragbot.generation.reading`): it follows
no instructions, neither those of a prompt nor those that stand in a document.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ragbot.generation.copying import Copying
from ragbot.generation.reading import MOST_PASSAGES, NONE, Reading

if TYPE_CHECKING:
    from numpy.typing import NDArray

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
    """

    def __init__(self, engine: Engine, answer_tokens: int = 96) -> None:
        self._engine = engine
        self._limit = answer_tokens
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
        return Read(self, decoding, judgement, language, passages)

    def _write(
        self, decoding: Decoding | TorchDecoding, number: int, text: str, language: str
    ) -> Generator[str, None, dict[str, int]]:
        tokenizer = self._engine.tokenizer
        decoding.push([self._digits[number], *tokenizer.encode(Reading(language).closing)])
        copying = Copying(text, tokenizer)
        ids: list[int] = []
        shown = ""
        for token, _ in decoding.generate(self._limit, constraint=copying):
            ids.append(token)
            text = tokenizer.decode(ids)
            # A character of several tokens is complete only with the last of them.
            ready = text.rstrip("\ufffd")
            if ready.startswith(shown):
                yield ready[len(shown) :] if shown else ready.lstrip()
                shown = ready
        return {"input_tokens": decoding.usage.prompt, "output_tokens": decoding.usage.new}


class Read:
    """One question in the reader's hands."""

    def __init__(
        self,
        reader: Reader,
        decoding: Decoding | TorchDecoding,
        judgement: Judgement,
        language: str,
        passages: Sequence[tuple[str, str]],
    ) -> None:
        self._reader, self._decoding, self._language, self._passages = reader, decoding, language, passages
        self.judgement = judgement

    def answer(self, number: int | None = None) -> Generator[str, None, dict[str, int]]:
        """The short answer from passage ``number`` (default: the most likely one), piece by piece; then its usage."""
        number = number or self.judgement.best
        return self._reader._write(self._decoding, number, self._passages[number - 1][1], self._language)


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    shifted = np.exp(logits.astype(np.float64) - logits.max())
    normal: NDArray[np.float64] = shifted / shifted.sum()
    return normal
