"""Which reranker is meant."""

from __future__ import annotations

import pytest

from ragbot.errors import ModelNotFoundError
from ragbot.models.rerankers import choice, e5
from ragbot.models.rerankers.choice import MEASURED_WITH, ChosenReranker


def test_none_and_another_embedder() -> None:
    assert ChosenReranker("none", MEASURED_WITH)() is None
    assert ChosenReranker("auto", "BAAI/bge-m3")() is None


def test_the_bundled_one_beside_the_bundled_embedder_loaded_once() -> None:
    chosen = ChosenReranker("auto", MEASURED_WITH)
    found = chosen()
    assert found is not None and found.name == "e5:reranker" and chosen() is found
    assert found.score("When?", ["In 1945."]).shape == (1,)
    chosen.close()
    assert chosen() is not found
    chosen.close()


def test_a_missing_one_is_no_reranker_unless_it_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    empty = tmp_path_factory.mktemp("empty")
    monkeypatch.setattr(e5, "adapter_folder", lambda name: empty)
    assert ChosenReranker("auto", MEASURED_WITH)() is None
    with pytest.raises(ModelNotFoundError, match=r"retrieval\.reranker to none"):
        ChosenReranker("bundled", MEASURED_WITH)()


def test_a_name_that_is_none_is_refused() -> None:
    with pytest.raises(ModelNotFoundError, match="reranker"):
        ChosenReranker("bundeld", MEASURED_WITH)()


def test_nothing_is_loaded_before_the_first_search(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []
    monkeypatch.setattr(choice, "load_reranker", lambda spec: loaded.append(spec))
    chosen = ChosenReranker("bundled", MEASURED_WITH)
    assert loaded == []
    chosen()
    chosen()
    assert loaded == ["bundled"]
