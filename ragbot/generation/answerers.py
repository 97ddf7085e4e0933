"""What makes the text of an answer: a chat model, or none (sentences of the documents)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from ragbot.documents import Message, Passage
from ragbot.errors import GenerationError, RagbotError
from ragbot.generation.context import fit, render_context
from ragbot.generation.prompts import render
from ragbot.generation.strategies import strategy_called
from ragbot.generation.strategies.base import Request
from ragbot.models.embedders.base import estimate_tokens

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage

#: The pieces of an answer, and when they are exhausted (PEP 380) the tokens that it took: ``input_tokens`` and
#: ``output_tokens``; nothing where no model was asked, or where it does not tell.
Pieces = Generator[str, None, Mapping[str, int] | None]
#: Messages of the conversation that a model is shown however long they are: the last question and its answer.
_LAST = 2


class Answerer(Protocol):
    """Writes an answer from passages; a claim is followed by ``[n]``, n the number of its passage from 1."""

    def select(self, passages: Sequence[Passage]) -> list[Passage]:
        """The passages that it will see."""

    def pieces(self, question: str, passages: Sequence[Passage], language: str, history: Sequence[Message]) -> Pieces:
        """The answer, piece by piece; nothing, or the set phrase of ``refusal``, where the passages are silent.

        An empty piece is no text, but a moment at which the reader can stop a model that is still at work.
        """


@dataclass(frozen=True, slots=True)
class Short:
    """An answer in a few words.

    Attributes:
        text: as it is shown.
        passage: that it is from, counted from 0.
        place: the characters ``[start, end)`` of the passage that say it.
    """

    text: str
    passage: int
    place: tuple[int, int]


class Judged(Protocol):
    """A question that the model has an opinion about before it has written a word."""

    @property
    def none(self) -> float:
        """Probability that no passage answers the question."""

    @property
    def short(self) -> Short | None:
        """The answer in a few words, which stand in the sentences that :meth:`pieces` yields; None where there is none."""

    def pieces(self) -> Pieces:
        """The answer, as :meth:`Answerer.pieces` yields it."""


@runtime_checkable
class Judging(Protocol):
    """An :class:`Answerer` that says how sure it is; whether it is asked to write depends on that."""

    def judge(self, question: str, passages: Sequence[Passage], language: str) -> Judged:
        """Read the passages. Raises GenerationError where the model fails."""


class ChatAnswerer:
    """Answers with any LangChain chat model.

    Args:
        model: the chat model.
        context_tokens: budget for the passages, in the model's own tokens.
        strategy: how it is asked; a name of :data:`ragbot.generation.strategies.STRATEGIES`.
        samples: answers that are compared, where the strategy compares some.
        history_tokens: budget for what was said before, in the same tokens; of more, the last messages go along.

    Raises:
        SettingsError: there is no such strategy.
    """

    def __init__(
        self,
        model: BaseChatModel,
        context_tokens: int,
        strategy: str = "zero-shot",
        samples: int = 5,
        history_tokens: int = 1500,
    ) -> None:
        self._model = model
        self._context_tokens = context_tokens
        self._history_tokens = history_tokens
        self._strategy = strategy_called(strategy)
        self._samples = samples

    def select(self, passages: Sequence[Passage]) -> list[Passage]:
        """See :class:`Answerer`."""
        return fit(passages, self._context_tokens, self._count_tokens)

    def pieces(self, question: str, passages: Sequence[Passage], language: str, history: Sequence[Message]) -> Pieces:
        """See :class:`Answerer`. Raises GenerationError where the model fails."""
        from langchain_core.messages import AIMessage, HumanMessage

        refusal = render("refusal", language)
        context = render_context(passages)
        prompt = render(self._strategy.prompt, language, refusal=refusal, context=context, question=question)
        messages: list[BaseMessage] = [
            HumanMessage(turn.content) if turn.role == "user" else AIMessage(turn.content)
            for turn in self._lately(history)
        ]
        messages.append(HumanMessage(prompt))
        usage: Counter[str] = Counter()  # of this answer alone: others may be under way

        def say(temperature: float | None = None) -> Generator[str]:
            return self._reply(messages, {} if temperature is None else {"temperature": temperature}, usage)

        yield from self._strategy.read(Request(say, refusal, self._samples))
        return dict(usage)

    def _lately(self, history: Sequence[Message]) -> Sequence[Message]:
        """The last messages that fit, from a question of the user's on."""
        left, begin = self._history_tokens, len(history)
        for at in reversed(range(len(history))):
            left -= self._count_tokens(history[at].content)
            if left < 0 and len(history) - at > _LAST:
                break
            begin = at
        while begin < len(history) and history[begin].role != "user":
            begin += 1
        return history[begin:]

    def _reply(self, messages: list[BaseMessage], options: Mapping[str, Any], usage: Counter[str]) -> Generator[str]:
        """One reply, piece by piece; its tokens are added to ``usage``."""
        try:
            stream = self._model.stream(messages, **options)
            try:
                for chunk in stream:
                    if counted := chunk.usage_metadata:
                        usage["input_tokens"] += counted["input_tokens"]
                        usage["output_tokens"] += counted["output_tokens"]
                    if chunk.text:
                        yield str(chunk.text)
            finally:
                if close := getattr(stream, "close", None):
                    close()
        except RagbotError:
            raise
        except Exception as error:  # any client library may stand behind the model, each with errors of its own
            raise GenerationError(f"the chat model failed: {error}; try --llm extractive, which needs none") from error

    def _count_tokens(self, text: str) -> int:
        from langchain_core.language_models import BaseLanguageModel

        kind = type(self._model)
        own = (
            kind.get_num_tokens is not BaseLanguageModel.get_num_tokens
            or kind.get_token_ids is not BaseLanguageModel.get_token_ids
            or self._model.custom_get_token_ids is not None
        )
        # LangChain's fallback is the tokenizer of GPT-2, which it fetches from the hub.
        return self._model.get_num_tokens(text) if own else estimate_tokens(text)
