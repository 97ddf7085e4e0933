"""Who may come in: the owner of the machine, or, where keys are asked for, whoever logs in with one.

The rules are those of ``ragbot serve``: on the loopback, keys are asked for as soon as one was made; on any other address
always. A browser that logged in has a cookie that names a session of this process, and never the key itself; every
request looks the key up again, so that one that was revoked opens nothing from then on.
"""

from __future__ import annotations

import secrets
import threading
import time
from http.cookies import CookieError, SimpleCookie

from apps.api.principal import OWNER, Principal, principal_of
from ragbot.errors import UserError
from ragbot.workspace.keys import Keys
from ragbot.workspace.store import Workspace

COOKIE = "ragbot_session"
#: Seconds that a session lasts.
LASTS = 12 * 3600.0
#: Sessions at once; beyond, the oldest ends.
_MOST = 10_000


class Login:
    """The sessions of a process. Thread-safe.

    Args:
        workspace: where the keys are.
        always: keys are asked for, even if there is none; otherwise as soon as there is one.
    """

    def __init__(self, workspace: Workspace, always: bool = False) -> None:
        self._keys = Keys(workspace)
        self._always = always
        self._sessions: dict[str, tuple[str, float]] = {}
        self._lock = threading.Lock()

    @property
    def required(self) -> bool:
        """Whether one has to log in."""
        return self._always or self._keys.required()

    def begin(self, text: str) -> str | None:
        """A new session for the holder of a key; None if ``text`` is no valid key."""
        key = self._keys.verify(text.strip())
        if key is None:
            return None
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._sessions[token] = (key.id, time.monotonic() + LASTS)
            while len(self._sessions) > _MOST:
                del self._sessions[next(iter(self._sessions))]
        return token

    def end(self, cookies: str) -> None:
        """Log out."""
        with self._lock:
            self._sessions.pop(_token(cookies), None)

    def principal(self, cookies: str) -> Principal | None:
        """Who sends the header ``Cookie``; the owner where nobody has to log in, None for nobody who may come in."""
        token = _token(cookies)
        with self._lock:
            identity, ends = self._sessions.get(token, ("", 0.0))
            if identity and ends < time.monotonic():
                del self._sessions[token]
                identity = ""
        if identity:
            try:
                key = self._keys.get(identity)
            except UserError:
                key = None
            if key is not None and key.id == identity and key.state() == "valid":
                return principal_of(key)
        return None if self.required else OWNER


def _token(cookies: str) -> str:
    try:
        found = SimpleCookie(cookies).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""
