"""Several prompts at once: LangChain's ``batch`` and ``abatch`` of a transformers model, padded on the left.

A batch reads the weights once a step for all its rows, which is where the time of a step goes; the answers are those of
single calls, up to the rounding of the arithmetic; in int8 that is enough to change a word now and then.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import defaultdict, deque
from collections.abc import Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatResult
from langchain_core.runnables import RunnableConfig, run_in_executor

from ragbot.errors import GenerationError
from ragbot.models.llms.base import LocalChatModel

if TYPE_CHECKING:
    from ragbot.models.llms.calls import Call

#: Prompts of one batch at most; they are sorted by length, so that little is padding.
ROWS = 8

Key = tuple[int, ...]
#: Of the batch that is under way in this context: the answers by prompt, computed before LangChain asks one by one.
_READY: ContextVar[dict[Key, deque[ChatResult | Exception]] | None] = ContextVar("ragbot_batch", default=None)


class BatchedChatModel(LocalChatModel):
    """A local chat model whose ``batch`` computes greedy answers together; all else is one call after another.

    LangChain still makes one run of each prompt, with its callbacks; it finds the answer ready. ``batch_rows`` prompts
    are computed at once.
    """

    batch_rows: int = ROWS

    def batch(
        self,
        inputs: list[Any],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> list[Any]:
        """See LangChain's ``Runnable.batch``."""
        token = _READY.set(self._together(inputs, kwargs))
        try:
            return super().batch(inputs, config, return_exceptions=return_exceptions, **kwargs)
        finally:
            _READY.reset(token)

    async def abatch(
        self,
        inputs: list[Any],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> list[Any]:
        """See LangChain's ``Runnable.abatch``."""
        token = _READY.set(await run_in_executor(None, self._together, inputs, kwargs))
        try:
            return await super().abatch(inputs, config, return_exceptions=return_exceptions, **kwargs)
        finally:
            _READY.reset(token)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return self._ready(messages) or super()._generate(messages, stop, run_manager, **kwargs)

    async def _agenerate(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        return self._ready(messages) or await super()._agenerate(messages, stop, run_manager, **kwargs)

    def _ready(self, messages: list[BaseMessage]) -> ChatResult | None:
        waiting = _READY.get()
        answers = waiting.get(tuple(self._encode(messages))) if waiting else None
        if not answers:
            return None
        answer = answers.popleft()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _together(self, inputs: list[Any], options: dict[str, Any]) -> dict[Key, deque[ChatResult | Exception]]:
        """Answers by prompt; nothing where a batch gains nothing, or would have to sample."""
        call = self._call(options, options.get("stop"))
        if len(inputs) < 2 or call.temperature > 0 or call.logprobs or call.schema is not None:
            return {}
        prompts = [self._encode(self._convert_input(value).to_messages()) for value in inputs]
        # One that does not fit is left to its own call, which says so.
        prompts = sorted((prompt for prompt in prompts if len(prompt) < self.context_tokens), key=len)
        ready: dict[Key, deque[ChatResult | Exception]] = defaultdict(deque)
        for start in range(0, len(prompts), self.batch_rows):
            rows = prompts[start : start + self.batch_rows]
            answers: Sequence[ChatResult | Exception]
            try:
                answers = self._answer_rows(rows, call)
            except GenerationError as error:
                answers = [error] * len(rows)
            for row, answer in zip(rows, answers, strict=True):
                ready[tuple(row)].append(answer)
        return ready

    @abstractmethod
    def _answer_rows(self, prompts: Sequence[Sequence[int]], call: Call) -> list[ChatResult]:
        """The answers to ``prompts``, in their order."""
