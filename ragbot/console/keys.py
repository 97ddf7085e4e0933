"""``ragbot keys create``, ``list``, ``revoke`` and ``rotate``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ragbot.console.jsonout import plain
from ragbot.console.key_labels import KeyLabels, key_labels
from ragbot.console.knowledge import settings_of
from ragbot.console.options import Options
from ragbot.errors import UserError

if TYPE_CHECKING:
    from ragbot.settings import Settings
    from ragbot.workspace.keys import Keys
    from ragbot.workspace.keys_records import Key, Rights

_DURATION = re.compile(r"(\d{1,6})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@contextmanager
def opened(settings: Settings) -> Iterator[Keys]:
    """The keys of the workspace."""
    from ragbot.workspace.keys import Keys
    from ragbot.workspace.opening import workspace_path
    from ragbot.workspace.store import Workspace

    workspace = Workspace(workspace_path(settings))
    try:
        yield Keys(workspace)
    finally:
        workspace.close()


def create(options: Options, name: str, rights: Rights, expires: str | None, both: bool) -> None:
    """Make a key and print its secret."""
    if both:
        raise UserError("--all-documents sees every document, with groups or without: leave one of the two out")
    settings, terminal = settings_of(options), options.terminal
    lifetime = None if expires is None else _lifetime(expires, datetime.now(UTC))
    with opened(settings) as keys:
        is_first = not keys.required()
        key, secret = keys.create(name, rights, lifetime)
    if terminal.as_json:
        terminal.json({"key": as_json(key), "secret": str(secret)})
        return
    say = key_labels(settings)
    terminal.line(str(secret))
    terminal.note(say.once.format(key.name, key.id, " · ".join(_rights(key, say))))
    if is_first:
        terminal.note(say.first)


def listing(options: Options, every: bool) -> None:
    """Print the keys."""
    settings, terminal = settings_of(options), options.terminal
    with opened(settings) as keys:
        found = keys.all()
    shown = [key for key in found if every or key.state() == "valid"]
    if terminal.as_json:
        terminal.json({"keys": [as_json(key) for key in shown], "total": len(found)})
        return
    say = key_labels(settings)
    if not shown:
        terminal.line(say.none_valid.format(len(found)) if found else say.none)
        return
    terminal.columns([_row(key, say) for key in shown])


def revoke(options: Options, names: Sequence[str]) -> None:
    """Revoke keys; where one of them is none, nothing is changed."""
    settings = settings_of(options)
    with opened(settings) as keys:
        wanted = dict.fromkeys(keys.resolve(name) for name in names)
        done = [keys.revoke(identity) for identity in wanted]
    say = key_labels(settings)
    options.terminal.show(
        {"revoked": [as_json(key) for key in done]},
        lambda terminal, _: terminal.line(say.were_revoked.format(", ".join(f"{key.name} ({key.id})" for key in done))),
    )


def rotate(options: Options, name: str, grace: str | None) -> None:
    """Replace a key and print the new secret."""
    settings, terminal = settings_of(options), options.terminal
    with opened(settings) as keys:
        old = keys.get(name)
        key, secret = keys.rotate(old.id, _duration(grace) if grace else timedelta())
        old = keys.get(old.id)
    if terminal.as_json:
        terminal.json({"key": as_json(key), "secret": str(secret), "replaced": as_json(old)})
        return
    say = key_labels(settings)
    terminal.line(str(secret))
    terminal.note(say.once.format(key.name, key.id, " · ".join(_rights(key, say))))
    revoked = old.revoked is not None
    terminal.note(say.old_revoked.format(old.id) if revoked else say.old_until.format(old.id, _when(old.expires or "")))


def as_json(key: Key) -> Any:
    """A key as ``--json`` prints it: its fields, and how it stands."""
    return {**plain(replace(key)), "state": key.state()}


def _row(key: Key, say: KeyLabels) -> tuple[str, ...]:
    state = key.state()
    end = say.endless if key.expires is None else say.until.format(_when(key.expires))
    if state == "expired":
        end = say.expired.format(_when(key.expires or ""))
    elif state == "revoked":
        end = say.revoked.format(_when(key.revoked or ""))
    used = say.used.format(_when(key.used)) if key.used else say.never_used
    return key.id, key.name, " · ".join(_rights(key, say)), end, used


def _rights(key: Key, say: KeyLabels) -> list[str]:
    rights = key.rights
    parts = [rights.scope, ", ".join(rights.knowledge_bases or (say.every_kb,))]
    parts.append(say.every_document if rights.groups is None else ", ".join(rights.groups) or say.open_documents)
    parts += [say.requests.format(rights.requests_per_minute)] if rights.requests_per_minute else []
    return parts + ([say.tokens.format(rights.tokens_per_minute)] if rights.tokens_per_minute else [])


def _duration(text: str) -> timedelta:
    found = _DURATION.fullmatch(text.strip().lower())
    if not found or not int(found[1]):
        raise UserError(f"{text!r} is no time: write a number with m, h, d or w, such as 90d")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def _lifetime(text: str, now: datetime) -> timedelta:
    """What is left until ``text``: a time from now on, or the end of a day on the clock here."""
    try:
        day = datetime.strptime(text.strip(), "%Y-%m-%d").astimezone()
    except ValueError:
        if _DURATION.fullmatch(text.strip().lower()):
            return _duration(text)
        raise UserError(f"{text!r} is no end: write 90d, 12h, or a day as YYYY-MM-DD") from None
    return day + timedelta(days=1) - now


def _when(time: str) -> str:
    """A stored time as the clock here shows it."""
    return datetime.fromisoformat(time).astimezone().strftime("%Y-%m-%d %H:%M")
