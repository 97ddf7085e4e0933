"""A public address needs a key; this machine needs none."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragbot.errors import UserError
from ragbot.settings import Settings
from ragbot.workspace.keys import Keys
from ragbot.workspace.keys_records import Rights
from ragbot.workspace.opening import workspace_path
from ragbot.workspace.reach import check_reach
from ragbot.workspace.store import Workspace


def test_a_public_address_needs_a_key(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    for host in ("127.0.0.1", "localhost", "::1", "127.8.9.1"):
        check_reach(settings, host)
    assert not workspace_path(settings).exists()  # there was nothing to look up
    for host in ("0.0.0.0", "::", "192.0.2.1", "box.lan", ""):
        with pytest.raises(UserError, match="ragbot keys create"):
            check_reach(settings, host)
    workspace = Workspace(workspace_path(settings))
    Keys(workspace).create("ana", Rights())
    workspace.close()
    check_reach(settings, "0.0.0.0")
