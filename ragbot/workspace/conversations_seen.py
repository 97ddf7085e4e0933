"""Conversations as somebody sees them who may not see every document.

An answer that quotes a document is as little theirs as the document is: it is withheld, with its citations, from what is
shown, searched, exported and remembered. What was asked stays. Whoever loses the right to a document loses the answers
from it; with the right, they come back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ragbot.documents import Citation
from ragbot.generation.memory import Summary
from ragbot.index.access import is_seen
from ragbot.index.catalog import Catalog
from ragbot.index.filters import Filter
from ragbot.workspace.conversations import Conversations
from ragbot.workspace.records import Turn
from ragbot.workspace.store import Workspace

#: The error of a turn that is withheld.
WITHHELD = "withheld: its sources may not be seen"


class SeenConversations(Conversations):
    """The conversations of a workspace, for one asker.

    Args:
        catalogs: the knowledge bases that the asker may use, by folder: answers from any other one are withheld.
        where: of this, only who asks counts.
    """

    def __init__(self, workspace: Workspace, catalogs: Mapping[str, Catalog], where: Filter) -> None:
        super().__init__(workspace)
        self._catalogs = catalogs
        self._where = where

    def shown(self, turn: Turn) -> Turn:
        """The turn, or without its answer where that cites what the asker may not see."""
        if self._where.principals is None or all(self._sees(turn, citation) for citation in turn.citations):
            return turn
        return replace(
            turn,
            text="",
            state="failed",
            error=WITHHELD,
            citations=(),
            claims=(),
            confidence=None,
            abstained=False,
        )

    def turns(self, identity: str) -> tuple[Turn, ...]:
        """See :class:`Conversations`."""
        return tuple(map(self.shown, super().turns(identity)))

    def all_turns(self, identity: str) -> tuple[Turn, ...]:
        """See :class:`Conversations`."""
        return tuple(map(self.shown, super().all_turns(identity)))

    def summaries(self, turns: Sequence[Turn]) -> dict[int, Summary]:
        """Those that cover nothing that is withheld."""
        hidden = self._hidden(turns[0].conversation) if turns else set()
        seen = next((place for place, turn in enumerate(turns) if turn.id in hidden), len(turns))
        return {count: summary for count, summary in super().summaries(turns).items() if count <= seen}

    def put_summary(self, turn: int, summary: Summary) -> None:
        """Nothing where a turn is withheld: a summary without it would pass for one of all turns."""
        with self.workspace.reading() as db:
            row = db.execute("SELECT conversation FROM turns WHERE id = ?", (turn,)).fetchone()
        if row is not None and not self._hidden(row[0]):
            super().put_summary(turn, summary)

    def _hidden(self, identity: str) -> set[int]:
        return {turn.id for turn in super().all_turns(identity) if self.shown(turn) is not turn}

    def _sees(self, turn: Turn, citation: Citation) -> bool:
        catalog = self._catalogs.get(self._kb(turn.conversation))
        if catalog is None:
            return False
        # The number of a document that was removed may be another one's by now.
        document = catalog.document_at(citation.source)
        return document is not None and is_seen(document, self._where)

    def _kb(self, identity: str) -> str:
        with self.workspace.reading() as db:
            row = db.execute("SELECT kb FROM conversations WHERE id = ?", (identity,)).fetchone()
        return str(row[0]) if row else ""
