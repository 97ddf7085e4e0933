"""What makes the text of an answer: a chat model, or none (sentences of the documents)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from ragbot.documents import Message, Passage
from ragbot.errors import GenerationError, RagbotError
from ragbot.generation.context import fit, render_context
from ragbot.generation.prompts import render
from ragbot.models.embedders.base import estimate_tokens

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

#: Turns of the conversation that are shown to the model.
_TURNS = 4


class Answerer(Protocol):
    """Writes an answer from passages; a claim is followed by ``[n]``, n the number of its passage from 1."""

    def select(self, passages: Sequence[Passage]) -> list[Passage]:
        """The passages that it will see."""

    def pieces(
        self, question: str, passages: Sequence[Passage], language: str, history: Sequence[Message]
    ) -> Iterator[str]:
        """The answer, piece by piece; nothing, or the set phrase of ``refusal``, where the passages are silent."""


class ChatAnswerer:
    """Answers with any LangChain chat model.

    Args:
        model: the chat model.
        context_tokens: budget for the passages, in the model's own tokens.
    """

    def __init__(self, model: BaseChatModel, context_tokens: int) -> None:
        self._model = model
        self._context_tokens = context_tokens

    def select(self, passages: Sequence[Passage]) -> list[Passage]:
        """See :class:`Answerer`."""
        return fit(passages, self._context_tokens, self._count_tokens)

    def pieces(
        self, question: str, passages: Sequence[Passage], language: str, history: Sequence[Message]
    ) -> Iterator[str]:
        """See :class:`Answerer`. Raises GenerationError where the model fails."""
        from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

        prompt = render(
            "answer",
            language,
            refusal=render("refusal", language),
            context=render_context(passages),
            question=question,
        )
        turns: list[BaseMessage] = [
            HumanMessage(turn.content) if turn.role == "user" else AIMessage(turn.content) for turn in history[-_TURNS:]
        ]
        try:
            for chunk in self._model.stream([*turns, HumanMessage(prompt)]):
                if chunk.text:
                    yield str(chunk.text)
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
