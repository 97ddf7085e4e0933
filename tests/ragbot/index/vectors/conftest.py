"""Stores to run the contract over: FAISS, embedded Chroma, a real ``chroma run``, and LangChain's stores."""

from __future__ import annotations

import hashlib
import random
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ingest.chunkers.recursive import RecursiveChunker
from ingest.pipeline import ingest_documents
from ragbot.documents import ParsedDocument
from ragbot.index.catalog import Catalog
from ragbot.index.knowledge_base import KnowledgeBase
from ragbot.index.records import FileState, NewChunk
from ragbot.index.vectors.stores import StoreOptions
from ragbot.models.testing import HashEmbedder
from ragbot.retrieval.retriever import HybridRetriever, RetrievalOptions

COMMAND = Path(sys.executable).with_name("chroma")
EMBEDDER = HashEmbedder()
WORDS = "river lamp 北京 训练 model paper 数据 green stone 缓存 token harbour".split()

FACTORIES = """
from pathlib import Path
from langchain_core.vectorstores import InMemoryVectorStore

STORE = InMemoryVectorStore(None)
SEEN = []
client = None

def in_memory(embeddings):
    # One memory for all, as a server would have it.
    STORE.embedding = embeddings
    return STORE

def forgetful(embeddings):
    return InMemoryVectorStore(embeddings)

def chroma(embeddings, collection):
    import chromadb
    from langchain_chroma import Chroma
    SEEN.append(collection)
    return Chroma(collection, embeddings, client=client or chromadb.EphemeralClient(),
                  collection_configuration={"hnsw": {"space": "ip", "ef_search": 400}})

def nothing(embeddings):
    return 7

def broken(embeddings):
    raise RuntimeError("no such host")

class Plain(InMemoryVectorStore):
    def get_by_ids(self, ids, /):
        raise NotImplementedError

PLAIN = Plain(None)

def plain(embeddings):
    PLAIN.embedding = embeddings
    return PLAIN
"""


@dataclass
class Server:
    """A Chroma server on a loopback port, which can be stopped and started again."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [COMMAND, "run", "--path", self.folder, "--host", "127.0.0.1", "--port", str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(300):
            try:
                with urllib.request.urlopen(f"{self.url}/api/v2/heartbeat", timeout=1):
                    return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError("chroma run does not answer")

    def stop(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def started(folder: Path) -> Server:
    pytest.importorskip("chromadb")
    server = Server(folder, free_port())
    server.start()
    return server


@pytest.fixture(scope="session")
def chroma_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for the whole run."""
    server = started(tmp_path_factory.mktemp("chroma-server"))
    yield server
    server.stop()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Server]:
    """One that a test may stop."""
    server = started(tmp_path / "own-server")
    yield server
    server.stop()


@pytest.fixture
def factories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A module of a person's own, ``my_stores``, with factories of LangChain stores."""
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "my_stores.py").write_text(FACTORIES, encoding="utf-8")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "my_stores", raising=False)
    yield
    sys.modules.pop("my_stores", None)


def options_of(kind: str, request: pytest.FixtureRequest) -> StoreOptions:
    """The settings of a kind of store."""
    if kind == "chroma-server":
        return StoreOptions("chroma-server", chroma_url=request.getfixturevalue("chroma_server").url)
    if kind.startswith("langchain"):
        request.getfixturevalue("factories")
        factory = "my_stores:chroma" if kind == "langchain-chroma" else "my_stores:in_memory"
        return StoreOptions("langchain", langchain=factory)
    return StoreOptions(kind)


@dataclass
class Bench:
    """Opens knowledge bases with the store at hand, and closes what is left open."""

    folder: Path
    options: StoreOptions
    opened: list[KnowledgeBase] = field(default_factory=list)

    def open(self, folder: Path | None = None, options: StoreOptions | None = None) -> KnowledgeBase:
        kb = KnowledgeBase(folder or self.folder, EMBEDDER.fingerprint, store=options or self.options)
        self.opened.append(kb)
        return kb

    def close(self) -> None:
        for kb in self.opened:
            kb.close()
        self.opened.clear()

    @staticmethod
    def put(kb: KnowledgeBase, numbers: Sequence[int], extra: str = "") -> None:
        ingest_documents(kb, EMBEDDER, RecursiveChunker(EMBEDDER.count_tokens, 24), documents(numbers, extra))

    @staticmethod
    def put_inside(catalog: Catalog, number: int, extra: str = "") -> None:
        """One document, by somebody who holds the writer's lock already."""
        ((source, parsed),) = documents([number], extra).items()
        spans = RecursiveChunker(EMBEDDER.count_tokens, 24).split(parsed)
        texts = [parsed.text[start:end] for start, end in spans]
        chunks = [
            NewChunk(start, end, None, (), "", hashlib.sha256(text.encode()).digest())
            for (start, end), text in zip(spans, texts, strict=True)
        ]
        catalog.put_document(source, parsed, FileState(f"{number}{extra}"), chunks, EMBEDDER.encode_documents(texts))

    @staticmethod
    def results(kb: KnowledgeBase, **options: object) -> list[list[tuple[str, int, float]]]:
        retriever = HybridRetriever(kb, EMBEDDER, RetrievalOptions(candidates=20))
        return [
            [
                (hit.chunk.document.source, hit.chunk.start, round(hit.score, 4))
                for hit in retriever.search(question, 10, **options)  # type: ignore[arg-type]
            ]
            for question in ("green river lamp number 12", "北京 训练 数据", "harbour stone")
        ]


def documents(numbers: Sequence[int], extra: str = "") -> dict[str, ParsedDocument]:
    """Half in Chinese, half in English; each chunk differs from any other."""
    found = {}
    for number in numbers:
        rng = random.Random(number)
        parts = []
        for part in range(8):
            words = " ".join(f"{rng.choice(WORDS)}{rng.randrange(1000)}" for _ in range(9))
            parts.append(f"{rng.choice(WORDS)} {part} of {number}: {words}{extra}")
        text = "\n\n".join(parts)
        found[f"doc{number:02}"] = ParsedDocument(text, title=f"Title {number}", language="zh" if number % 2 else "en")
    return found


@pytest.fixture(params=["faiss", "chroma", "chroma-server", "langchain", "langchain-chroma"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """With every kind of store in turn."""
    made = Bench(tmp_path / "kb", options_of(request.param, request))
    yield made
    made.close()


@pytest.fixture
def chroma(tmp_path: Path) -> Iterator[Bench]:
    """With embedded Chroma."""
    pytest.importorskip("chromadb")
    made = Bench(tmp_path / "kb", StoreOptions("chroma"))
    yield made
    made.close()


@pytest.fixture
def served(tmp_path: Path, chroma_server: Server) -> Iterator[Bench]:
    """With a Chroma server."""
    made = Bench(tmp_path / "kb", StoreOptions("chroma-server", chroma_url=chroma_server.url, timeout=5))
    yield made
    made.close()
