"""A conversation that goes on: each question is asked with what was said before, and stored with its answer."""

from __future__ import annotations

import logging
import secrets
import sqlite3
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Literal

from ragbot.documents import Answer, Message
from ragbot.errors import RagbotError, UserError
from ragbot.generation.chain import AnswerStream
from ragbot.generation.memory import Exchange, Memory, Recollection
from ragbot.index.filters import Filter
from ragbot.workspace.conversations import Conversations
from ragbot.workspace.feedback import FeedbackStore
from ragbot.workspace.records import ConversationInfo, Feedback, State, Turn, clean, turn_of
from ragbot.workspace.transfer import branch_to

log = logging.getLogger(__name__)

#: Answers a question with a history, as :meth:`ragbot.RagBot.stream` does.
Ask = Callable[[str, Sequence[Message], Filter | None], AnswerStream]


class ConversationStream(AnswerStream):
    """Iterate it for the pieces; :attr:`answer` and :attr:`turn` are there once it is exhausted, and the turn is stored.

    Where it is closed before, the turn is stored as interrupted.
    """

    turn: Turn | None = None


class Conversation:
    """One conversation with a knowledge base. Use :meth:`ragbot.RagBot.conversation`.

    It is stored with its first turn; until then there is nothing of it.

    Args:
        conversations: where it is stored.
        ask: answers.
        memory: what goes with a question.
        kb: the folder of the knowledge base.
        info: one that goes on; None for a new one.
        model: the chat model's name, stored with each turn.
    """

    def __init__(
        self,
        conversations: Conversations,
        ask: Ask,
        memory: Memory,
        kb: str,
        info: ConversationInfo | None = None,
        model: str = "",
    ) -> None:
        self.id = info.id if info else secrets.token_hex(6)
        self.kb = kb
        self._conversations = conversations
        self._feedback = FeedbackStore(conversations.workspace)
        self._ask = ask
        self._memory = memory
        self._model = model
        self._stored = info is not None

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The turns of the branch in use, the first one first."""
        return self._conversations.turns(self.id) if self._stored else ()

    def ask(self, question: str, where: Filter | None = None, *, instead_of: int | None = None) -> Answer:
        """An answer with citations, or a refusal; it is on the disk when this returns.

        Args:
            instead_of: the id of a turn that is asked anew, with this question (edited, or the same for another
                answer). What was said before it goes along; it stays, with all that followed, as an alternative.

        Raises:
            UserError: there is no such turn, or the conversation was deleted meanwhile.
            GenerationError: the chat model failed; the question is stored all the same.
            StorageError: the turn cannot be stored.
        """
        stream = self.stream(question, where, instead_of=instead_of)
        for _ in stream:
            pass
        return stream.answer

    def stream(
        self, question: str, where: Filter | None = None, *, instead_of: int | None = None
    ) -> ConversationStream:
        """The same, piece by piece."""
        stream = ConversationStream(iter(()))
        stream._pieces = self._run(stream, clean(question), where, instead_of)
        return stream

    def regenerate(self, turn: int | None = None, where: Filter | None = None) -> Answer:
        """Answer a turn (the last one) again; the old answer stays as an alternative. Raises as :meth:`ask`."""
        again = self._found(turn)
        return self.ask(again.question, where, instead_of=again.id)

    def alternatives(self, turn: int | None = None) -> tuple[Turn, ...]:
        """What was asked and answered in the place of a turn (the last one), that one included."""
        return self._conversations.alternatives(self._found(turn))

    def choose(self, turn: int) -> None:
        """Go on with the branch of an alternative. Raises UserError where there is none of this id."""
        self._conversations.choose(self._found(turn).conversation, turn)

    def rate(
        self, rating: Literal["up", "down"], comment: str = "", expected: str = "", turn: int | None = None
    ) -> Feedback:
        """Store what somebody thinks of an answer (the last one), and what would have been right.

        Raises:
            UserError: there is no such turn.
        """
        feedback = Feedback(self._found(turn).id, rating, comment, expected)
        self._feedback.put(feedback)
        return feedback

    def take_back(self, turn: int | None = None) -> bool:
        """Take the rating of an answer (the last one) back; False if there was none. Raises as :meth:`rate`."""
        return self._feedback.remove(self._found(turn).id)

    def delete(self) -> None:
        """Delete the conversation; no byte of it is left."""
        self._conversations.delete([self.id])

    # -- inside --------------------------------------------------------------------------------------------------

    def _found(self, turn: int | None) -> Turn:
        listed = self.turns if turn is None else self._conversations.all_turns(self.id)
        for candidate in reversed(listed):
            if turn in {None, candidate.id}:
                return candidate
        raise UserError(f"the conversation has no turn {turn}" if turn is not None else "nothing was asked yet")

    def _run(
        self, stream: ConversationStream, question: str, where: Filter | None, instead_of: int | None
    ) -> Iterator[str]:
        text = ""
        try:
            recollection = yield from self._recall(instead_of)
            inner = self._ask(question, recollection.history, where)
            with closing(inner):
                for piece in inner:
                    text += piece
                    yield piece
            answer = inner.answer
        except (GeneratorExit, KeyboardInterrupt):
            self._store_rest(question, text, "interrupted", "", instead_of)
            raise
        except RagbotError as error:
            self._store_rest(question, text, "failed", str(error), instead_of)
            raise
        usage = dict(answer.usage)
        for name, count in recollection.usage.items():
            usage[name] = usage.get(name, 0) + count
        stream._answer = replace(answer, usage=usage)  # there even if it cannot be stored
        stream.turn = self._append(turn_of(stream._answer, self._model), instead_of)

    def _recall(self, instead_of: int | None) -> Generator[str, None, Recollection]:
        """What goes with the question; an empty piece for each pause, at which the reader may leave."""
        before: Sequence[Turn] = self.turns
        if instead_of is not None:
            every = self._conversations.all_turns(self.id)
            before = branch_to(self._found(instead_of), every)[:-1]
        # What was stopped or failed was not said.
        said = [turn for turn in before if turn.state == "complete"]
        places = {turn.id: number for number, turn in enumerate(said, 1)}
        known = {
            places[before[count - 1].id]: summary
            for count, summary in self._conversations.summaries(before).items()
            if before[count - 1].id in places
        }
        steps = self._memory.recall([Exchange(turn.question, turn.text, turn.abstained) for turn in said], known)
        with closing(steps):
            while True:
                try:
                    next(steps)
                except StopIteration as end:
                    recollection: Recollection = end.value
                    break
                yield ""
        if recollection.fresh and recollection.summary:
            self._conversations.put_summary(said[recollection.covered - 1].id, recollection.summary)
        return recollection

    def _append(self, turn: Turn, instead_of: int | None) -> Turn:
        new_in = None if self._stored else self.kb
        stored = self._conversations.append(self.id, turn, new_in=new_in, instead_of=instead_of)
        self._stored = True
        return stored

    def _store_rest(self, question: str, text: str, state: State, error: str, instead_of: int | None) -> None:
        """Store what there is of a turn; the reason why it is not whole matters more than a failure here."""
        try:
            self._append(Turn(question, clean(text), state, model=self._model, error=error), instead_of)
        except (RagbotError, sqlite3.Error) as failure:  # the workspace may be closed by now
            log.warning("the turn was not stored: %s", failure)
