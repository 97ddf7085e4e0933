"""Whether a web interface may listen on an address: where others reach it, they have to be asked for a key."""

from __future__ import annotations

from ragbot.errors import UserError
from ragbot.sections.mcp import is_loopback
from ragbot.settings import Settings
from ragbot.workspace.keys import Keys
from ragbot.workspace.opening import workspace_path
from ragbot.workspace.store import Workspace


def check_reach(settings: Settings, host: str) -> None:
    """Refuse an address that others can reach while there is no key in the workspace of the settings.

    Raises:
        UserError: nobody could be told from anybody else.
        CorruptError, NewerVersionError, StorageError: the workspace cannot be used.
    """
    if is_loopback(host):
        return
    workspace = Workspace(workspace_path(settings))
    try:
        if Keys(workspace).required():
            return
    finally:
        workspace.close()
    raise UserError(
        f"anybody who reaches {host} could read and change the documents: make a key first (ragbot keys create NAME "
        "--scope write), or leave --host out"
    )
