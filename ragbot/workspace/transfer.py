"""Conversations as one JSON object, and back: with alternatives, summaries and feedback.

::

    {"format": "ragbot-conversations", "version": 1, "conversations": [
        {"id": "…", "title": "…", "kb": "…", "created": "…", "updated": "…", "head": 2, "turns": [
            {"id": 1, "parent": null, "asked": "…", "question": "…", "text": "…", "state": "complete",
             "citations": […], …, "feedback": {"rating": "up", …}, "summary": {"text": "…", "method": "model"}}]}]}

Turns are numbered inside their conversation, from 1; a parent stands before its children.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any

from ragbot.errors import UserError
from ragbot.generation.memory import Summary
from ragbot.workspace.conversations import (
    Conversations,
    insert_conversation,
    insert_summary,
    insert_turn,
    update_conversation,
)
from ragbot.workspace.feedback import FeedbackStore, insert_feedback
from ragbot.workspace.records import STATES, ConversationInfo, Feedback, Turn, clean, details_of, plain

FORMAT, VERSION = "ragbot-conversations", 1
_ID = re.compile(r"[0-9a-f]{12}")
#: What the workspace gives, and the file numbers for itself.
_OWN = {"id", "conversation", "parent"}
_TEXTS = ("id", "title", "kb", "created", "updated")


@dataclass(frozen=True, slots=True)
class Imported:
    """Ids of what was brought in, and of what was there already, word for word."""

    added: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Whole:
    """A conversation with every turn, and what hangs on them by the turns' ids."""

    info: ConversationInfo
    turns: tuple[Turn, ...]
    feedback: Mapping[int, Feedback]
    summaries: Mapping[int, Summary]


def to_json(conversations: Conversations, infos: Sequence[ConversationInfo]) -> dict[str, Any]:
    """The object of the file; see the module. Raises CorruptError."""
    return {"format": FORMAT, "version": VERSION, "conversations": [_record(whole(conversations, i)) for i in infos]}


def whole(conversations: Conversations, info: ConversationInfo) -> Whole:
    """All that is stored of a conversation. Raises CorruptError."""
    turns = conversations.all_turns(info.id)
    parents = {turn.parent for turn in turns}
    summaries: dict[int, Summary] = {}
    for leaf in turns:
        if leaf.id not in parents:
            path = branch_to(leaf, turns)
            summaries |= {path[count - 1].id: one for count, one in conversations.summaries(path).items()}
    return Whole(info, turns, FeedbackStore(conversations.workspace).of(turns), summaries)


def branch_to(turn: Turn, turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """The turns that lead to one, the first one first, and that one."""
    by_id = {other.id: other for other in turns}
    path = [turn]
    while (parent := by_id.get(path[-1].parent or 0)) is not None and parent.id < path[-1].id:
        path.append(parent)
    return tuple(reversed(path))


def _record(what: Whole) -> dict[str, Any]:
    numbers = {turn.id: number for number, turn in enumerate(what.turns, 1)}
    turns = []
    for turn in what.turns:
        record = {item.name: plain(getattr(turn, item.name)) for item in fields(Turn) if item.name not in _OWN}
        record = {"id": numbers[turn.id], "parent": numbers.get(turn.parent or 0), **record}
        if turn.id in what.feedback:
            record["feedback"] = {key: value for key, value in plain(what.feedback[turn.id]).items() if key != "turn"}
        if turn.id in what.summaries:
            record["summary"] = plain(what.summaries[turn.id])
        turns.append(record)
    kept = {name: getattr(what.info, name) for name in _TEXTS}
    return {**kept, "head": numbers.get(what.info.head or 0), "turns": turns}


def from_json(conversations: Conversations, value: Any, name: str = "the file") -> Imported:
    """Bring conversations in, all of them or none.

    One that is there already, with the same contents, is skipped; one of the same id and other contents gets a new id.

    Args:
        value: the object of the file.
        name: what messages call it.

    Raises:
        UserError: it is not of the format; the message names the place.
    """
    if not isinstance(value, Mapping) or value.get("format") != FORMAT:
        raise UserError(f'{name} holds no conversations of ragbot: its "format" must be "{FORMAT}"')
    if type(value.get("version")) is not int or value["version"] > VERSION:
        raise UserError(
            f"{name} is of version {value.get('version')!r}, this ragbot knows {VERSION}; upgrade: pip install -U ragbot"
        )
    items = value.get("conversations")
    if not isinstance(items, list):
        raise UserError(f'{name}: "conversations" must be a list, not {items!r}')
    return put([_read(item, f"{name}, conversation {number}") for number, item in enumerate(items, 1)], conversations)


def put(read: Sequence[Whole], conversations: Conversations) -> Imported:
    """Store conversations that are numbered as in a file, in one transaction; see :func:`from_json`."""
    there = {info.id: info for info in conversations.all()}
    added: list[str] = []
    skipped: list[str] = []
    with conversations.workspace.writing() as db:
        for one in read:
            info = one.info
            if info.id in there and _record(whole(conversations, there[info.id])) == _record(one):
                skipped.append(info.id)
                continue
            if info.id in there or info.id in added or not _ID.fullmatch(info.id):
                info = replace(info, id=secrets.token_hex(6))
            insert_conversation(db, replace(info, head=None))
            ids: dict[int, int] = {}
            for turn in one.turns:
                parent = ids[turn.parent] if turn.parent else None
                ids[turn.id] = insert_turn(db, replace(turn, conversation=info.id, parent=parent)).id
                if turn.id in one.summaries:
                    insert_summary(db, ids[turn.id], one.summaries[turn.id])
                if turn.id in one.feedback:
                    insert_feedback(db, replace(one.feedback[turn.id], turn=ids[turn.id]))
            update_conversation(db, replace(info, head=ids[info.head] if info.head else None))
            added.append(info.id)
    return Imported(tuple(added), tuple(skipped))


def _read(record: Any, where: str) -> Whole:
    if not isinstance(record, Mapping):
        raise UserError(f"{where}: an object is wanted, not {record!r:.40}")
    for key in _TEXTS:
        if not isinstance(record.get(key), str):
            raise UserError(f'{where}: "{key}" must be a text, not {record.get(key)!r:.40}')
    times = {key: time_of(record[key], f'{where}: "{key}"') for key in ("created", "updated")}
    listed = record.get("turns")
    if not isinstance(listed, list):
        raise UserError(f'{where}: "turns" must be a list, not {listed!r:.40}')
    turns: list[Turn] = []
    feedback: dict[int, Feedback] = {}
    summaries: dict[int, Summary] = {}
    for number, item in enumerate(listed, 1):
        place = f"{where}, turn {number}"
        try:
            turn = _turn(item, number, record["id"])
            if item.get("feedback") is not None:
                feedback[number] = _feedback(item["feedback"], number)
            if item.get("summary") is not None:
                summaries[number] = _summary(item["summary"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UserError(f"{place} cannot be read ({type(error).__name__}: {error}); mend or remove it") from error
        turns.append(turn)
    head = record.get("head")
    if head is not None and (type(head) is not int or not 1 <= head <= len(turns)):
        raise UserError(f'{where}: "head" must be the number of a turn, not {head!r:.40}')
    if turns and head is None:
        head = len(turns)
    info = ConversationInfo(
        record["id"], clean(record["title"]), clean(record["kb"]), times["created"], times["updated"], head
    )
    return Whole(info, tuple(turns), feedback, summaries)


def _turn(item: Mapping[str, Any], number: int, conversation: str) -> Turn:
    if item["id"] != number:
        raise ValueError(f"its id is {item['id']!r}, and its number {number}")
    parent = item.get("parent")
    if parent is not None and (type(parent) is not int or not 1 <= parent < number):
        raise ValueError(f"its parent {parent!r} is no turn before it")
    if item["state"] not in STATES:
        raise ValueError(f"its state is {item['state']!r}")
    question, text = item["question"], item.get("text", "")
    if not isinstance(question, str) or not isinstance(text, str):
        raise TypeError("its question and text must be texts")
    return Turn(
        question=clean(question),
        text=clean(text),
        state=item["state"],
        id=number,
        conversation=conversation,
        parent=parent,
        asked=time_of(item["asked"], "asked"),
        **details_of(item),
    )


def _feedback(item: Mapping[str, Any], turn: int) -> Feedback:
    if item["rating"] not in {"up", "down"}:
        raise ValueError(f"its rating is {item['rating']!r}")
    comment, expected = item.get("comment", ""), item.get("expected", "")
    if not isinstance(comment, str) or not isinstance(expected, str):
        raise TypeError("comment and expected answer must be texts")
    return Feedback(turn, item["rating"], clean(comment), clean(expected), time_of(item["given"], "given"))


def _summary(item: Mapping[str, Any]) -> Summary:
    if item["method"] not in {"extractive", "model"} or not isinstance(item["text"], str):
        raise ValueError("its summary has no text, or no method")
    return Summary(clean(item["text"]), item["method"])


def time_of(value: Any, where: str) -> str:
    """A time as the workspace writes it: such times sort as texts."""
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise UserError(f"{where} must be an ISO 8601 time, not {value!r:.40}") from None
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
