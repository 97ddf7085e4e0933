"""JSON there and back: nothing is lost, nothing doubled, and a file that is wrong changes nothing."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ragbot.errors import UserError
from ragbot.generation.memory import Summary
from ragbot.workspace.conversations import Conversations
from ragbot.workspace.feedback import FeedbackStore
from ragbot.workspace.records import Feedback, Turn
from ragbot.workspace.store import Workspace
from ragbot.workspace.transfer import from_json, to_json
from tests.ragbot.workspace.conftest import KB, TURN, said


@pytest.fixture
def exported(conversations: Conversations) -> dict[str, Any]:
    """Two conversations with all that there can be."""
    first = conversations.append("a" * 12, TURN, new_in=KB)
    second = conversations.append("a" * 12, said("And alpha?", "32"))
    conversations.append("a" * 12, said("What is alpha?", "It is 32."), instead_of=second.id)
    conversations.append("a" * 12, Turn("续", "half an", "interrupted"))
    conversations.append("a" * 12, Turn("broken", state="failed", error="no server"))
    conversations.put_summary(first.id, Summary("关于秩", "model"))
    FeedbackStore(conversations.workspace).put(Feedback(second.id, "down", "too short", "alpha is 32"))
    conversations.append("b" * 12, said("other"), new_in="/else")
    return to_json(conversations, conversations.all())


@pytest.fixture
def other(tmp_path: Path) -> Any:
    workspace = Workspace(tmp_path / "other" / "workspace.sqlite3")
    yield Conversations(workspace)
    workspace.close()


def test_there_and_back(conversations: Conversations, other: Conversations, exported: dict[str, Any]) -> None:
    other.append("c" * 12, said("something that was here before"), new_in=KB)  # so that turns get other ids
    done = from_json(other, json.loads(json.dumps(exported, ensure_ascii=False)))
    assert (set(done.added), done.skipped) == ({"a" * 12, "b" * 12}, ())
    assert to_json(other, [other.get("a"), other.get("b")]) == to_json(
        conversations, [conversations.get("a"), conversations.get("b")]
    )
    back = other.turns("a" * 12)
    assert [turn.question for turn in back] == [TURN.question, "What is alpha?", "续", "broken"]
    assert back[0].citations == TURN.citations
    assert [turn.state for turn in back] == ["complete", "complete", "interrupted", "failed"]
    assert other.summaries(back) == {1: Summary("关于秩", "model")}
    assert [item.expected for item in FeedbackStore(other.workspace).of(other.all_turns("a" * 12)).values()] == [
        "alpha is 32"
    ]


def test_the_second_time_nothing_is_doubled(conversations: Conversations, exported: dict[str, Any]) -> None:
    done = from_json(conversations, exported)
    assert (done.added, set(done.skipped)) == ((), {"a" * 12, "b" * 12})
    conversations.append("b" * 12, said("it went on here"))
    done = from_json(conversations, exported)
    assert (len(done.added), done.skipped) == (1, ("a" * 12,))  # the old state of b, beside what became of it
    assert [turn.question for turn in conversations.turns(done.added[0])] == ["other"]
    assert len(conversations.turns("b" * 12)) == 2


def test_the_empty_export(conversations: Conversations) -> None:
    assert from_json(conversations, to_json(conversations, [])).added == ()


def test_offsets_survive(exported: dict[str, Any]) -> None:
    (conversation,) = [item for item in exported["conversations"] if item["id"] == "a" * 12]
    citation = conversation["turns"][0]["citations"][0]
    assert (citation["start"], citation["end"], citation["focus"]) == (20, 31, [24, 25])
    assert conversation["turns"][0]["claims"][0]["citations"] == [1]


def edit(path: str, value: Any) -> Callable[[Any], None]:
    """Puts ``value`` at a path of keys and numbers; ``...`` removes what stands there."""

    def apply(target: Any) -> None:
        *way, last = [int(key) if key.isdigit() else key for key in path.split(".")]
        for key in way:
            target = target[key]
        if value is ...:
            del target[last]
        else:
            target[last] = value

    return apply


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (edit("format", "other"), "no conversations of ragbot"),
        (edit("version", 2), r"version 2, this ragbot knows 1; upgrade"),
        (edit("version", "1"), "version '1'"),
        (edit("conversations", {}), '"conversations" must be a list'),
        (edit("conversations.1", "x"), "conversation 2: an object"),
        (edit("conversations.0.title", 7), 'conversation 1: "title" must be a text'),
        (edit("conversations.0.kb", ...), '"kb" must be a text'),
        (edit("conversations.0.created", "soon"), "ISO 8601"),
        (edit("conversations.0.head", 99), '"head" must be the number of a turn'),
        (edit("conversations.0.turns", None), '"turns" must be a list'),
        (edit("conversations.0.turns.0", 3), "turn 1 cannot be read"),
        (edit("conversations.0.turns.0.id", 5), "its id is 5"),
        (edit("conversations.0.turns.0.parent", 1), "its parent 1 is no turn before it"),
        (edit("conversations.0.turns.0.question", None), "must be texts"),
        (edit("conversations.0.turns.0.state", "lost"), "its state is 'lost'"),
        (edit("conversations.0.turns.0.asked", 5), "ISO 8601"),
        (edit("conversations.0.turns.0.confidence", "high"), "confidence is 'high'"),
        (edit("conversations.0.turns.0.abstained", 1), "abstained is 1"),
        (edit("conversations.0.turns.0.citations", [{"marker": 1}]), "cannot be read"),
        (edit("conversations.0.turns.0.citations", [7]), "cannot be read"),
        (edit("conversations.0.turns.0.claims", ["x"]), "cannot be read"),
        (edit("conversations.0.turns.0.feedback", {"rating": "meh"}), "its rating is 'meh'"),
        (edit("conversations.0.turns.0.summary", {"method": "guess", "text": ""}), "summary"),
    ],
    ids=range(23),
)
def test_a_file_that_is_wrong_changes_nothing(
    other: Conversations, exported: dict[str, Any], change: Callable[[Any], None], message: str
) -> None:
    wrong = copy.deepcopy(exported)
    change(wrong)
    with pytest.raises(UserError, match=message) as caught:
        from_json(other, wrong, "backup.json")
    assert other.count() == 0
    assert "backup.json" in str(caught.value) or "ISO" in message


@pytest.mark.parametrize("value", [None, [], "text", 7])
def test_what_is_no_object(other: Conversations, value: Any) -> None:
    with pytest.raises(UserError, match="no conversations of ragbot"):
        from_json(other, value)


def test_what_a_later_version_adds_is_left_out(other: Conversations, exported: dict[str, Any]) -> None:
    turn = exported["conversations"][0]["turns"][0]
    turn["mood"] = "good"
    exported["conversations"][0]["colour"] = "red"
    from_json(other, exported)
    assert other.count() == 2


def test_ids_that_are_none_are_replaced(other: Conversations, exported: dict[str, Any]) -> None:
    exported["conversations"][0]["id"] = "../../etc"
    exported["conversations"][1]["id"] = ""
    from_json(other, exported)
    assert all(len(info.id) == 12 for info in other.all())


def test_times_of_other_zones_sort_with_ours(other: Conversations, exported: dict[str, Any]) -> None:
    exported["conversations"][0]["updated"] = "2031-01-01T09:00:00+08:00"
    from_json(other, exported)
    assert other.all()[0].updated == "2031-01-01T01:00:00.000000+00:00"
