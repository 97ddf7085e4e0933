"""The knowledge bases of a process: opened by name when they are asked for, shared by all requests, closed at the end."""

from __future__ import annotations

import re
import threading
import unicodedata
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from apps.api.models import Models, SharingBot
from ragbot.bot import store_options
from ragbot.errors import KnowledgeBaseError, SourceError, UserError
from ragbot.index.knowledge_base import KnowledgeBase
from ragbot.settings import CATALOG, Settings

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from ragbot.models.embedders.base import Embedder

#: One name of a folder, in any script: no separator, no dot in front, nothing that a shell or a URL reads otherwise.
NAME = re.compile(r"\w[\w.-]{0,63}")
#: Knowledge bases that stay open while nobody asks them.
_MOST = 16


class UnknownKnowledgeBaseError(SourceError):
    """There is no knowledge base of this name."""


def checked_name(name: str) -> str:
    """``name``, normalized (NFC), if a knowledge base may be called so.

    Raises:
        UserError: it could be read as a path, or is too long.
    """
    normal = unicodedata.normalize("NFC", name)
    if not NAME.fullmatch(normal) or normal.endswith("."):
        raise UserError(
            f"{name[:80]!r} cannot name a knowledge base: letters, digits, - _ and . (not at either end), up to 64 of them"
        )
    return normal


class Bots:
    """Thread-safe. Each name has one :class:`ragbot.RagBot`, whose models are those of all others.

    Changes that other processes make are seen by the next question; a knowledge base that was replaced is opened
    anew, and one that was removed is none any more.

    Args:
        settings: where knowledge bases are, and what they are worked on with. ``kb`` is the default one.
        embedder, llm: instances instead of what the settings name.
        most: knowledge bases that stay open while nobody uses them.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        embedder: Embedder | None = None,
        llm: BaseChatModel | str | None = None,
        most: int = _MOST,
    ) -> None:
        self.settings = settings
        self.models = Models(settings, embedder, llm)
        self._most = most
        self._default = settings.kb_path()
        self._open: OrderedDict[str, _Entry] = OrderedDict()
        self._lock = threading.Lock()
        self._opening = threading.Lock()
        self._closed = False

    # -- names ---------------------------------------------------------------------------------------------------

    @property
    def default(self) -> str:
        """The name of the knowledge base that is asked where none is named."""
        name = unicodedata.normalize("NFC", self._default.name)
        return name if NAME.fullmatch(name) else "default"

    def names(self) -> list[str]:
        """The knowledge bases that there are, by name."""
        found = {path.parent.name for path in self.home.glob(f"*/{CATALOG}") if NAME.fullmatch(path.parent.name)}
        if (self._default / CATALOG).is_file():
            found.add(self.default)
        return sorted(found)

    @property
    def home(self) -> Path:
        """The folder of those that have a name."""
        return (self.settings.data_dir / "kb").expanduser().absolute()

    def folder(self, name: str) -> Path:
        """The folder of a knowledge base that is there.

        Raises:
            UnknownKnowledgeBaseError: there is none of this name, or it is no name.
        """
        folder = self._path(name)
        if folder is None or not (folder / CATALOG).is_file():
            raise UnknownKnowledgeBaseError(f"there is no knowledge base {name[:80]!r}")
        return folder

    def _path(self, name: str) -> Path | None:
        if name == self.default:
            return self._default
        return self.home / name if NAME.fullmatch(name) and not name.endswith(".") else None

    # -- life ----------------------------------------------------------------------------------------------------

    @contextmanager
    def using(self, name: str | None = None) -> Iterator[SharingBot]:
        """A bot on the knowledge base ``name`` (the default one), which stays open as long as this lasts.

        Raises:
            UnknownKnowledgeBaseError: there is none of this name.
            KnowledgeBaseError: it cannot be used.
            EmbedderMismatchError: another embedder built it.
        """
        entry = self._taken(name or self.default)
        try:
            yield entry.bot
        finally:
            with self._lock:
                entry.users -= 1
                done = entry.doomed and not entry.users
            if done:
                entry.bot.close()

    @contextmanager
    def at(self, folder: Path) -> Iterator[SharingBot]:
        """As :meth:`using`, by the folder; one that has no name here is open as long as this lasts.

        Jobs are shared by all programs of a person: one may have been handed over for a knowledge base elsewhere, and a
        name that it has in common with one of ours must not bring its documents there.

        Raises:
            KnowledgeBaseError: it is gone, or cannot be used.
            EmbedderMismatchError: another embedder built it.
        """
        name = next((name for name in self.names() if self.folder(name) == folder), None)
        if name is not None:
            with self.using(name) as bot:
                yield bot
            return
        with self._made(folder) as bot:
            yield bot

    def create(self, name: str) -> Path:
        """Make a knowledge base of this name; returns its folder.

        Raises:
            UserError: it cannot be called so, or there is one already.
            StorageError: the folder cannot be made.
        """
        name = checked_name(name)
        folder = self._path(name)
        assert folder is not None  # for mypy: the name is checked
        with self._opening:
            if (folder / CATALOG).is_file():
                raise UserError(f"there is a knowledge base {name!r} already: choose another name")
            self._made(folder, create=True).close()
        return folder

    def forget(self, name: str) -> None:
        """Close it as soon as nobody uses it any more; the next one who asks opens it anew."""
        with self._lock:
            entry = self._open.pop(name, None)
            if entry:
                entry.doomed = True
        if entry and not entry.users:
            entry.bot.close()

    def close(self) -> None:
        """Close all of them; what is still used, by its last user."""
        with self._lock:
            self._closed = True
            names = list(self._open)
        for name in names:
            self.forget(name)
        self.models.close()

    # -- inside --------------------------------------------------------------------------------------------------

    def _taken(self, name: str) -> _Entry:
        if entry := self._current(name):
            return entry
        with self._opening:
            if entry := self._current(name):  # another thread was quicker
                return entry
            self.forget(name)
            folder = self.folder(name)
            entry = _Entry(self._made(folder), folder, _file_of(folder))
            with self._lock:
                entry.users = 1
                self._open[name] = entry
                idle = [other for other, one in self._open.items() if not one.users]
                spare = idle[: max(len(self._open) - self._most, 0)]
            for other in spare:
                self.forget(other)
            return entry

    def _current(self, name: str) -> _Entry | None:
        with self._lock:
            if self._closed:
                raise KnowledgeBaseError("the server is being stopped: ask again when it is back")
            entry = self._open.get(name)
            if entry is None or entry.file != _file_of(entry.folder):
                return None
            entry.users += 1
            self._open.move_to_end(name)
            return entry

    def _made(self, folder: Path, create: bool = False) -> SharingBot:
        embedder = self.models.embedder
        kb = KnowledgeBase(
            folder, embedder.fingerprint, create, self.models.embedder_spec, store_options(self.settings)
        )
        return SharingBot(kb, self.models)


class _Entry:
    """A bot, how many use it, and the file that it was opened on."""

    def __init__(self, bot: SharingBot, folder: Path, file: tuple[int, int] | None) -> None:
        self.bot, self.folder, self.file = bot, folder, file
        self.users = 0
        self.doomed = False


def _file_of(folder: Path) -> tuple[int, int] | None:
    """What tells the catalog's file from another of the same name; None if there is none."""
    try:
        found = (folder / CATALOG).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
