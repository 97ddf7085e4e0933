"""What rewriting a question is: from the question and the conversation to the texts that are searched for."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ragbot.documents import Message
from ragbot.generation.followup import standalone
from ragbot.retrieval.queries import Query


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A question as it is searched for.

    Attributes:
        question: it stands alone; a reranker and a chat model read this one.
        queries: what is searched for, the question first.
        usage: tokens of the chat model (``input_tokens``, ``output_tokens``); empty without one, or where it does not
            tell.
        seconds: that the chat model took; 0 where none was asked.
        fallback: why the rules took over from the chat model; empty where they did not.
    """

    question: str
    queries: tuple[Query, ...]
    usage: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    fallback: str = ""


#: Pauses while a chat model is at work, each a moment to close it, and then what it came to (PEP 380).
Steps = Generator[None, None, Rewritten]


class Rewriter(Protocol):
    """Rewrites questions."""

    def steps(self, question: str, history: Sequence[Message] = ()) -> Steps:
        """Rewrite one. It does not fail: where a chat model does, the question is searched for as the rules have it."""


@dataclass(frozen=True, slots=True)
class ByRules:
    """Only a follow-up is rewritten: by rules, without a model (:func:`ragbot.generation.followup.standalone`)."""

    def steps(self, question: str, history: Sequence[Message] = ()) -> Steps:
        """See :class:`Rewriter`."""
        yield from ()
        alone = standalone(question, history)
        return Rewritten(alone, (Query(alone),))


BY_RULES = ByRules()


def rewrite(rewriter: Rewriter, question: str, history: Sequence[Message] = ()) -> Rewritten:
    """The same at once."""
    steps = rewriter.steps(question, history)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            rewritten: Rewritten = end.value
            return rewritten
