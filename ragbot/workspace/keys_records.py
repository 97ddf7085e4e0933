"""What a key is, and its row: checked when it is read, so that a flipped bit grants nothing."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from ragbot.errors import CorruptError, UserError
from ragbot.index.access import access_list
from ragbot.index.records import checksum
from ragbot.workspace.records import clean

Scope = Literal["read", "write", "admin"]
#: From the weakest to the strongest; each includes those before it.
SCOPES: tuple[Scope, ...] = get_args(Scope)
#: A knowledge base of the data folder as it may be named in a key and in an address.
KB_NAME = re.compile(r"\w(?:[\w.-]{0,62}[\w-])?")
ROW = "id, name, hash, created, expires, revoked, details, checksum, used"
_LONGEST = 100


@dataclass(frozen=True, slots=True)
class Rights:
    """What the holder of a key may do.

    Args:
        scope: ``read`` (search, ask, open documents), ``write`` (also bring in, change, remove), ``admin`` (also create
            and delete knowledge bases); each includes those before it.
        knowledge_bases: names of those that it opens; None for all.
        groups: what access lists of documents call the holder; None sees every document, an empty one those without a
            list.
        requests_per_minute: at most; None for any number.
        tokens_per_minute: likewise, of questions and answers together.

    Raises:
        UserError: a value that none of these can have.
    """

    scope: Scope = "read"
    knowledge_bases: tuple[str, ...] | None = None
    groups: tuple[str, ...] | None = ()
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if self.scope not in SCOPES:
            raise UserError(f"there is no scope {self.scope!r}; there are: {', '.join(SCOPES)}")
        for name in ("knowledge_bases", "groups"):
            if isinstance(getattr(self, name), str):
                raise TypeError(f"{name} takes a tuple of strings, not the string {getattr(self, name)!r}")
        for kb in self.knowledge_bases or ():
            if not KB_NAME.fullmatch(unicodedata.normalize("NFC", kb)):
                raise UserError(
                    f"{kb!r} cannot name a knowledge base: letters, digits, and . _ - inside, up to 64; keys are for "
                    "those in the data folder, not for paths"
                )
        if self.knowledge_bases is not None:  # as the server compares them
            names = tuple(unicodedata.normalize("NFC", kb) for kb in self.knowledge_bases)
            object.__setattr__(self, "knowledge_bases", names)
        if self.groups is not None:
            object.__setattr__(self, "groups", access_list(self.groups))
        if self.knowledge_bases == ():
            raise UserError("a key without a knowledge base opens nothing: name one, or none of them for all")
        for limit in (self.requests_per_minute, self.tokens_per_minute):
            if limit is not None and limit < 1:
                raise UserError(f"a limit of {limit} a minute lets nothing through: write 1 or more, or leave it out")

    @property
    def scopes(self) -> frozenset[str]:
        """The scope and those that it includes."""
        return frozenset(SCOPES[: SCOPES.index(self.scope) + 1])


@dataclass(frozen=True, slots=True)
class Key:
    """A key without its secret.

    ``created``, ``expires`` (the moment from which on it is not valid) and ``revoked`` are ISO 8601 times in UTC;
    ``used`` is the hour in which it was last used, empty if it never was.
    """

    id: str
    name: str
    rights: Rights
    created: str
    expires: str | None = None
    revoked: str | None = None
    used: str = ""

    def state(self, now: datetime | None = None) -> Literal["valid", "expired", "revoked"]:
        """How it stands."""
        if self.revoked is not None:
            return "revoked"
        if self.expires is not None and datetime.fromisoformat(self.expires) <= (now or datetime.now(UTC)):
            return "expired"
        return "valid"


def name_of(text: str) -> str:
    """A key's name as it is kept. Raises UserError for none, or a long one."""
    name = " ".join(clean(text).split())
    if not name or len(name) > _LONGEST or not name.isprintable():
        raise UserError(
            f"a key needs a name that says whose it is, of 1 to {_LONGEST} characters: {text[:20]!r} is none"
        )
    return name


def key_row(key: Key, digest: str) -> tuple[Any, ...]:
    """The columns of :data:`ROW`."""
    rights = key.rights
    details = {
        "scope": rights.scope,
        "knowledge_bases": _listed(rights.knowledge_bases),
        "groups": _listed(rights.groups),
        "requests_per_minute": rights.requests_per_minute,
        "tokens_per_minute": rights.tokens_per_minute,
    }
    columns = (key.id, key.name, digest, key.created, key.expires, key.revoked)
    columns = (*columns, json.dumps(details, ensure_ascii=False, sort_keys=True))  # type: ignore[assignment]
    return (*columns, checksum(*columns), key.used)


def key_of(path: Path, row: Sequence[Any]) -> tuple[Key, str]:
    """The key of a row, and the hash of its secret. Raises CorruptError."""
    try:
        if checksum(*row[:7]) != row[7]:
            raise ValueError("its checksum does not match")
        details: Mapping[str, Any] = json.loads(row[6])
        rights = Rights(
            details["scope"],
            _tuple(details["knowledge_bases"]),
            _tuple(details["groups"]),
            details["requests_per_minute"],
            details["tokens_per_minute"],
        )
    except (ValueError, TypeError, KeyError, UserError) as error:
        raise CorruptError(
            f"the key {row[0]} in {path} is damaged ({error}), and opens nothing; revoke it: ragbot keys revoke {row[0]}"
        ) from error
    return Key(row[0], row[1], rights, row[3], row[4], row[5], row[8]), row[2]


def _listed(values: Iterable[str] | None) -> list[str] | None:
    return None if values is None else sorted(set(values))


def _tuple(values: Any) -> tuple[str, ...] | None:
    if values is None:
        return None
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError("a list in it is none")
    return tuple(values)
