"""Finding what was said, in Chinese and English."""

from __future__ import annotations

import pytest

from ragbot.workspace.conversations import Conversations
from ragbot.workspace.searching import search
from tests.ragbot.workspace.conftest import KB, said


@pytest.fixture
def filled(conversations: Conversations) -> Conversations:
    conversations.append("a" * 12, said("LoRA 的低秩矩阵怎样初始化？", "矩阵 B 初始化为全零。[1]"), new_in=KB)
    conversations.append("b" * 12, said("What is Tokenization?", "It splits a text. The café uses ＢＰＥ."), new_in=KB)
    conversations.append("b" * 12, said("100% sure?", "50_50"), new_in=KB)
    conversations.append("c" * 12, said("Something else", "nothing"), new_in="/else")
    conversations.rename("c" * 12, "Lanternfish 灯笼鱼")
    return conversations


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("低秩", "a"),
        ("低秩矩陣", "a"),
        ("lora 全零", "a"),
        ("初始化 零", "a"),
        ("TOKEN", "b"),
        ("cafe", "b"),
        ("bpe", "b"),
        ("BPE splits", "b"),
        ("100%", "b"),
        ("50_5", "b"),
        ("lantern", "c"),
        ("燈籠魚", "c"),
        ("lora token", ""),
        ("5%5", ""),
        ("", ""),
        (" ", ""),
        ("a\0b", ""),
        ("[1]", "a"),
    ],
)
def test_words_are_found(filled: Conversations, query: str, found: str) -> None:
    assert [item.conversation.id[0] for item in search(filled, query)] == list(found)


def test_the_newest_comes_first_and_the_knowledge_base_counts(filled: Conversations) -> None:
    filled.append("a" * 12, said("And tokenization in LoRA?", "None."))
    assert [item.conversation.id[0] for item in search(filled, "tokenization")] == ["a", "b"]
    assert [item.conversation.id[0] for item in search(filled, "tokenization", limit=1)] == ["a"]
    assert search(filled, "tokenization", kb="/else") == []
    assert [item.conversation.id[0] for item in search(filled, "nothing", kb="/else")] == ["c"]


def test_the_excerpt_is_around_the_word(filled: Conversations) -> None:
    filled.append("b" * 12, said("long", "word " * 100 + "Needle " + "word " * 100))
    (item,) = search(filled, "needle")
    assert item.excerpt.startswith("…") and item.excerpt.endswith("…")
    assert "Needle" in item.excerpt and len(item.excerpt) < 210
    (item,) = search(filled, "全零")
    assert item.excerpt == "矩阵 B 初始化为全零。[1]"
    (item,) = search(filled, "灯笼鱼")
    assert (item.turn, item.excerpt) == (None, "Lanternfish 灯笼鱼")


def test_what_was_replaced_is_found_too(filled: Conversations) -> None:
    (turn,) = filled.turns("a" * 12)
    filled.append("a" * 12, said("anew", "other"), instead_of=turn.id)
    assert len(search(filled, "全零")) == 1
