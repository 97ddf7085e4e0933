"""Conversations and their turns, as they are kept, changed and deleted."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from ragbot.errors import UserError
from ragbot.generation.memory import Summary
from ragbot.workspace.conversations import TITLE, Conversations
from ragbot.workspace.feedback import FeedbackStore
from ragbot.workspace.records import ConversationInfo, Feedback
from tests.ragbot.workspace.conftest import ANSWER, CITATION, KB, TURN, Open, bytes_of, said


def test_the_empty_workspace(conversations: Conversations) -> None:
    assert conversations.all() == []
    assert conversations.turns("nope") == ()
    assert conversations.count() == 0
    assert conversations.delete([]) == conversations.delete(["nope"]) == conversations.delete_all() == 0
    assert conversations.summaries(()) == {}


def test_a_turn_comes_back_as_it_was(conversations: Conversations, reopen: Open) -> None:
    stored = conversations.append("0" * 12, TURN, new_in=KB)
    (again,) = reopen().turns("0" * 12)
    assert again == stored == replace(TURN, id=stored.id, conversation="0" * 12, asked=stored.asked)
    assert again.citations == (CITATION,)
    assert again.claims[0]["status"] == "supported"
    assert (again.text, again.confidence, again.usage) == (ANSWER.text, 0.875, ANSWER.usage)
    (info,) = conversations.all()
    assert info == ConversationInfo("0" * 12, TURN.question, KB, info.created, stored.asked, stored.id, 1)


@pytest.mark.parametrize(
    "text", ["", "a\0b", "\ud800 half", "🙂 " * 9, "x" * 3_000_000, "线\u2028行\r\n"], ids=range(6)
)
def test_any_text_is_kept(conversations: Conversations, text: str) -> None:
    turn = conversations.append("a" * 12, said(text, text), new_in=KB)
    assert conversations.turns("a" * 12)[0].text == turn.text.encode("utf-8", "replace").decode()


def test_lists_begin_with_the_last_used(conversations: Conversations) -> None:
    first, second, other = (conversations.create(kb) for kb in (KB, KB, "/else"))
    conversations.append(first.id, said("again"))
    assert [info.id for info in conversations.all(KB)] == [first.id, second.id]
    assert [info.turns for info in conversations.all(KB)] == [1, 0]
    assert {info.id for info in conversations.all()} == {first.id, second.id, other.id}
    for used in (second, first) * 20:  # a machine can be faster than a clock of milliseconds tells
        conversations.append(used.id, said("and again"))
        assert conversations.all(KB)[0].id == used.id


def test_the_title_is_the_first_question_on_one_line(conversations: Conversations) -> None:
    conversations.append("b" * 12, said("  What\n is   it?  "), new_in=KB)
    conversations.append("b" * 12, said("Another?"))
    assert conversations.get("b" * 12).title == "What is it?"
    conversations.append("c" * 12, said("为什么" * 100), new_in=KB)
    assert len(conversations.get("c" * 12).title) == TITLE
    conversations.rename("b" * 12, "秩\n与 rank")
    assert conversations.get("b").title == "秩 与 rank"
    with pytest.raises(UserError, match="title is empty"):
        conversations.rename("b" * 12, " ")
    with pytest.raises(UserError, match="no conversation 'd"):
        conversations.rename("d" * 12, "x")


def test_names(conversations: Conversations) -> None:
    for identity in ("aa0000000000", "aa1111111111", "b00000000000"):
        conversations.append(identity, said("x"), new_in=KB)
    assert conversations.get(" B0 ").id == "b00000000000"
    assert conversations.get("aa0000000000").id == "aa0000000000"
    with pytest.raises(UserError, match=r"'aa' is the beginning of 2 conversations \(aa1111111111, aa0000000000\)"):
        conversations.get("aa")
    for nothing in ("", " ", "c", "%"):
        with pytest.raises(UserError, match="ragbot conversations list"):
            conversations.get(nothing)


def test_what_was_deleted_meanwhile_does_not_come_back(conversations: Conversations, reopen: Open) -> None:
    identity = conversations.create(KB).id
    reopen().delete([identity])
    with pytest.raises(UserError, match="has been deleted; start a new one"):
        conversations.append(identity, said("still there?"))
    assert conversations.all() == []


def test_what_is_asked_anew_stands_beside_what_it_replaces(conversations: Conversations) -> None:
    one, two, three = (conversations.append("a" * 12, said(q), new_in=KB) for q in ("one", "two", "three"))
    edited = conversations.append("a" * 12, said("two, edited"), instead_of=two.id)
    follows = conversations.append("a" * 12, said("four"))

    def branch() -> list[str]:
        return [turn.question for turn in conversations.turns("a" * 12)]

    assert branch() == ["one", "two, edited", "four"]
    assert [turn.question for turn in conversations.alternatives(edited)] == ["two", "two, edited"]
    assert len(conversations.all_turns("a" * 12)) == 5
    conversations.choose("a" * 12, two.id)
    assert branch() == ["one", "two", "three"]
    conversations.choose("a" * 12, edited.id)
    assert branch() == ["one", "two, edited", "four"]
    assert conversations.turns("a" * 12)[-1] == follows
    again = conversations.append("a" * 12, said("one, edited"), instead_of=one.id)
    assert branch() == ["one, edited"] and again.parent is None
    assert conversations.get("a" * 12).turns == 1
    for wrong in (999, conversations.append("b" * 12, said("x"), new_in=KB).id):
        with pytest.raises(UserError, match=f"has no turn {wrong}"):
            conversations.append("a" * 12, said("x"), instead_of=wrong)
        with pytest.raises(UserError, match=f"has no turn {wrong}"):
            conversations.choose("a" * 12, wrong)
    assert three.parent == two.id


def test_summaries_belong_to_a_branch(conversations: Conversations) -> None:
    turns = [conversations.append("a" * 12, said(q), new_in=KB) for q in ("one", "two", "three")]
    conversations.put_summary(turns[1].id, Summary("about two", "extractive"))
    conversations.put_summary(turns[1].id, Summary("关于前两轮", "model"))
    conversations.put_summary(999, Summary("of no turn", "model"))
    assert conversations.summaries(conversations.turns("a" * 12)) == {2: Summary("关于前两轮", "model")}
    conversations.append("a" * 12, said("other one"), instead_of=turns[0].id)
    assert conversations.summaries(conversations.turns("a" * 12)) == {}


def test_a_long_conversation_is_deleted_whole(conversations: Conversations) -> None:
    with conversations.workspace.writing() as db:
        from ragbot.workspace.conversations import insert_conversation, insert_turn, update_conversation

        info = ConversationInfo("a" * 12, "long", KB, "2026", "2026")
        insert_conversation(db, info)
        turn = replace(said("q"), conversation="a" * 12, asked="2026")
        head = None
        for _ in range(3000):
            head = insert_turn(db, replace(turn, parent=head)).id
        update_conversation(db, replace(info, head=head))
    assert conversations.get("a").turns == len(conversations.turns("a" * 12)) == 3000
    assert conversations.delete(["a" * 12]) == 1
    with conversations.workspace.reading() as db:
        assert db.execute("SELECT count(*) FROM turns").fetchone() == (0,)


def fill(conversations: Conversations, chance: random.Random) -> list[str]:
    """Sixty conversations that keep changing, so that SQLite moves rows about; ids in the order in which they were made."""
    feedback = FeedbackStore(conversations.workspace)
    turns: dict[str, list[int]] = {}

    def secret(kind: str, identity: str, longest: int) -> str:
        return f"{kind}{int(identity, 16):03d}密语 " * chance.randint(1, longest)

    for number in range(60):
        identity = f"{number:012x}"
        for _ in range(chance.randint(1, 4)):
            asked = said(secret("Q", identity, 2), secret("A", identity, chance.choice((1, 40, 300))))
            turns.setdefault(identity, []).append(conversations.append(identity, asked, new_in=KB).id)
        for _ in range(2):
            which = chance.choice(list(turns))
            conversations.rename(which, secret("T", which, 7))
            conversations.put_summary(chance.choice(turns[which]), Summary(secret("S", which, 60), "model"))
            feedback.put(Feedback(chance.choice(turns[which]), "down", secret("F", which, 60)))
    return list(turns)


@pytest.mark.parametrize("seed", [0, 5, 13, 21])  # with secure_delete alone, each but the first leaves something
def test_not_a_byte_of_what_was_deleted_is_left(
    conversations: Conversations, reopen: Open, path: Path, seed: int
) -> None:
    reopen()  # another process has the file open all the while
    conversations.workspace._query("PRAGMA synchronous = OFF")  # for the test's speed
    chance = random.Random(seed)
    ids = fill(conversations, chance)
    gone = chance.sample(ids, 20) if seed else ids

    def found(identities: list[str]) -> list[str]:
        raw = bytes_of(path)
        words = [f"{kind}{int(identity, 16):03d}密语" for identity in identities for kind in "QATSFqatsf"]
        return [word for word in words if word.encode() in raw]

    assert len(found(gone)) > 3 * len(gone)
    assert (conversations.delete(gone) if seed else conversations.delete_all()) == len(gone)
    assert found(gone) == []
    stay = [identity for identity in ids if identity not in gone]
    assert len(found(stay)) >= 3 * len(stay)
    assert [info.id for info in sorted(reopen().all(), key=lambda info: info.id)] == stay


def test_retention(conversations: Conversations, path: Path) -> None:
    old = replace(said("old", "Zanzibar"), asked="2020-01-01T00:00:00.000+00:00")
    conversations.append("a" * 12, old, new_in=KB)
    conversations.append("b" * 12, said("new"), new_in=KB)
    with conversations.workspace.writing() as db:
        from ragbot.workspace.conversations import update_conversation

        update_conversation(db, replace(conversations.get("a"), updated=old.asked))
    assert conversations.expire(0) == 0
    assert conversations.expire(36500) == 0
    assert conversations.expire(30) == 1
    assert [info.id for info in conversations.all()] == ["b" * 12]
    assert b"Zanzibar" not in bytes_of(path)
