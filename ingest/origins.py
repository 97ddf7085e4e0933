"""Where documents come from: files, the members of archives, pages of the web; all as files that can be parsed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from ingest.archives.members import ArchiveLimits, Member, is_archive, members
from ingest.loaders import SUPPORTED_SUFFIXES
from ingest.temporary import PrivateFolder
from ragbot.documents import FailedSource
from ragbot.errors import LoaderError
from ragbot.index.archives import archive_of

if TYPE_CHECKING:
    from ingest.archives.unchanged import KnownArchives
    from ingest.web.fetcher import Fetcher

__all__ = ["Item", "Origins", "archive_of"]


@dataclass(frozen=True, slots=True)
class Item:
    """A document to be: a file, the source it is known by, and for a private copy its own ``name``.

    ``path`` is None for what is known not to have changed: a page since ``metadata`` was noted, a member of an archive.
    """

    path: Path | None
    source: str
    name: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)

    def done(self) -> None:
        """Remove a private copy; a person's own file stays."""
        if self.name and self.path is not None:
            self.path.unlink(missing_ok=True)


class Origins:
    """Turns what a person names into items. Use it as a context manager: private copies go when it ends.

    Args:
        max_bytes: for a member of an archive, or a page.
        user_agent: what servers are told.
        allow_private: whether a host in a private network may be named.
        known: the metadata of a document that is there already, by source; None where there is none.
        archives: tells which archives need not be unpacked again; None: all are.
        suffixes: of the documents in an archive.
    """

    def __init__(
        self,
        max_bytes: int,
        user_agent: str,
        allow_private: bool,
        known: Callable[[str], Mapping[str, str] | None],
        archives: KnownArchives | None = None,
        suffixes: Collection[str] = SUPPORTED_SUFFIXES,
    ) -> None:
        self.ignored: list[str] = []
        self.failed: list[FailedSource] = []
        #: The members of each archive that was read to its end without a failure, or has not changed since.
        self.inside: dict[str, set[str]] = {}
        self._max_bytes = max_bytes
        self._user_agent = user_agent
        self._allow_private = allow_private
        self._known = known
        self._archives = archives
        self._suffixes = suffixes
        self._open = ExitStack()
        self._folder: PrivateFolder | None = None
        self._fetcher: Fetcher | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, error, trace)

    def items(self, files: Iterable[Path], urls: Sequence[str]) -> Iterator[Item]:
        """The documents; what cannot be had is noted in ``failed``."""
        for file in files:
            if is_archive(file.name):
                yield from self._members(file)
            else:
                yield Item(file, str(file))
        for url in urls:
            yield from self._page(url)

    def _members(self, archive: Path) -> Iterator[Item]:
        if self._folder is None:
            self._folder = self._open.enter_context(PrivateFolder())
        limits = ArchiveLimits(member_bytes=self._max_bytes)
        seen: set[str] = set()
        whole = True
        try:
            unchanged = self._archives.unchanged(archive) if self._archives else None
            if unchanged is not None:
                self.inside[str(archive)] = set(unchanged)
                yield from (Item(None, source) for source in unchanged)
                return
            for found in members(archive, self._folder, limits, self._suffixes):
                if isinstance(found, Member):
                    seen.add(found.source)
                    yield Item(found.path, found.source, found.name)
                elif isinstance(found, FailedSource):
                    whole = False
                    self.failed.append(found)
                else:
                    self.ignored.append(found.source)
        except LoaderError as error:
            whole = False
            self.failed.append(FailedSource(str(archive).encode("utf-8", "replace").decode(), str(error)))
        except OSError as error:
            whole = False
            self.failed.append(FailedSource(str(archive), f"cannot be read: {error.strerror or error}"))
        if whole:
            self.inside[str(archive)] = seen

    def _page(self, url: str) -> Iterator[Item]:
        from ingest.web.address import parse_url, shown_url
        from ingest.web.fetcher import Fetcher, WebLimits

        if self._fetcher is None:
            limits = WebLimits(max_bytes=min(self._max_bytes, WebLimits().max_bytes))
            self._fetcher = self._open.enter_context(
                Fetcher(limits, allow_private=self._allow_private, user_agent=self._user_agent)
            )
        try:
            before = self._known(parse_url(url).url) or {}
            page = self._fetcher.fetch(url, etag=before.get("etag", ""), last_modified=before.get("last_modified", ""))
        except LoaderError as error:
            self.failed.append(FailedSource(shown_url(url), str(error)))
            return
        except OSError as error:
            self.failed.append(FailedSource(shown_url(url), f"cannot be stored: {error.strerror or error}"))
            return
        noted = {"url": page.location, "etag": page.etag, "last_modified": page.last_modified}
        yield Item(page.path, page.url, page.name, {key: value for key, value in noted.items() if value})
