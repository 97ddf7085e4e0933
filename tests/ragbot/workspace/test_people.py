"""Everybody has a workspace of their own, and the id of a key is all that becomes part of a path."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragbot.errors import UserError
from ragbot.settings import Settings
from ragbot.workspace.conversations import Conversations
from ragbot.workspace.people import PEOPLE, People
from ragbot.workspace.store import FILE_NAME


def test_each_has_a_file_of_their_own(tmp_path: Path) -> None:
    people = People(Settings(data_dir=tmp_path))
    assert people.workspace("") is people.workspace()
    assert people.workspace().path == tmp_path / FILE_NAME
    assert people.workspace("0a1b").path == tmp_path / PEOPLE / "0a1b" / FILE_NAME
    Conversations(people.workspace("0a1b")).create("kb", "mine")
    assert Conversations(people.workspace("ff")).all() == []
    people.close()
    assert [info.title for info in Conversations(people.workspace("0a1b")).all()] == ["mine"]
    people.close()


@pytest.mark.parametrize("owner", ["..", "../x", "a/b", "a\\b", "a.b", " ", "a\0", "字", "a" * 65])
def test_what_is_no_id_names_no_folder(tmp_path: Path, owner: str) -> None:
    with pytest.raises(UserError, match="is no id of a key"):
        People(Settings(data_dir=tmp_path)).workspace(owner)
    assert not (tmp_path / PEOPLE).exists()
