"""Knowledge bases by name: opened once, shared, followed when others change them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from apps.api.bots import Bots, UnknownKnowledgeBaseError
from ragbot.bot import RagBot
from ragbot.errors import KnowledgeBaseError, UserError
from ragbot.models.testing import HashEmbedder
from ragbot.settings import Settings
from tests.apps.api.serving import settings


@pytest.fixture
def chosen(tmp_path: Path) -> Settings:
    return settings(tmp_path / "data")


@pytest.fixture
def bots(chosen: Settings) -> Iterator[Bots]:
    made = Bots(chosen, embedder=HashEmbedder(), most=2)
    yield made
    made.close()


def test_there_is_none_at_first(bots: Bots) -> None:
    assert bots.names() == []
    assert bots.default == "default"
    with pytest.raises(UnknownKnowledgeBaseError, match="there is no knowledge base 'default'"), bots.using():
        pass


@pytest.mark.parametrize("name", ["notes", "茶馆", "a.b-c_1"])
def test_one_is_made_and_listed(bots: Bots, name: str) -> None:
    folder = bots.create(name)
    assert bots.names() == [name]
    assert bots.folder(name) == folder
    with bots.using(name) as bot:
        assert bot.documents() == []
    with bots.at(folder) as bot:
        assert bot.kb.folder == folder
    with pytest.raises(UserError, match="already"):
        bots.create(name)


def test_names_in_two_spellings_are_one(bots: Bots) -> None:
    bots.create("cafe\u0301")
    assert bots.names() == ["caf\u00e9"]


def test_many_threads_share_one(bots: Bots) -> None:
    bots.create("notes")

    def opened(_: int) -> int:
        with bots.using("notes") as bot:
            return id(bot)

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(opened, range(32)))) == 1


def test_what_another_process_brings_in_is_found(bots: Bots, chosen: Settings, corpus: Path) -> None:
    folder = bots.create("notes")
    with bots.using("notes") as bot:
        assert bot.search("lighthouse") == []
    with RagBot.open(folder, embedder=HashEmbedder(), settings=chosen) as other:
        other.ingest(corpus)
    with bots.using("notes") as bot:
        assert bot.search("lighthouse")


def test_one_that_is_replaced_is_opened_anew_and_one_that_is_gone_is_gone(
    bots: Bots, chosen: Settings, corpus: Path
) -> None:
    folder = bots.create("notes")
    with bots.using("notes") as held:
        shutil.rmtree(folder)
        with pytest.raises(UnknownKnowledgeBaseError), bots.using("notes"):
            pass
        with RagBot.open(folder, embedder=HashEmbedder(), settings=chosen) as other:
            other.ingest(corpus)
        with bots.using("notes") as fresh:
            assert fresh is not held
            assert len(fresh.documents()) == 4


def test_idle_ones_are_closed_and_used_ones_are_not(bots: Bots) -> None:
    for name in ("a", "b", "c"):
        bots.create(name)
    with bots.using("a") as first:
        for name in ("b", "c"):
            with bots.using(name):
                pass
        with bots.using("a") as again:
            assert again is first
        assert first.documents() == []
    assert set(bots._open) == {"a", "c"}


def test_one_that_is_forgotten_is_closed_by_its_last_user(bots: Bots) -> None:
    bots.create("a")
    with bots.using("a") as bot:
        bots.forget("a")
        assert bot.documents() == []
    with pytest.raises(Exception, match=r"closed|Cannot operate"):
        bot.documents()


def test_after_the_end_nothing_is_opened(bots: Bots) -> None:
    bots.create("a")
    bots.close()
    with pytest.raises(KnowledgeBaseError, match="being stopped"), bots.using("a"):
        pass


def test_a_folder_as_the_default(tmp_path: Path, chosen: Settings, corpus: Path) -> None:
    folder = tmp_path / "my papers"
    with RagBot.open(folder, embedder=HashEmbedder(), settings=chosen) as other:
        other.ingest(corpus)
    own = Bots(chosen.model_copy(update={"kb": str(folder)}), embedder=HashEmbedder())
    assert own.default == "default"  # "my papers" is no name
    assert own.names() == ["default"]
    with own.using() as bot:
        assert len(bot.documents()) == 4
    own.close()
