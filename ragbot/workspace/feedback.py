"""What people thought of the answers, and a question set for ``ragbot eval`` made of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

from ragbot.documents import Message
from ragbot.errors import UserError
from ragbot.generation.followup import standalone
from ragbot.index.records import checksum
from ragbot.text import detect_language
from ragbot.workspace.conversations import Conversations
from ragbot.workspace.records import ConversationInfo, Feedback, Turn, clean, now
from ragbot.workspace.store import Workspace, damaged

_COLUMNS = "turn, rating, comment, expected, given, checksum"
_RATINGS: dict[str, int] = {"up": 1, "down": -1}
_NAMES: dict[int, Literal["up", "down"]] = {1: "up", -1: "down"}


class FeedbackStore:
    """Feedback on turns, one a turn; it goes with its conversation."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def put(self, feedback: Feedback) -> None:
        """Store it in place of what there was about this turn. Raises UserError where the turn is gone."""
        with self.workspace.writing() as db:
            if not db.execute("SELECT 1 FROM turns WHERE id = ?", (feedback.turn,)).fetchone():
                raise UserError(f"there is no turn {feedback.turn} any more; its conversation has been deleted")
            insert_feedback(db, feedback)

    def remove(self, turn: int) -> bool:
        """Take it back, without a trace; False if there was none."""
        with self.workspace.deleting() as db:
            return db.execute("DELETE FROM feedback WHERE turn = ?", (turn,)).rowcount > 0

    def count(self) -> int:
        """How many answers are rated."""
        with self.workspace.reading() as db:
            return int(db.execute("SELECT count(*) FROM feedback").fetchone()[0])

    def of(self, turns: Sequence[Turn]) -> dict[int, Feedback]:
        """The feedback on these turns, by turn. Raises CorruptError."""
        wanted = {turn.id for turn in turns}
        names = {turn.conversation for turn in turns}
        with self.workspace.reading() as db:
            rows: list[Any] = []
            for name in names:
                rows += db.execute(
                    f"SELECT {_COLUMNS} FROM feedback WHERE turn IN (SELECT id FROM turns WHERE conversation = ?)",
                    (name,),
                )
        return {row[0]: self._feedback(row) for row in rows if row[0] in wanted}

    def _feedback(self, row: Sequence[Any]) -> Feedback:
        if checksum(*row[:5]) != row[5] or row[1] not in _NAMES:
            raise damaged(self.workspace.path, f"the feedback on turn {row[0]}", "rate the turn again")
        return Feedback(row[0], _NAMES[row[1]], row[2], row[3], row[4])


def insert_feedback(db: sqlite3.Connection, feedback: Feedback) -> None:
    """Insert a row, inside a transaction."""
    columns = (
        feedback.turn,
        _RATINGS[feedback.rating],
        clean(feedback.comment),
        clean(feedback.expected),
        feedback.given or now(),
    )
    db.execute("INSERT OR REPLACE INTO feedback VALUES (?, ?, ?, ?, ?, ?)", (*columns, checksum(*columns)))


def evaluation_set(
    conversations: Conversations,
    infos: Iterable[ConversationInfo],
    source_name: Callable[[str], str] = str,
) -> list[dict[str, Any]]:
    """The rated turns as records of the question sets of ``ragbot eval`` (see :mod:`eval.datasets.jsonl`).

    A good answer gives its quotes as the evidence, a good refusal a question that nothing answers. Of a bad one, only
    the question is known, and the right answer where the person gave it: it is to be looked through
    (``ragbot eval review``). A question that goes on from the one before it is written so that it stands alone.

    Args:
        infos: the conversations whose turns are looked through.
        source_name: makes of a citation's source what the set calls the document.
    """
    records, feedback = [], FeedbackStore(conversations.workspace)
    for info in infos:
        turns = conversations.all_turns(info.id)
        rated = feedback.of(turns)
        by_id = {turn.id: turn for turn in turns}
        for turn in turns:
            if turn.id in rated and turn.question.strip():
                before = by_id.get(turn.parent or 0)
                history = (Message("user", before.question),) if before else ()
                question = standalone(turn.question, history)
                records.append(_record(turn, rated[turn.id], question, source_name))
    return records


def _record(turn: Turn, given: Feedback, question: str, source_name: Callable[[str], str]) -> dict[str, Any]:
    good = given.rating == "up"
    expected = [given.expected.strip()] if given.expected.strip() else []
    answerable = bool(expected) or not (good and turn.abstained)
    record: dict[str, Any] = {
        "id": f"{turn.conversation}-{turn.id}",
        "question": question,
        "language": turn.language or detect_language(question),
        "answerable": answerable,
        "rating": given.rating,
    }
    if expected:
        record["answers"] = expected
    if good and answerable and turn.citations:
        # A question of a set has one document: the one that is cited most.
        sources = [citation.source for citation in turn.citations]
        source = max(dict.fromkeys(sources), key=sources.count)
        record["source"] = source_name(source)
        quotes = (citation.quote for citation in turn.citations if citation.source == source)
        record["evidence"] = [quote for quote in dict.fromkeys(quotes) if quote.strip()]
    if given.comment.strip():
        record["comment"] = given.comment
    return record
