"""What rewriting a question is: from the question and the conversation to the texts that are searched for."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ragbot.documents import Message
from ragbot.generation.followup import length, standalone, with_last
from ragbot.retrieval.queries import Query

#: How much a question counts with the last one in front of it, where nothing shows that it goes on from that
#: (python -m eval.benchmarks.rewriting): follow-ups gain much, and a change of the topic costs next to nothing.
CONTEXT_WEIGHT = 0.8
#: A question of more words of its own says what it is about: most of the sets' questions do, and hardly a follow-up.
SHORT = 4.0


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
class AsAsked:
    """Nothing is rewritten, whatever was said before."""

    def steps(self, question: str, history: Sequence[Message] = ()) -> Steps:
        """See :class:`Rewriter`."""
        yield from ()
        return Rewritten(question, (Query(question),))


@dataclass(frozen=True, slots=True)
class ByRules:
    """Only a question with a conversation before it is rewritten: by rules, without a model.

    One that goes on from the user's last question gets that in front (:func:`ragbot.generation.followup.standalone`).
    No rule knows them all: any other short one is searched for as it is and, with a smaller weight, in the same way.
    """

    def steps(self, question: str, history: Sequence[Message] = ()) -> Steps:
        """See :class:`Rewriter`."""
        yield from ()
        alone = standalone(question, history)
        together = with_last(question, history)
        if alone == together or not question.strip() or length(question) > SHORT:
            return Rewritten(alone, (Query(alone),))
        return Rewritten(alone, (Query(alone), Query(together, CONTEXT_WEIGHT)))


AS_ASKED = AsAsked()
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
