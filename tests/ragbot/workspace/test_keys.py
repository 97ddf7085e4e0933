"""Keys: what opens, what does not, and what can be read of them in the file."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ragbot.errors import UserError
from ragbot.workspace import keys_secrets
from ragbot.workspace.keys import Keys
from ragbot.workspace.keys_records import SCOPES, Rights
from ragbot.workspace.keys_secrets import Secret, new_secret, parse
from ragbot.workspace.store import Workspace
from tests.ragbot.workspace.conftest import bytes_of

ROOT = Path(__file__).parents[3]
START = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


class Clock:
    """A clock that stands still unless it is moved."""

    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(path: Path, clock: Clock) -> Iterator[Keys]:
    workspace = Workspace(path)
    yield Keys(workspace, clock)
    workspace.close()


def test_a_key_opens_with_its_rights(keys: Keys) -> None:
    rights = Rights("write", ("papers", "论文"), ("board", "董事会"), 60, 10_000)
    key, secret = keys.create("  ann 的  电脑 ", rights, timedelta(days=90))
    found = keys.verify(str(secret))
    assert found is not None
    assert (found.id, found.name, found.rights) == (key.id, "ann 的 电脑", rights)
    assert found.expires == "2026-05-30T09:30:00.000+00:00"
    assert found.rights.scopes == {"read", "write"}


def test_scopes_include_the_weaker_ones() -> None:
    assert [sorted(Rights(scope).scopes) for scope in SCOPES] == [
        ["read"],
        ["read", "write"],
        ["admin", "read", "write"],
    ]


def test_the_secret_is_in_no_file(keys: Keys, path: Path) -> None:
    secrets = [keys.create(f"key {number}", Rights())[1] for number in range(3)]
    keys.rotate("key 0")
    stored = bytes_of(path)
    for secret in secrets:
        assert secret.secret.encode() not in stored
        assert secret.secret not in repr(secret)
        assert secret.hash.encode() in stored  # what is looked for would be found


def test_other_texts_open_nothing(keys: Keys) -> None:
    _, secret = keys.create("ann", Rights())
    _, other = keys.create("bob", Rights())
    wrong = [
        "",
        "x",
        str(secret)[:-1],
        f"{secret} ",
        str(secret).upper(),
        f"rb_{secret.id}_{other.secret}",  # the secret of another one
        str(Secret(other.id, secret.secret)),
        str(new_secret()),
        f"rb_{secret.id}_{'a' * 43}",
        f"rb_%_{secret.secret}",
        f"rb_{secret.id}_{secret.secret[:-1]}密",
    ]
    assert [text for text in wrong if keys.verify(text) is not None] == []
    assert keys.verify(str(secret)) is not None


def test_an_unknown_id_costs_a_comparison_too(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []
    fits = Secret.fits

    def counted(self: Secret, stored: str) -> bool:
        compared.append(stored)
        return fits(self, stored)

    monkeypatch.setattr(Secret, "fits", counted)
    keys.create("ann", Rights())
    keys.verify(str(new_secret()))
    assert compared == [keys_secrets.NOBODY]


def test_expiry(keys: Keys, clock: Clock) -> None:
    key, secret = keys.create("ann", Rights(), timedelta(hours=1))
    clock.time = START + timedelta(minutes=59, seconds=59)
    assert keys.verify(str(secret)) is not None
    clock.time = START + timedelta(hours=1)
    assert keys.verify(str(secret)) is None
    assert keys.get(key.id).state(clock.time) == "expired"
    with pytest.raises(UserError, match="is expired"):
        keys.rotate(key.id)
    for lifetime in (timedelta(), timedelta(days=-1), timedelta.max):
        with pytest.raises(UserError, match="time"):
            keys.create("late", Rights(), lifetime)


def test_revoked_in_another_process_at_once(keys: Keys, path: Path) -> None:
    key, secret = keys.create("ann", Rights())
    assert keys.verify(str(secret)) is not None
    other = Workspace(path)
    Keys(other).revoke("ann")
    other.close()
    assert keys.verify(str(secret)) is None
    assert keys.revoke(key.id).revoked == keys.get(key.id).revoked  # again: it stays as it was
    assert keys.required()  # nobody comes in now
    assert keys.create("ann", Rights())[0].id != key.id  # the name is free again


def test_rotation_with_and_without_grace(keys: Keys, clock: Clock) -> None:
    rights = Rights("admin", ("papers",), None)
    first, old = keys.create("ann", rights, timedelta(days=10))
    second, new = keys.rotate("ann", timedelta(hours=2))
    assert (second.name, second.rights, second.expires) == ("ann", rights, first.expires)
    assert keys.verify(str(old)) is not None
    assert keys.verify(str(new)) is not None
    with pytest.raises(UserError, match="2 keys"):
        keys.get("ann")
    clock.time += timedelta(hours=2)
    assert keys.verify(str(old)) is None
    _, newest = keys.rotate(second.id)
    assert keys.verify(str(new)) is None
    assert keys.verify(str(newest)) is not None
    assert keys.get("ann").revoked is None  # the name is that of the one in use


def test_grace_is_not_longer_than_what_is_left(keys: Keys) -> None:
    first, _ = keys.create("ann", Rights(), timedelta(hours=1))
    keys.rotate("ann", timedelta(days=7))
    assert keys.get(first.id).expires == first.expires


def test_last_use_is_coarse(keys: Keys, clock: Clock) -> None:
    key, secret = keys.create("ann", Rights())
    assert keys.get(key.id).used == ""
    keys.verify(str(secret))
    assert keys.get(key.id).used == "2026-03-01T09:00:00+00:00"
    with keys.workspace.reading() as db:
        before = db.total_changes
    clock.time += timedelta(minutes=20)
    keys.verify(str(secret))
    with keys.workspace.reading() as db:
        assert db.total_changes == before
    clock.time += timedelta(minutes=20)
    keys.verify(str(secret))
    assert keys.get(key.id).used == "2026-03-01T10:00:00+00:00"


@pytest.mark.parametrize("column", ["hash", "expires", "revoked", "details", "name"])
def test_a_damaged_row_opens_nothing_and_can_be_revoked(
    keys: Keys, column: str, caplog: pytest.LogCaptureFixture
) -> None:
    key, secret = keys.create("ann", Rights("read"), timedelta(days=1))
    value = '{"scope": "admin"}' if column == "details" else "2999-01-01T00:00:00+00:00"
    with keys.workspace.writing() as db:
        db.execute(f"UPDATE keys SET {column} = ?", (value,))
    assert keys.verify(str(secret)) is None
    assert keys.all() == []
    assert f"ragbot keys revoke {key.id}" in caplog.text
    assert keys.revoke(key.id).revoked is not None
    assert keys.verify(str(secret)) is None
    assert [other.id for other in keys.all()] == [key.id]
    assert keys.required()


def test_names(keys: Keys) -> None:
    key, _ = keys.create("ann", Rights())
    with pytest.raises(UserError, match=f"a key 'ann' already.*rotate {key.id}"):
        keys.create(" ann ", Rights())
    for name in ("", "  ", "x" * 101, "a\x1b[2Jb"):
        with pytest.raises(UserError, match="needs a name"):
            keys.create(name, Rights())
    assert keys.get(key.id[:4]).id == key.id
    for name in ("", "nobody", "%"):
        with pytest.raises(UserError, match="there is no key"):
            keys.get(name)


@pytest.mark.parametrize("kb", ["", "../x", "a/b", "a\\b", ".", "..", ".hidden", "a.", "x" * 65, "~", "a\0b"])
def test_rights_name_no_path(kb: str) -> None:
    with pytest.raises(UserError, match="cannot name a knowledge base"):
        Rights(knowledge_bases=(kb,))


@pytest.mark.parametrize(
    ("rights", "words"),
    [
        ({"scope": "root"}, "there are: read, write, admin"),
        ({"knowledge_bases": ()}, "opens nothing"),
        ({"requests_per_minute": 0}, "lets nothing through"),
        ({"tokens_per_minute": -1}, "lets nothing through"),
    ],
)
def test_rights_that_nobody_can_mean(rights: dict[str, object], words: str) -> None:
    with pytest.raises(UserError, match=words):
        Rights(**rights)  # type: ignore[arg-type]


def test_a_string_is_no_list() -> None:
    with pytest.raises(TypeError, match="not the string 'board'"):
        Rights(groups="board")  # type: ignore[arg-type]


def test_secrets_differ_and_come_back() -> None:
    secrets = {str(new_secret()) for _ in range(50)}
    assert len(secrets) == 50
    for text in secrets:
        found = parse(text)
        assert found is not None
        assert str(found) == text
        assert len(found.secret) * 6 >= 128


MAKER = """
import sys
from pathlib import Path
from ragbot.workspace.keys import Keys
from ragbot.workspace.keys_records import Rights
from ragbot.workspace.store import Workspace

keys = Keys(Workspace(Path(sys.argv[1])))
for number in range(10_000):
    key, secret = keys.create(f"key {number}", Rights())
    sys.stdout.write(f"{secret}\\n")
    sys.stdout.flush()
    keys.revoke(key.id)
    sys.stdout.write(f"-{secret}\\n")
    sys.stdout.flush()
"""


@pytest.mark.skipif(os.name == "nt", reason="sends SIGKILL")
def test_after_a_kill_made_keys_open_and_revoked_ones_do_not(path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", MAKER, str(path)], stdout=subprocess.PIPE, encoding="utf-8", cwd=ROOT
    )
    assert process.stdout
    lines = [process.stdout.readline().strip() for _ in range(9)]
    process.send_signal(signal.SIGKILL)
    lines += process.stdout.read().splitlines()
    process.stdout.close()
    process.wait(60)
    revoked = {line[1:] for line in lines if line.startswith("-")}
    made = [line for line in lines if not line.startswith("-")]
    workspace = Workspace(path)
    keys = Keys(workspace)
    assert len(revoked) >= 4
    assert [text for text in revoked if keys.verify(text)] == []
    # Of the last one, the kill may have come between the revocation and its acknowledgement.
    assert [text for text in made[:-1] if text not in revoked] == []
    found = parse(made[-1])
    assert found is not None
    assert keys.get(found.id).id == found.id
    workspace.close()


def test_a_workspace_from_before_there_were_keys(path: Path) -> None:
    from ragbot.index.database import Database, Kind
    from ragbot.workspace.conversations import Conversations
    from ragbot.workspace.records import Turn
    from ragbot.workspace.schema import APPLICATION_ID, MIGRATIONS

    path.parent.mkdir(parents=True)
    Database(path, kind=Kind(APPLICATION_ID, MIGRATIONS[:2], "workspace", "")).close()
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (2,)
    db.close()
    workspace = Workspace(path)
    Conversations(workspace).append("a" * 12, Turn("问"), new_in="kb")
    assert not Keys(workspace).required()
    secret = Keys(workspace).create("ann", Rights())[1]
    workspace.close()
    workspace = Workspace(path)
    assert Keys(workspace).verify(str(secret)) is not None
    assert [turn.question for turn in Conversations(workspace).turns("a" * 12)] == ["问"]
    workspace.close()
