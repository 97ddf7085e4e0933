"""A Chroma server that goes away, comes back, is emptied, and is shared by several processes."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ragbot.errors import SettingsError, VectorStoreError
from ragbot.index.catalog import FILE_NAME, Catalog
from ragbot.index.vectors import external
from ragbot.index.vectors.chroma_server import ChromaServer
from ragbot.index.vectors.stores import StoreOptions

ADD = """
import random, sys
from pathlib import Path
from ingest.chunkers.recursive import RecursiveChunker
from ingest.pipeline import ingest_documents
from ragbot.documents import ParsedDocument
from ragbot.index.knowledge_base import KnowledgeBase
from ragbot.index.vectors.stores import StoreOptions
from ragbot.models.testing import HashEmbedder
embedder = HashEmbedder()
kb = KnowledgeBase(Path(sys.argv[1]), embedder.fingerprint, store=StoreOptions(chroma_url=sys.argv[2]))
documents = {"zebra": ParsedDocument("The zebra crossed at noon. 斑马在中午过马路。", language="en")}
with kb.writing() as catalog:
    catalog.remove_document("doc01")
ingest_documents(kb, embedder, RecursiveChunker(embedder.count_tokens, 24), documents)
kb.close()
"""


@pytest.fixture(autouse=True)
def _look_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(external, "_BELIEVED", 0.0)
    monkeypatch.setattr(external, "_LEFT_ALONE", 0.0)


def test_away_while_reading_and_while_writing(served: Any, own_server: Any, caplog: pytest.LogCaptureFixture) -> None:
    served.options = replace(served.options, chroma_url=own_server.url)
    kb = served.open()
    served.put(kb, range(4))
    before = served.results(kb)
    own_server.stop()
    assert served.results(kb) == before
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert own_server.url in caplog.text and "chroma run" in caplog.text
    served.put(kb, [7])  # acknowledged: the catalog has it
    assert "not yet in the vector store" in caplog.text
    after = served.results(kb)
    kb.close()
    kb = served.open()  # a reader that starts without the server
    assert served.results(kb) == after
    own_server.start()
    assert kb.vectors.behind
    assert served.results(kb) == after
    with kb.writing():
        pass
    assert not kb.vectors.behind
    assert kb.vectors.store.ids(kb.vectors.ids()).tolist() == kb.vectors.ids().tolist()
    assert served.results(kb) == after


def test_emptied_or_another_copy_of_the_folder_has_written(served: Any, caplog: pytest.LogCaptureFixture) -> None:
    import shutil

    kb = served.open()
    served.put(kb, range(4))
    before = served.results(kb)
    kb.vectors.store.clear(kb.vectors.ids())
    assert served.results(kb) == before
    assert "holds nothing of this catalog" in caplog.text
    with kb.writing():
        pass
    assert not kb.vectors.behind
    kb.close()
    copy = served.folder.with_name("copy")
    shutil.copytree(served.folder, copy)
    other = served.open(copy)
    served.put(other, [8])
    other.close()
    ours = Catalog(served.folder / FILE_NAME)  # as far as the copy, by another way
    assert ours.remove_document("doc00") and ours.remove_document("doc01")
    ours.close()
    kb = served.open()
    assert kb.vectors.behind and kb.vectors._ready is None  # the server holds the copy's vectors now
    before = served.results(kb)
    served.put(kb, [9])
    assert not kb.vectors.behind


def test_a_reader_beside_a_writer_in_another_process(served: Any) -> None:
    kb = served.open()
    served.put(kb, range(4))
    command = [sys.executable, "-c", ADD, str(kb.folder), served.options.chroma_url]
    subprocess.run(command, check=True, cwd=Path(__file__).parents[4])
    from ragbot.models.testing import HashEmbedder
    from ragbot.retrieval.retriever import HybridRetriever

    hits = HybridRetriever(kb, HashEmbedder()).search("zebra noon 斑马", 5)
    assert hits[0].chunk.document.source == "zebra"
    assert "doc01" not in {hit.chunk.document.source for hit in hits}
    assert not kb.vectors.behind
    assert len(kb.vectors._pending) == 0  # the store gave it: nothing was searched beside it


@pytest.mark.parametrize(("method", "nth"), [("delete", 1), ("upsert", 1), *(("put_state", n) for n in (1, 2, 3))])
def test_killed_between_two_steps_of_a_push(
    served: Any, monkeypatch: pytest.MonkeyPatch, method: str, nth: int
) -> None:
    kb = served.open()
    served.put(kb, range(3))
    calls = []
    real = getattr(kb.vectors.store, method)

    class KilledError(BaseException):
        pass

    def dying(*values: Any) -> None:
        calls.append(values)
        if len(calls) == nth:
            raise KilledError
        real(*values)

    monkeypatch.setattr(kb.vectors.store, method, dying)
    with pytest.raises(KilledError), kb.writing() as catalog:
        catalog.remove_document("doc01")
        served.put_inside(catalog, 2, " Anders.")
    monkeypatch.setattr(kb.vectors.store, method, real)
    expected = served.results(kb)
    reader = served.open()
    assert served.results(reader) == expected
    with reader.writing():
        pass
    assert not reader.vectors.behind
    everything = reader.catalog.all_chunk_ids()
    assert reader.vectors.store.ids(everything).tolist() == reader.vectors.ids().tolist()
    assert served.results(reader) == expected


def test_a_slow_server_is_not_waited_for(tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as deaf:
        store = ChromaServer("0" * 32, f"http://127.0.0.1:{deaf.getsockname()[1]}", timeout=0.3)
        begun = time.monotonic()
        with pytest.raises(VectorStoreError, match="failed"):
            store.state()
        assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:8000", "ftp://host", "http://host/path", "http://a:b@host", "http://h:x"]
)
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(SettingsError, match=r"vectors\.chroma_url"):
        ChromaServer("0" * 32, url)
    with pytest.raises(VectorStoreError):
        ChromaServer("../../x", "http://127.0.0.1:1")


def test_the_token_is_sent_and_never_shown(tmp_path: Path) -> None:
    import http.server
    import threading

    seen = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers.get("Authorization"))
            self.send_error(401)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        store = ChromaServer("0" * 32, f"http://127.0.0.1:{server.server_port}", token="s3cret")
        with pytest.raises(VectorStoreError, match="401") as caught:
            store.state()
    finally:
        server.shutdown()
        server.server_close()
    assert seen == ["Bearer s3cret"] and "s3cret" not in str(caught.value)
    options = StoreOptions(chroma_token="s3cret")
    assert "s3cret" not in repr(options) and "s3cret" not in repr(replace(options, store="chroma"))


def test_a_query_that_fails_falls_back(served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    kb = served.open()
    served.put(kb, range(3))
    before = served.results(kb)

    def broken(*_: Any) -> Any:
        raise VectorStoreError("no")

    monkeypatch.setattr(kb.vectors.store, "query", broken)
    assert served.results(kb) == before


@pytest.mark.parametrize("token", ["geheim123\n", "geheim123 ", "geheim123密"])
def test_a_token_that_no_header_carries_is_named_and_not_quoted(token: str) -> None:
    with pytest.raises(SettingsError, match=r"vectors\.chroma_token") as caught:
        ChromaServer("0" * 32, "http://127.0.0.1:1", token)
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize("who", ["user:geheim123", ":geheim123"])
def test_a_password_in_the_address_is_not_quoted(who: str) -> None:
    with pytest.raises(SettingsError, match=r"vectors\.chroma_url") as caught:
        ChromaServer("0" * 32, f"http://{who}@127.0.0.1:1")
    assert "geheim" not in str(caught.value)
