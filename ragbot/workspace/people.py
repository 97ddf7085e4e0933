"""The workspaces of people: the owner's, and one for each key, so that nobody finds what another one said."""

from __future__ import annotations

import re
import threading
from pathlib import Path

from ragbot.errors import UserError
from ragbot.settings import Settings
from ragbot.workspace.conversations import Conversations
from ragbot.workspace.opening import workspace_path
from ragbot.workspace.store import FILE_NAME, Workspace

#: The folder, beside the owner's workspace, with a folder for each key.
PEOPLE = "people"
#: Ids of keys; nothing else becomes part of a path.
_ID = re.compile(r"[0-9A-Za-z]{1,64}")


class People:
    """Opens workspaces when they are first asked for, and keeps them open. Thread-safe.

    Args:
        settings: say where they are, and how long conversations are kept.
        own: the owner's, if it is open already; it is closed with the others.
    """

    def __init__(self, settings: Settings, own: Workspace | None = None) -> None:
        self._settings = settings
        self._open: dict[str, Workspace] = {}
        self._lock = threading.Lock()
        if own is not None:
            self._open[""] = own

    def workspace(self, owner: str = "") -> Workspace:
        """That of the holder of a key, by the key's id; of the owner of the machine for an empty one.

        Raises:
            UserError: it is no id of a key.
            CorruptError, NewerVersionError, StorageError: it cannot be used.
        """
        with self._lock:
            if owner not in self._open:
                workspace = Workspace(self._path(owner))
                Conversations(workspace).expire(self._settings.conversation.retention_days)
                self._open[owner] = workspace
            return self._open[owner]

    def close(self) -> None:
        """Close all of them."""
        with self._lock:
            for workspace in self._open.values():
                workspace.close()
            self._open.clear()

    def _path(self, owner: str) -> Path:
        path = workspace_path(self._settings)
        if not owner:
            return path
        if not _ID.fullmatch(owner):
            raise UserError(f"{owner[:40]!r} is no id of a key: ragbot keys list shows them")
        return path.parent / PEOPLE / owner / FILE_NAME
