"""Conversations by what was said in them: every word of the query, in any case, width, accent and script of Chinese."""

from __future__ import annotations

from dataclasses import dataclass

from ragbot.workspace.conversations import Conversations
from ragbot.workspace.records import ConversationInfo, Turn
from ragbot.workspace.rows import TURN, folded, turn_of_row

#: Characters around the first word that is found.
_BEFORE, _AFTER = 40, 160


@dataclass(frozen=True, slots=True)
class Found:
    """A conversation in which the words stand; ``turn`` is None where they stand in its title."""

    conversation: ConversationInfo
    turn: Turn | None
    excerpt: str


def search(conversations: Conversations, query: str, kb: str | None = None, limit: int = 50) -> list[Found]:
    """The turns, and titles, that hold every word of ``query``; the newest first.

    Words are set apart by white space and found inside others, as Chinese needs it: ``秩`` finds ``低秩矩阵``,
    ``token`` finds ``Tokenization``. Branches that are not in use are searched, too.

    Args:
        kb: only conversations with this knowledge base.
        limit: the most that are returned.
    """
    words = list(dict.fromkeys(folded(query).split()))
    if not words:
        return []
    known = {info.id: info for info in conversations.all(kb)}
    found = [
        (info.updated, Found(info, None, info.title))
        for info in known.values()
        if all(word in folded(info.title) for word in words)
    ]
    # A title that is the first question would be found twice.
    condition = " AND ".join("instr(searched, ?)" for _ in words)
    sql = f"SELECT {TURN} FROM turns WHERE {condition} ORDER BY asked DESC, id DESC"
    with conversations.workspace.reading() as db:
        count = 0
        for row in db.execute(sql, words):
            if row[1] not in known:
                continue
            stored = turn_of_row(conversations.path, row)
            turn = conversations.shown(stored)
            if turn is not stored and not all(word in folded(turn.question) for word in words):
                continue  # found in an answer that may not be seen
            found.append((turn.asked, Found(known[turn.conversation], turn, excerpt(turn, words))))
            count += 1
            if count == limit:
                break
    in_turns = {item.conversation.id for _, item in found if item.turn}
    kept = [pair for pair in found if pair[1].turn or pair[1].conversation.id not in in_turns]
    return [item for _, item in sorted(kept, key=lambda pair: pair[0], reverse=True)][:limit]


def excerpt(turn: Turn, words: list[str]) -> str:
    """The surroundings of the first word that is found, on one line."""
    for text in (turn.text, turn.question):
        line = " ".join(text.split())
        small = folded(line)
        places = [at for at in (small.find(word) for word in words) if at >= 0]
        if places:
            # Folding may change lengths (ﬁ, é): the place is near enough for an excerpt.
            begin = max(min(places) - _BEFORE, 0)
            part = line[begin : begin + _BEFORE + _AFTER]
            return f"{'…' if begin else ''}{part}{'…' if begin + len(part) < len(line) else ''}"
    return " ".join(turn.question.split())[: _BEFORE + _AFTER]
