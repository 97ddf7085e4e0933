"""Addresses and paths in the one form in which they can be compared, however they are disguised.

An address that is written in capitals, with percent signs, in punycode, as a number, with a user in front of the host or
with invisible characters between the letters is still the address; so both sides of a comparison pass through here.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
import socket
import unicodedata
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

#: Characters that nobody sees.
_INVISIBLE = re.compile(
    r"[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]"
)
#: What ends an address inside a text; Chinese punctuation has no place in one.
_STOP = "\\s<>\"'`，。；：！？、（）【】《》「」『』“”‘’|\\\\^{}"
_URL = re.compile(rf"[a-z][a-z0-9+.-]*:/{{1,3}}[^{_STOP}]+", re.IGNORECASE)
_NAME = r"(?<![a-z0-9_@.-])(?:[a-z0-9_-]+\.)+"
_REST = rf"(?![a-z0-9_-])(?::\d+)?(?:/[^{_STOP}]*)?"
_HOST = re.compile(rf"{_NAME}(?:[a-z]{{2,24}}|xn--[a-z0-9-]+){_REST}", re.IGNORECASE)
#: Hosts that are nothing else, where ``math.sqrt`` and ``notes.txt`` stand as well.
_SURE_HOST = re.compile(
    rf"{_NAME}(?:com|org|net|edu|gov|info|biz|io|ai|app|dev|xyz|top|site|online|cn|co|uk|de|fr|jp|ru|us|eu|me|tv|cc|example|xn--[a-z0-9-]+){_REST}",
    re.IGNORECASE,
)
_ASCII = re.compile(r"[\x21-\x7e]+")
_IP = re.compile(
    rf"(?<![\w.])(?:\d{{1,3}}\.){{3}}\d{{1,3}}(?::\d+)?(?:/[^{_STOP}]*)?|\[[0-9a-f:.]+\](?::\d+)?", re.IGNORECASE
)
_PATH = re.compile(
    rf"(?<![\w./])(?:~|\.{{1,2}}|[a-z]:)?[/\\][^{_STOP}]+|(?<![\w./])[\w.-]+(?:/[\w.-]+)+", re.IGNORECASE
)
#: Kept by a sentence that ends behind an address.
_TRAILING = ".,;:!?)]}»”’*_"
_DOTS = str.maketrans({"。": ".", "．": ".", "｡": "."})
_PORTS = {"http": 80, "https": 443, "ftp": 21}


def plain(text: str) -> str:
    """``text`` in one width and case, without what nobody sees."""
    return _INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).casefold()


def address(value: str) -> str:
    """``value`` as one address: host in letters and small, default port and trailing slash gone, no percent signs.

    A user in front of the host stays: ``https://a.org@b.org`` is not ``https://a.org``. What is no address comes back as
    :func:`plain` makes it.
    """
    bare = _INVISIBLE.sub("", unicodedata.normalize("NFKC", value)).strip().strip("<>").replace("\\", "/")
    with_scheme = bare if re.match(r"[a-z][a-z0-9+.-]*:/", bare, re.IGNORECASE) else f"http://{bare.lstrip('/')}"
    try:
        parts = urlsplit(re.sub(r"^([a-z][a-z0-9+.-]*):/*", r"\1://", with_scheme, flags=re.IGNORECASE))
        port = parts.port
    except ValueError:
        return plain(bare)
    host = canonical_host(unquote(parts.hostname or "").translate(_DOTS))
    if not host:
        return plain(bare)
    scheme = parts.scheme.lower()
    scheme = "http" if scheme == "https" else scheme  # what may be read safely may be read at all
    user = f"{parts.username or ''}:{parts.password or ''}@" if "@" in parts.netloc else ""
    shown = f":{port}" if port and port not in {_PORTS.get(parts.scheme.lower()), _PORTS.get(scheme)} else ""
    path = _unquoted(parts.path).rstrip("/")
    query = f"?{_unquoted(parts.query)}" if parts.query else ""
    return f"{scheme}://{user}{host}{shown}{path}{query}"


def canonical_host(host: str) -> str:
    """A host in letters and small; an IP address in its usual form, whatever it was written in."""
    name = host.strip("[]").rstrip(".").casefold()
    with contextlib.suppress(ValueError):
        found = ipaddress.ip_address(name)
        mapped = getattr(found, "ipv4_mapped", None)
        return str(mapped or found)
    if re.fullmatch(r"(?:0x[0-9a-f]+|\d+)(?:\.(?:0x[0-9a-f]+|\d+)){0,3}", name):
        with contextlib.suppress(OSError):
            return socket.inet_ntoa(socket.inet_aton(name))  # 2130706433, 0x7f.1, 0177.0.0.1
    with contextlib.suppress(UnicodeError):
        return name.encode("ascii").decode("idna") if "xn--" in name else name
    return name


def addresses_in(text: str) -> Iterator[str]:
    """The addresses of ``text``, in the form of :func:`address`."""
    yield from _found(text, _URL, _HOST, _IP)


def sure_addresses_in(text: str) -> Iterator[str]:
    """Those that are addresses for certain, also in a text that holds file names and code."""
    yield from _found(_unquoted(text), _URL, _SURE_HOST, _IP)


def _found(text: str, *patterns: re.Pattern[str]) -> Iterator[str]:
    shown = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).translate(_DOTS)
    for pattern in patterns:
        for match in pattern.finditer(shown):
            whole = match[0].rstrip(_TRAILING)
            yield address(whole)
            # In Chinese the sentence goes on without a blank: there the address ends with its last letter.
            if (
                (short := _ASCII.match(whole))
                and short[0] != whole
                and len(short[0].partition("//")[2] or short[0]) > 3
            ):
                yield address(short[0].rstrip(_TRAILING))


def paths_in(text: str) -> Iterator[str]:
    """What looks like the path of a file in ``text``, as :func:`plain` makes it."""
    for match in _PATH.finditer(_URL.sub(" ", text)):
        yield plain(match[0].rstrip(_TRAILING))


def looks_like_address(value: str) -> bool:
    """Whether ``value`` is an address, or holds one."""
    shown = plain(unquote(value))
    return any(pattern.search(shown) for pattern in (_URL, _HOST, _IP))


def looks_like_path(value: str) -> bool:
    """Whether ``value`` holds the path of a file."""
    return next(paths_in(value), None) is not None


def _unquoted(text: str) -> str:
    for _ in range(3):  # %252e is %2e is a dot
        decoded = unquote(text)
        if decoded == text:
            break
        text = decoded
    return text
