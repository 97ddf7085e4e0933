"""Answers given to programs: kept as a conversation of one turn, and named so that only who got one can rate it.

A ticket is the number of the turn and a message authentication code (RFC 2104) of it and of its owner; the key of the
code lies in the workspace, so that every process on it accepts the tickets of all.
"""

from __future__ import annotations

import hmac
import re
import secrets
from typing import Literal

from ragbot.documents import Answer
from ragbot.errors import UserError
from ragbot.workspace.conversations import Conversations
from ragbot.workspace.feedback import FeedbackStore
from ragbot.workspace.records import Feedback, turn_of
from ragbot.workspace.store import Workspace

_KEY = "ticket_key"
_TICKET = re.compile(r"([1-9]\d{0,17})-([0-9a-f]{32})")


class Tickets:
    """Kept answers of a workspace.

    All methods raise StorageError where nothing can be written.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._conversations = Conversations(workspace)
        self._feedback = FeedbackStore(workspace)
        self._workspace = workspace
        self._key: bytes | None = None

    def keep(self, answer: Answer, kb: str, model: str, owner: str = "") -> str:
        """Store an answer; the ticket that it can be rated with.

        Args:
            kb: the folder of the knowledge base that was asked.
            model: what answered.
            owner: who may rate it: the id of a key, or empty.
        """
        info = self._conversations.create(kb)
        turn = self._conversations.append(info.id, turn_of(answer, model))
        return f"{turn.id}-{self._code(turn.id, owner)}"

    def rate(
        self, ticket: str, owner: str, rating: Literal["up", "down"], comment: str = "", expected: str = ""
    ) -> None:
        """Store what somebody thinks of an answer, in place of what they thought before.

        Raises:
            UserError: ``owner`` has no such ticket, or the answer was deleted.
        """
        self._feedback.put(Feedback(self._turn(ticket, owner), rating, comment, expected))

    def take_back(self, ticket: str, owner: str) -> bool:
        """Remove a rating; False if there was none. Raises as :meth:`rate`."""
        return self._feedback.remove(self._turn(ticket, owner))

    def _turn(self, ticket: str, owner: str) -> int:
        found = _TICKET.fullmatch(ticket)
        if found is None or not hmac.compare_digest(self._code(int(found[1]), owner), found[2]):
            raise UserError("there is no such answer: only answers that were kept can be rated, by who asked for them")
        return int(found[1])

    def _code(self, turn: int, owner: str) -> str:
        return hmac.digest(self._secret(), f"{turn} {owner}".encode(), "sha256").hex()[:32]

    def _secret(self) -> bytes:
        if self._key is None:
            with self._workspace.writing() as db:
                db.execute("INSERT OR IGNORE INTO meta VALUES (?, ?)", (_KEY, secrets.token_hex(32)))
                (stored,) = db.execute("SELECT value FROM meta WHERE key = ?", (_KEY,)).fetchone()
            self._key = bytes.fromhex(stored)
        return self._key
