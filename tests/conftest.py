"""What every test stands on: no network but loopback, no settings of the developer's, and small public fixtures."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from ragbot.bot import RagBot
from ragbot.models.testing import HashEmbedder
from ragbot.settings import Settings

# The machines that run the tests are shared and slow at times: no example is wrong because it took long.
settings.register_profile("ragbot", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("ragbot")

ZH = """# 低秩适配

LoRA 冻结原有权重，只训练两个低秩矩阵，因此显存占用很小。秩通常取 8 或 16。

## 量化

QLoRA 把基座模型量化为 4 比特，再训练低秩矩阵。北京的实验室用一张显卡完成了训练。
"""
EN = """# Serving

A paged key-value cache lets vLLM serve many requests at once. It was described in 2023.

## Batching

Continuous batching admits a request as soon as another one has finished. Throughput rises by a factor of 20.
"""


#: Folders whose tests share a server or a browser, which is started once.
TOGETHER = {"tests/apps/browser", "tests/models/llms"}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Of several processes, one runs all tests of a file, or of such a folder: what they share is made once.

    xdist's own groups (``--dist loadgroup``) are not seen under pytest 9.2, which names tests in another way.
    """
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            folder = file.rpartition("/")[0]
            return folder if folder in TOGETHER else file

    return ByFile(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    """Reports go from process to process as UTF-8: what a test wrote may be text that is none (a lone surrogate)."""
    return _encodable((yield))


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_encodable(key): _encodable(one) for key, one in value.items()}
    return type(value)(map(_encodable, value)) if type(value) in (list, tuple) else value


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every connection and every look-up that leaves this machine."""
    connect, connect_ex, look_up = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def guarded(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(self: socket.socket, address: Any) -> Any:
            if self.family != getattr(socket, "AF_UNIX", None) and not is_loopback(address[0]):
                raise RuntimeError(f"a test tried to reach the network: {address!r}")
            return real(self, address)

        return call

    def guarded_look_up(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host is not None and not is_loopback(host):
            raise RuntimeError(f"a test tried to look up a host: {host!r}")
        return look_up(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", guarded(connect))
    monkeypatch.setattr(socket.socket, "connect_ex", guarded(connect_ex))
    monkeypatch.setattr(socket, "getaddrinfo", guarded_look_up)


@pytest.fixture
def offline(_no_network: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without a network: for what must say so clearly, where other tests must not even ask."""

    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)


def is_loopback(host: str | bytes) -> bool:
    """Whether ``host`` names this machine."""
    name = host.decode() if isinstance(host, bytes) else host
    if name in {"", "localhost"}:
        return True
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


@pytest.fixture(autouse=True)
def _no_settings_of_the_developer(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """An empty settings file and a data folder of its own; RAGBOT_CACHE_DIR stays, built models are shared."""
    for name in list(os.environ):
        if name.upper().startswith("RAGBOT_") and name != "RAGBOT_CACHE_DIR":
            monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("home")
    (home / "ragbot.toml").touch()
    monkeypatch.setenv("RAGBOT_CONFIG", str(home / "ragbot.toml"))
    monkeypatch.setenv("RAGBOT_DATA_DIR", str(home / "data"))
    # Half a minute to build and a second an answer: tests of the reader ask for it by name.
    monkeypatch.setenv("RAGBOT_LLM", "extractive")


@pytest.fixture
def kb_folder(tmp_path: Path) -> Path:
    """Where a knowledge base may be made; it does not exist yet."""
    return tmp_path / "kb"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A folder of small files: ``lora.md`` (zh), ``serving.md`` (en), ``notes/plain.txt`` (en), ``notes/misc.txt`` (zh)."""
    folder = tmp_path / "corpus"
    (folder / "notes").mkdir(parents=True)
    (folder / "lora.md").write_text(ZH, encoding="utf-8")
    (folder / "serving.md").write_text(EN, encoding="utf-8")
    (folder / "notes" / "plain.txt").write_text(
        "The harbour of Aalto was dredged in 1911. Its lighthouse is painted green.\n", encoding="utf-8"
    )
    (folder / "notes" / "misc.txt").write_text(
        "长江全长六千三百公里。它流经重庆和武汉，最后注入东海。\n", encoding="utf-8"
    )
    return folder


@pytest.fixture
def bot(kb_folder: Path, corpus: Path) -> Iterator[RagBot]:
    """A bot over ``corpus``, with an embedder by hashing and no language model; nothing is refused as unlikely."""
    settings = Settings(generation={"min_confidence": 0.0}, data_dir=kb_folder.parent / "data")  # type: ignore[arg-type]  # pydantic makes it of the dict
    with RagBot.open(kb_folder, embedder=HashEmbedder(), llm="extractive", settings=settings) as opened:
        opened.ingest(corpus)
        yield opened
