"""A real server on the loopback, and models that can be held up, for the tests of the API."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI
from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk
from pydantic import PrivateAttr

from apps.api.app import create_app
from ragbot.models.testing import HashEmbedder, ScriptedChatModel
from ragbot.settings import Settings

#: Seconds for what is a matter of milliseconds on a machine that has nothing else to do.
PATIENCE = 30.0


def settings(folder: Path, **server: Any) -> Settings:
    """Settings whose data lie in ``folder``, with an answerer that needs no model and refuses nothing."""
    return Settings(
        data_dir=folder,
        llm="extractive",
        generation={"min_confidence": 0.0},  # type: ignore[arg-type]  # pydantic makes it of the dict
        server={"log": "none", **server},  # type: ignore[arg-type]
    )


def app_of(chosen: Settings, llm: Any = None, **more: Any) -> FastAPI:
    """An application with an embedder by hashing."""
    return create_app(chosen, embedder=HashEmbedder(), llm=llm, **more)


@contextlib.contextmanager
def running(app: FastAPI) -> Iterator[str]:
    """The address of a server with ``app``, in a thread."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=1,
            server_header=False,
            proxy_headers=False,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            until(lambda: server.started)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(PATIENCE)


def client(address: str, **options: Any) -> httpx.Client:
    """A client without proxies."""
    return httpx.Client(base_url=address, timeout=PATIENCE, trust_env=False, **options)


def until(true: Any, seconds: float = PATIENCE) -> None:
    """Wait for something that is about to be true."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


class HeldModel(ScriptedChatModel):
    """Goes on and on until it is let go; counts how many calls are under way, and how many were given up."""

    _free: threading.Event = PrivateAttr(default_factory=threading.Event)
    _open: int = PrivateAttr(default=0)
    _given_up: int = PrivateAttr(default=0)
    _lock: threading.Lock = PrivateAttr(default_factory=threading.Lock)

    def __init__(self, **options: Any) -> None:
        super().__init__(lambda _: "That is all.", **options)

    def let(self) -> None:
        """Let it come to its end, now and from now on."""
        self._free.set()

    @property
    def at_work(self) -> int:
        """Calls under way."""
        return self._open

    @property
    def given_up(self) -> int:
        """Calls that were closed before their end."""
        return self._given_up

    def _stream(self, *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        with self._lock:
            self._open += 1
        ended = False
        try:
            while not self._free.wait(0.02):
                yield ChatGenerationChunk(message=AIMessageChunk(content="It is going on. "))
            yield from super()._stream(*args, **kwargs)
            ended = True
        finally:
            with self._lock:
                self._open -= 1
                self._given_up += not ended
