"""Rows of the workspace to values and back, each with the checksum that is compared when it is read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ragbot.index.analysis_fold import fold
from ragbot.index.records import checksum
from ragbot.workspace.records import STATES, ConversationInfo, Turn, clean, details_json, details_of
from ragbot.workspace.store import damaged

CONVERSATION = "id, title, kb, created, updated, head, checksum"
TURN = "id, conversation, parent, asked, question, text, state, details, checksum"


def folded(text: str) -> str:
    """``text`` as it is searched: any case, width, accent and script of Chinese."""
    return fold(text).casefold()


def conversation_row(info: ConversationInfo) -> tuple[Any, ...]:
    """The columns of :data:`CONVERSATION`."""
    columns = (info.id, clean(info.title), clean(info.kb), info.created, info.updated, info.head)
    return (*columns, checksum(*columns))


def conversation_of(path: Path, row: Sequence[Any], turns: int = 0) -> ConversationInfo:
    """The conversation of a row. Raises CorruptError."""
    if checksum(*row[:6]) != row[6]:
        raise damaged(path, f"conversation {row[0]}", f"delete it: ragbot conversations delete {row[0]}")
    return ConversationInfo(row[0], row[1], row[2], row[3], row[4], row[5], turns)


def turn_row(turn: Turn) -> tuple[Any, ...]:
    """The columns of :data:`TURN` without the id, and the text that is searched. The id is not part of the checksum."""
    columns = (
        turn.conversation,
        turn.parent,
        turn.asked,
        clean(turn.question),
        clean(turn.text),
        turn.state,
        details_json(turn),
    )
    return (*columns, checksum(*columns), folded(clean(f"{turn.question}\n{turn.text}")))


def turn_of_row(path: Path, row: Sequence[Any]) -> Turn:
    """The turn of a row. Raises CorruptError."""
    what, step = f"a turn of conversation {row[1]}", f"delete it: ragbot conversations delete {row[1]}"
    if checksum(*row[1:8]) != row[8] or row[6] not in STATES:
        raise damaged(path, what, step)
    try:
        details = details_of(json.loads(row[7]))
    except (ValueError, TypeError, KeyError) as error:
        raise damaged(path, what, step) from error
    return Turn(
        id=row[0],
        conversation=row[1],
        parent=row[2],
        asked=row[3],
        question=row[4],
        text=row[5],
        state=row[6],
        **details,
    )
