"""A Chroma server (``chroma run``): one collection a knowledge base, its state in the collection's metadata."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from ragbot.errors import KnowledgeBaseError, SettingsError, VectorStoreError
from ragbot.index.segment import Ints
from ragbot.index.vectors import chroma_collection as records
from ragbot.index.vectors.base import Floats
from ragbot.index.vectors.store import StoreState
from ragbot.models.embedders.base import Vectors

NAME = "chroma-server"
#: Vectors in a request: some megabytes, which a slow line sends well within the time limit.
_BATCH = 1_000
_IDENTITY = re.compile("[0-9a-f]{32}")
#: What a header can carry (RFC 9110, section 5.5); a line break at the end is the usual mistake.
_TOKEN = re.compile("[!-~]*")


class ChromaServer:
    """See :class:`ragbot.index.vectors.store.VectorStore`; it is reached when it is first used, and again after errors.

    Args:
        identity: of the catalog; the collection is named after it.
        url: ``http://`` or ``https://``, host and port.
        token: sent as a bearer token; empty sends none.
        timeout: seconds to wait for each answer.

    Raises:
        SettingsError: the address is none, or no header can carry the token.
        VectorStoreError: the identity is none that ragbot gives.
        MissingExtraError: chromadb is not installed.
    """

    name = NAME
    filters = True
    exclusive = False

    def __init__(self, identity: str, url: str, token: str = "", timeout: float = 10.0) -> None:
        if not _IDENTITY.fullmatch(identity):
            raise VectorStoreError("the catalog's identity is damaged; ragbot kb verify says more")
        if not _TOKEN.fullmatch(token):  # httpx would quote it in its error
            raise SettingsError(
                "vectors.chroma_token holds a space, a line break or a character outside of ASCII, which cannot be sent: set "
                "it to the token alone (look at its end)"
            )
        self._host, self._port, self._tls = _address(url)
        self._url, self._token, self._timeout = url, token, timeout
        self._collection_name = f"ragbot-{identity}"
        self._client: Any = None
        self._collection: Any = None
        records.chromadb()

    def upsert(self, ids: Ints, vectors: Vectors) -> None:
        """See the protocol."""
        with self._reached(make=True) as collection:
            records.upsert(collection, ids, vectors, _BATCH)

    def delete(self, ids: Ints) -> None:
        """See the protocol."""
        with self._reached(make=True) as collection:
            records.delete(collection, ids, _BATCH)

    def query(self, vector: Floats, k: int, allowed: Ints | None = None) -> Ints:
        """See the protocol."""
        with self._reached() as collection:
            return records.query(collection, vector, k, allowed)

    def vectors(self, ids: Ints) -> Vectors | None:
        """See the protocol."""
        with self._reached() as collection:
            return records.vectors_of(collection, ids, _BATCH)

    def ids(self, of: Ints) -> Ints:
        """See the protocol."""
        with self._reached() as collection:
            return records.all_ids(collection)

    def state(self) -> StoreState | None:
        """See the protocol; asked of the server each time, for other processes change it."""
        self._collection = None
        try:
            with self._reached() as collection:
                return StoreState.read(collection.metadata)
        except _NoCollectionError:
            return None

    def put_state(self, state: StoreState) -> None:
        """See the protocol."""
        with self._reached(make=True) as collection:
            collection.modify(metadata=asdict(state))

    def clear(self, known: Ints) -> None:
        """The collection is dropped, not emptied: other processes' searches fail at once instead of missing something."""
        try:
            with self._reached():
                self._client.delete_collection(self._collection_name)
        except _NoCollectionError:
            pass  # as it should be
        self._collection = None

    def destroy(self, known: Ints) -> None:
        """See the protocol."""
        self.clear(known)
        self.close()

    def close(self) -> None:
        """See the protocol."""
        client, self._client, self._collection = self._client, None, None
        if client is not None:
            sessions = _sessions(client)
            client.close()
            for session in sessions:
                session.close()

    @contextmanager
    def _reached(self, make: bool = False) -> Iterator[Any]:
        from chromadb.errors import NotFoundError

        try:
            if self._client is None:
                self._client = self._connected()
            if self._collection is None:
                self._collection = (
                    records.make_collection(self._client, self._collection_name)
                    if make
                    else self._client.get_collection(self._collection_name, embedding_function=None)
                )
            yield self._collection
        except KnowledgeBaseError:
            raise
        except NotFoundError as error:
            self._collection = None
            raise _NoCollectionError(
                f"the Chroma server at {self._url} has no collection {self._collection_name}"
            ) from error
        except Exception as error:
            self.close()
            raise VectorStoreError(
                f"the Chroma server at {self._url} failed ({_reason(error)}); see that it runs (chroma run), and that "
                f"vectors.chroma_url and vectors.chroma_token are right"
            ) from error

    def _connected(self) -> Any:
        import httpx

        # Chroma's own client waits without end: so the server is asked first whether it is there.
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        address = f"{'https' if self._tls else 'http'}://{self._host}:{self._port}/api/v2/heartbeat"
        httpx.get(address, headers=headers, timeout=self._timeout).raise_for_status()
        client = records.chromadb().HttpClient(
            host=self._host, port=self._port, ssl=self._tls, headers=headers, settings=records.quiet_settings()
        )
        for session in _sessions(client):
            session.timeout = httpx.Timeout(self._timeout)
        return client


def _sessions(client: Any) -> list[Any]:
    """The connections under Chroma's client, which neither limits nor closes them itself."""
    servers: list[Any] = [getattr(part, "_server", None) for part in (client, getattr(client, "_admin_client", None))]
    return [server._session for server in servers if hasattr(server, "_session")]


class _NoCollectionError(VectorStoreError):
    """The server answers, and has nothing of this knowledge base."""


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())[:200]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _address(url: str) -> tuple[str, int, bool]:
    if not url:
        raise SettingsError(
            "this knowledge base keeps its vectors in a Chroma server, and the setting vectors.chroma_url is empty: set "
            "it to the server's address, such as http://127.0.0.1:8000"
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.username or parts.password:
        raise SettingsError(
            "vectors.chroma_url holds a user name or password, which are not sent: set it to the address alone, such as "
            "http://127.0.0.1:8000, and vectors.chroma_token to a token"
        )
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path not in {"", "/"}:
        raise SettingsError(f"vectors.chroma_url = {url!r} is no address such as http://127.0.0.1:8000")
    tls = parts.scheme == "https"
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return host, port or (443 if tls else 8000), tls
