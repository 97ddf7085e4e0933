"""A question of a conversation, asked as the settings of its turn say, in a thread of its own."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from apps.streamlit_ui.visitor import Visitor
from apps.streamlit_ui.working import Work
from ragbot.composing.turns import TurnOptions
from ragbot.documents import Answer
from ragbot.index.filters import Filter


@dataclass(frozen=True, slots=True)
class Wishes:
    """The settings of a turn: how it is answered, and from which documents."""

    options: TurnOptions = field(default_factory=TurnOptions)
    where: Filter = field(default_factory=Filter)


@dataclass(frozen=True, slots=True)
class Answered:
    """A whole answer, and the turn that it was stored as."""

    answer: Answer
    turn: int


def work_name(who: Visitor, conversation: str) -> str:
    """What the answer that a conversation waits for is found under."""
    return f"answer {who.principal.owner} {conversation}"


def ask(
    who: Visitor, kb: str, conversation: str, question: str, wishes: Wishes, instead_of: int | None = None
) -> Work[Any]:
    """Begin to answer; the items are pieces of text, and at last :class:`Answered`.

    The turn is stored when the work is done, also where it is stopped, or fails.

    Args:
        kb: the name of the knowledge base.
        conversation: the id of one that is stored.
        instead_of: the turn that is asked anew.
    """

    def answer(_: Work[Any]) -> Generator[str | Answered]:
        with who.site.bots.using(kb) as bot:
            going_on = bot.conversation(conversation, who.where(), options=wishes.options, workspace=who.workspace)
            with closing(going_on.stream(question, who.where(wishes.where), instead_of=instead_of)) as stream:
                yield from stream
                yield Answered(stream.answer, stream.turn.id if stream.turn else 0)

    about = {"question": question, "instead_of": instead_of}
    return who.site.works.begin(work_name(who, conversation), answer, who.site.slots, about)
