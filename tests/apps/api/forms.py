"""Names that try to be paths: two hundred forms of ``../`` and its like."""

from __future__ import annotations

import itertools

_UPS = (
    "../", "..\\", "..%2f", "..%2F", "..%5c", "..%252f", "..%c0%af", "..%ef%bc%8f", "%2e%2e/", "%2e%2e%2f", "%252e%252e%252f",
    ".%2e/", "%2e./", "....//", "....\\\\", "..;/", "..／", "．．/", "．．／", "..∕", "..⁄", "..\u2215", "․․/", "‥/", "..\t/",
    "..\x00/", "./../", "//../", "..//", "a/../../",
)  # fmt: skip
_GOALS = ("etc/passwd", "secret", "catalog.sqlite3", "workspace.sqlite3", "kb/default")
_OTHERS = (
    "/etc/passwd", "//etc/passwd", "\\\\server\\share", "C:\\Windows\\win.ini", "C:/Windows/win.ini", "c:secret", "file:///etc/passwd",
    "~/secret", "~root", "$HOME/secret", "${HOME}", "%HOME%", "`id`", "$(id)", "|id", ";id", "&id", "\n", "\r\nX-Evil: 1", "\x00",
    "secret\x00.md", "secret%00", "CON", "NUL", "aux.txt", ".", "..", "...", "", " ", "-rf", "--help", ".env", ".git/config", "default/",
    "default/.", "default/..", "./default", "default/../secret", "/default", "default\\", "default%2f..%2fsecret", "DEFAULT\x00",
    "default::$DATA", "a" * 300, "\u202edefault", "\u200bdefault", "default\u200b", "ｄｅｆａｕｌｔ", "de\u0301fault", "*", "?", "[a-z]*",
    "{a,b}", "'", '"', "' OR 1=1 --", "%s%s%n", "${jndi:ldap://x}", "<script>", "\ufeffdefault", "\ud800", "🏴", "..%u2215", "%",
)  # fmt: skip
FORMS = tuple(
    dict.fromkeys([*(up * depth + goal for up, goal, depth in itertools.product(_UPS, _GOALS, (1, 4))), *_OTHERS])
)
