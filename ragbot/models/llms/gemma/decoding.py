"""One text that the engine reads and goes on with."""

from __future__ import annotations

from collections.abc import Callable, Container, Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ragbot.errors import GenerationError
from ragbot.models.llms.constraints import within
from ragbot.models.llms.gemma.buffers import Buffers
from ragbot.models.llms.gemma.sampling import Logits, log_probability, sample
from ragbot.models.llms.lookup import PromptLookup

if TYPE_CHECKING:
    from ragbot.models.llms.constraints import Constraint
    from ragbot.models.llms.gemma.engine import GemmaEngine
    from ragbot.models.llms.gemma.weights import Floats

#: Tokens read in one pass: what it computes stays in the processor's cache, and a cancelled prompt stops within one.
#: Measured on a prompt of 700 tokens: 128 at a time are 1.4 times as fast as all at once.
CHUNK = 160

#: Tokens of a prompt-lookup draft at most. A pass over 1 / 3 / 5 / 9 tokens takes 28 / 35 / 40 / 48 ms.
LOOKUP_TOKENS = 10

Cancelled = Callable[[], bool]


@dataclass
class Usage:
    """What a text has cost, in tokens; ``prompt`` counts those ``from_cache``, too."""

    prompt: int = 0
    from_cache: int = 0
    new: int = 0
    drafted: int = 0
    accepted: int = 0
    passes: int = 0


class Decoding:
    """The state of one text; :meth:`ragbot.models.llms.gemma.engine.GemmaEngine.start` makes it.

    One thread at a time may use it; several of them may use one engine.
    """

    def __init__(self, engine: GemmaEngine, buffers: Buffers, ids: Sequence[int]) -> None:
        self._engine = engine
        self._buffers = buffers
        self._ids = list(ids)  # whose keys and values are in the buffers
        self._pending: list[int] = []  # given out, and not read yet
        self._logits: Logits = np.empty(0, np.float32)
        #: The logits that the last token given out was chosen from.
        self.chosen_from: Logits = self._logits
        self.usage = Usage(prompt=len(ids), from_cache=len(ids))
        #: Why :meth:`generate` ended: ``stop``, ``length``, ``cancelled``; None while it has not.
        self.finish: str | None = None
        #: The stop token that ended it, and its log-probability.
        self.end: tuple[int, float] | None = None

    @property
    def ids(self) -> tuple[int, ...]:
        """The text so far."""
        return (*self._ids, *self._pending)

    @property
    def state(self) -> tuple[Buffers, tuple[int, ...]]:
        """The buffers, and the text whose keys and values they begin with."""
        return self._buffers, tuple(self._ids)

    @property
    def logits(self) -> Logits:
        """Of the next token: ``(vocabulary,)``."""
        if self._pending:
            self._take(self._pending, self._read(self._pending, 1)[0])
        return self._logits

    def push(self, ids: Sequence[int], cancelled: Cancelled | None = None) -> None:
        """Go on with ``ids``, in passes of at most :data:`CHUNK` tokens.

        Raises:
            GenerationError: the text is longer than the model reads, or ``cancelled`` said so.
        """
        rest = [*self._pending, *ids]
        self._check(len(self._ids) + len(rest))
        self.usage.prompt += len(ids)
        for begin in range(0, len(rest), CHUNK):
            if cancelled is not None and cancelled():
                raise GenerationError(f"cancelled after {begin:,} of {len(rest):,} tokens of the prompt were read")
            part = rest[begin : begin + CHUNK]
            is_last = begin + CHUNK >= len(rest)
            logits = self._read(part, 1 if is_last else 0)
            self._take(part, logits[0] if is_last else self._logits)

    def peek(self, ids: Sequence[int], wanted: Sequence[Sequence[int]]) -> list[Logits]:
        """What would be expected if the text went on with ``ids``; it does not.

        Args:
            wanted: for each of the last tokens of ``ids``, those whose logits behind it are asked for. That takes a
                fraction of the time that the logits of the whole vocabulary take.

        Raises:
            GenerationError: the text would be longer than the model reads.
        """
        rest = [*self._pending, *ids]
        self._check(len(self._ids) + len(rest))
        hidden = self._hidden(rest)[len(rest) - len(wanted) :]
        return [self._engine.some(row, tokens) for row, tokens in zip(hidden, wanted, strict=True)]

    def generate(
        self,
        limit: int,
        *,
        stop: Container[int] | None = None,
        lookup: bool = True,
        temperature: float = 0.0,
        top_p: float = 1.0,
        seed: int | None = None,
        constraint: Constraint | None = None,
        cancelled: Cancelled | None = None,
    ) -> Generator[tuple[int, float]]:
        """Up to ``limit`` tokens with their log-probabilities (of the model itself, whatever the temperature).

        The token that ends the text is not among them: it is :attr:`end`. Whenever the iterator is left, the text holds
        what was given out, and can be gone on with.

        Args:
            limit: the longest answer, in tokens; the end of the context comes first.
            stop: tokens that end it (default: the model's own end).
            lookup: draft by prompt lookup, which changes the speed and not the tokens; only where the likeliest
                token is taken.
            temperature: 0 takes the likeliest token.
            top_p: draw only from the likeliest tokens that have this probability together.
            seed: of the drawing.
            constraint: chooses among the tokens that it allows; it is told each one but the last, which ends the text.
            cancelled: asked before each pass.
        """
        ends: Container[int] = (self._engine.tokenizer.eos,) if stop is None else stop
        random = np.random.default_rng(seed)
        left = min(limit, self._engine.context_tokens - len(self.ids))
        index = PromptLookup(self.ids, LOOKUP_TOKENS) if lookup and temperature <= 0 else None
        self.finish = self.end = None
        while left > 0:
            if cancelled is not None and cancelled():
                self.finish = "cancelled"
                return
            self.chosen_from = self.logits
            token = sample(within(self.chosen_from, constraint), temperature, top_p, random)
            sure = log_probability(self.chosen_from, token)
            if token in ends:
                self.finish, self.end = "stop", (token, sure)
                return
            self._pending = [token]
            self.usage.new += 1
            left -= 1
            if constraint is not None:
                constraint.push(token)
            yield token, sure
            if index is not None and left > 0:
                index.push(token)
                left -= yield from self._drafted(index, index.draft(left), ends, constraint)
        self.finish = "length"

    def _drafted(
        self, index: PromptLookup, draft: Sequence[int], ends: Container[int], constraint: Constraint | None
    ) -> Generator[tuple[int, float], None, int]:
        """Read the pending token and ``draft`` in one pass, and give out the part that is right; its length.

        What was read and is wrong lies in the buffers behind the end of the text, where the next pass writes.
        """
        if not draft:
            return 0
        rows = self._read([*self._pending, *draft], 1 + len(draft))
        self._take(self._pending, rows[0])
        accepted = 0
        for guess, row in zip(draft, rows[1:], strict=True):
            if int(within(self._logits, constraint).argmax()) != guess or guess in ends:
                break
            if constraint is not None:
                constraint.push(guess)
            self.chosen_from = self._logits
            sure = log_probability(self.chosen_from, guess)
            self._take([guess], row)
            accepted += 1
            self.usage.new += 1
            yield guess, sure
        for guess in draft[:accepted]:
            index.push(guess)
        index.judge(len(draft), accepted)
        self.usage.drafted += len(draft)
        self.usage.accepted += accepted
        return accepted

    def _check(self, total: int) -> None:
        if total > self._engine.context_tokens:
            raise GenerationError(
                f"the text has {total:,} tokens, and the bundled chat model reads {self._engine.context_tokens:,}: give it "
                "less context (a smaller top_k, shorter history), or use a model with a longer one"
            )

    def _read(self, ids: Sequence[int], rows: int) -> Logits:
        """One pass over ``ids``, behind the text: the logits after the last ``rows`` of them ``(rows, vocabulary)``."""
        hidden = self._hidden(ids)
        return self._engine.head(hidden[len(ids) - rows :]) if rows else hidden[:0]

    def _hidden(self, ids: Sequence[int]) -> Floats:
        begin, total = len(self._ids), len(self._ids) + len(ids)
        if total > self._buffers.capacity:
            self._buffers = self._buffers.with_room(2 * total, begin)
        self.usage.passes += 1
        return self._engine.layers(self._buffers, ids, begin)

    def _take(self, ids: Sequence[int], logits: Logits) -> None:
        """The text goes on with ``ids``, which were read, and then with ``logits``."""
        self._ids += ids
        self._logits = logits
        self._pending = []
