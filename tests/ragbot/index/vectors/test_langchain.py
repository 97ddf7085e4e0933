"""Any LangChain store: vectors arrive as they are, texts never, and factories come from the settings alone."""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ragbot.errors import SettingsError, VectorStoreError
from ragbot.index.vectors import external, stores
from ragbot.index.vectors.langchain import LangChainVectors
from ragbot.index.vectors.stores import StoreOptions

IDENTITY = "ab" * 16


def rows(count: int) -> Any:
    made = np.random.default_rng(0).normal(size=(count, 8)).astype(np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


@pytest.mark.usefixtures("factories")
def test_vectors_and_placeholders_and_nothing_else(tmp_path: Path) -> None:
    store = LangChainVectors(tmp_path, IDENTITY, 8, "my_stores:in_memory")
    vectors = rows(5)
    store.upsert(np.arange(5), vectors)
    inside = sys.modules["my_stores"].STORE.store
    assert sorted(inside) == [f"ragbot-{IDENTITY}-{i}" for i in range(5)]
    for i in range(5):
        record = inside[f"ragbot-{IDENTITY}-{i}"]
        assert record["vector"] == vectors[i].tolist() and record["text"] == f"ragbot-{IDENTITY}-{i}"
    store.delete(np.array([1, 77]))
    assert store.ids(np.arange(9)).tolist() == [0, 2, 3, 4]
    assert set(store.query(vectors[3], 2).tolist()) <= {0, 2, 3, 4}
    other = LangChainVectors(tmp_path, "cd" * 16, 8, "my_stores:in_memory")
    assert other.query(vectors[3], 4).tolist() == []  # another knowledge base's


@pytest.mark.usefixtures("factories")
def test_a_store_that_cannot_be_asked_by_id(tmp_path: Path) -> None:
    store = LangChainVectors(tmp_path, IDENTITY, 8, "my_stores:plain")
    store.upsert(np.arange(3), rows(3))
    store.upsert(np.arange(3), rows(3))
    store.delete(np.array([0]))
    assert sorted(store.query(rows(1)[0], 5).tolist()) == [1, 2]
    with pytest.raises(VectorStoreError, match="cannot look up"):
        store.ids(np.arange(3))


@pytest.mark.usefixtures("factories")
@pytest.mark.parametrize(
    ("factory", "kind", "message"),
    [
        ("", SettingsError, "is empty"),
        ("my_stores", SettingsError, "names no function"),
        ("my_stores:absent", SettingsError, "names no function"),
        ("no_such_module_here:x", SettingsError, "cannot be imported"),
        (".relative:x", SettingsError, "cannot be imported"),
        ("builtins:dict", VectorStoreError, "failed"),  # has no signature
        ("my_stores:nothing", SettingsError, "returned int"),
        ("my_stores:broken", VectorStoreError, "no such host"),
    ],
)
def test_factories_that_are_none(tmp_path: Path, factory: str, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        LangChainVectors(tmp_path, IDENTITY, 8, factory)


@pytest.mark.parametrize("bench", ["langchain"], indirect=True)
def test_a_memory_that_is_empty_again(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(external, "_BELIEVED", 0.0)
    options = StoreOptions("langchain", langchain="my_stores:forgetful")
    kb = bench.open(options=options)
    bench.put(kb, range(4))
    assert not kb.vectors.behind
    before = bench.results(kb)
    kb.close()
    kb = bench.open(options=options)
    assert kb.vectors.behind and bench.results(kb) == before
    with kb.writing():
        pass
    assert not kb.vectors.behind and bench.results(kb) == before


@pytest.mark.parametrize("bench", ["langchain"], indirect=True)
def test_another_factory_is_another_store(bench: Any) -> None:
    kb = bench.open()
    bench.put(kb, range(3))
    kb.close()
    kb = bench.open(options=StoreOptions(langchain="my_stores:forgetful"))
    assert kb.vectors.behind


@pytest.mark.usefixtures("factories")
@pytest.mark.parametrize("bench", ["faiss"], indirect=True)
def test_no_name_from_a_catalog_becomes_a_module_or_a_path(bench: Any) -> None:
    kb = bench.open()
    for name in ("os:system", "../../etc", "my_stores:in_memory", "Chroma", ""):
        kb.catalog.put("vector_store", name)
        if name:
            with pytest.raises(SettingsError, match="is no vector store"):
                bench.open()
        else:
            assert bench.open().store == "faiss"
    with pytest.raises(SettingsError, match="Did you mean 'chroma'"):
        stores.checked("chrom")


@pytest.mark.parametrize("bench", ["langchain"], indirect=True)
def test_a_third_party_adds_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bench: Any) -> None:
    calls = []

    class Point:
        name = "theirs"

        @staticmethod
        def load() -> Any:
            def make(folder: Path, identity: str, dimension: int) -> Any:
                calls.append((folder, identity, dimension))
                from ragbot.index.vectors.langchain import LangChainVectors

                return LangChainVectors(folder, identity, dimension, "my_stores:in_memory")

            return make

    real = importlib.metadata.entry_points
    monkeypatch.setattr(
        "ragbot.index.vectors.stores.importlib.metadata.entry_points",
        lambda **options: [Point] if options == {"group": "ragbot.vector_stores"} else real(**options),
    )
    assert "theirs" in stores.names()
    kb = bench.open(tmp_path / "theirs", StoreOptions("theirs"))
    assert calls == [(kb.folder, kb.catalog.identity, 64)]
    bench.put(kb, range(2))
    assert not kb.vectors.behind


def test_a_module_that_fails_when_it_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "no_driver.py").write_text("raise RuntimeError('no driver')\n", "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SettingsError, match=r"cannot be imported \(RuntimeError: no driver\)"):
        LangChainVectors(tmp_path, IDENTITY, 8, "no_driver:make")
