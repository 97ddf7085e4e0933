"""Which URLs are taken, and which addresses may be connected to: the guard against requests into a private network.

Nothing here connects. A host is looked up once, all its addresses are checked, and the connection is made to one of
those very addresses (:mod:`ingest.web.network`), so that a second look-up cannot answer differently.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

import httpx

from ragbot.errors import LoaderError
from ragbot.net.pages import PageError

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
LookUp = Callable[[str, int], Sequence[str]]

#: What servers and browsers take at the least (RFC 9110, section 4.1) is 8000.
MAX_URL = 8000
_PORTS = {"http": 80, "https": 443}
# Ports of protocols to which an HTTP request could be made to speak (WHATWG Fetch, "bad port").
_BAD_PORTS = frozenset(
    int(port)
    for port in (
        "0 1 7 9 11 13 15 17 19 20 21 22 23 25 37 42 43 53 69 77 79 87 95 101 102 103 104 109 110 111 113 115 117 119 "
        "123 135 137 139 143 161 179 389 427 465 512 513 514 515 526 530 531 532 540 548 554 556 563 587 601 636 989 "
        "990 993 995 1719 1720 1723 2049 3659 4045 4190 5060 5061 6000 6379 6566 6665 6666 6667 6668 6669 6679 6697 "
        "10080 11211"
    ).split()
)
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f-\xa0\\\u2028\u2029\ud800-\udfff]")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
_NEVER_4 = tuple(
    map(
        ipaddress.IPv4Network,
        # this network; link-local, where clouds hand out credentials; protocol assignments; multicast; reserved;
        # a public address that is a cloud's own inside
        ("0.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32"),
    )
)
_PRIVATE_4 = tuple(
    map(
        ipaddress.IPv4Network,
        ("10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"),
    )
)
# Documentation, benchmarks, the old 6to4 relay: nobody's servers.
_UNUSED_4 = tuple(
    map(
        ipaddress.IPv4Network,
        ("192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
    )
)
_PUBLIC_6 = ipaddress.IPv6Network("2000::/3")
# Inside 2000::/3: protocol assignments with Teredo (2001::/32), documentation, 6to4 (which holds an IPv4 address).
_UNUSED_6 = tuple(map(ipaddress.IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))
_PRIVATE_6 = tuple(map(ipaddress.IPv6Network, ("::1/128", "fc00::/7")))
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that was found in order: ``host`` in ASCII and small letters, ``path`` with the query."""

    url: str
    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """What the ``Host`` header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """The scheme, host and port."""
        return f"{self.scheme}://{self.authority}"


def is_url(value: str) -> bool:
    """Whether a person who names ``value`` as a source means a page of the web."""
    return value.lstrip()[:8].lower().startswith(("http://", "https://"))


def parse_url(value: str) -> Target:
    """Read a URL strictly.

    Raises:
        LoaderError: it is not ``http(s)://host/...``, holds credentials, or is written so that programs differ on it.
    """
    value = value.strip()
    name = shown_url(value)
    if len(value) > MAX_URL:
        raise LoaderError(f"{name} is {len(value):,} characters long, at most {MAX_URL:,} are taken: shorten it")
    if _FORBIDDEN.search(value):
        raise LoaderError(f"{name} holds spaces, backslashes or control characters: write it as a browser shows it")
    try:
        parts = urlsplit(value)
        url = httpx.URL(value)
        port = parts.port
    except (httpx.InvalidURL, ValueError, UnicodeError) as error:
        raise LoaderError(f"{name} is no valid URL ({error}): check its spelling") from error
    if parts.scheme not in _PORTS or not parts.netloc:
        raise LoaderError(f"{name} cannot be fetched: only http://HOST/... and https://HOST/... are")
    if "@" in parts.netloc:
        raise LoaderError(f"{name} holds a user name or password: they are not sent; download the page yourself")
    host = _host(url, parts, name)
    if port is None:
        port = _PORTS[parts.scheme]
    if port in _BAD_PORTS:
        raise LoaderError(f"{name} names port {port}, which is not one of the web: correct it")
    path = url.raw_path.decode("ascii")
    target = Target("", parts.scheme, host, port, path)
    return Target(target.origin + path, parts.scheme, host, port, path)


def shown_url(value: str) -> str:
    """``value`` as a message can show it: without credentials and control characters, and not endless."""
    value = re.sub(r"//[^/?#]*@", "//***@", value.strip())
    value = value if len(value) <= 200 else f"{value[:200]}..."
    return "".join(character if character.isprintable() else "\ufffd" for character in value)


def _host(url: httpx.URL, parts: SplitResult, name: str) -> str:
    host = url.raw_host.decode("ascii").lower()
    problem = LoaderError(f"{name} has no valid host name: check its spelling")
    if ":" in host:
        # A zone (fe80::1%eth0) names an interface of this machine.
        try:
            address = ipaddress.IPv6Address(host)
        except ValueError:
            raise problem from None
        if address.scope_id is not None:
            raise problem
        return address.compressed
    host = host.removesuffix(".")
    labels = host.split(".")
    if not host or len(host) > 253 or not all(map(_LABEL.fullmatch, labels)):
        raise problem
    # httpx and urllib must see the same host.
    if (parts.hostname or "").isascii() and (parts.hostname or "").lower().removesuffix(".") != host:
        raise problem
    if _NUMBER.fullmatch(labels[-1]):  # WHATWG URL, "ends in a number": everything else is read as an address
        try:
            return str(ipaddress.IPv4Address(host))
        except ValueError:
            raise LoaderError(f"{name} writes an address in an unusual form: write it as 192.0.2.1") from None
    return host


def system_look_up(host: str, port: int) -> Sequence[str]:
    """The addresses of ``host`` as the system knows them; how long that may take is the system's decision."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return [str(entry[4][0]) for entry in found]


@dataclass(frozen=True, slots=True)
class Resolved:
    """Addresses that may be connected to; ``is_private`` where they lie in a private network."""

    addresses: tuple[str, ...]
    is_private: bool


def resolve(target: Target, look_up: LookUp, allow_private: bool) -> Resolved:
    """Look the host up, once, and check every address that it has.

    Raises:
        PageError: it is unknown, or has an address that may not be connected to.
    """
    try:
        try:
            found: Sequence[str] = [str(ipaddress.ip_address(target.host))]
        except ValueError:
            found = look_up(target.host, target.port)
        addresses = [ipaddress.ip_address(address) for address in dict.fromkeys(found)]
    except (OSError, UnicodeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise PageError(
            "unknown", f"{target.host} is not known ({reason}): check the URL and the connection"
        ) from error
    if not addresses:
        raise PageError("unknown", f"{target.host} has no address: check the URL")
    kinds = {kind_of(address) for address in addresses}
    if "refused" in kinds:
        raise PageError(
            "refused",
            f"{target.host} has an address that is never connected to (link-local, multicast, reserved or the like): "
            "correct the URL, or download the page yourself",
        )
    is_local = target.host == "localhost" or target.host.endswith(".localhost")
    if ("private" in kinds or is_local) and not allow_private:
        raise PageError(
            "refused",
            f"{target.host} lies in a private network or on this machine, which pages of the web must not reach: "
            "if you mean it, name it yourself and allow private hosts",
        )
    return Resolved(tuple(map(str, addresses)), "private" in kinds or is_local)


def kind_of(address: IPAddress) -> str:
    """``"public"``; ``"private"``, which a person may allow; or ``"refused"``, always."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return kind_of(address.ipv4_mapped)
        if address in _NAT64:  # what resolvers make of IPv4 addresses in networks that have IPv6 only
            return kind_of(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        if address.scope_id:
            return "refused"
        if any(address in network for network in _PRIVATE_6):
            return "private"
        is_public = address in _PUBLIC_6 and not any(address in network for network in _UNUSED_6)
    else:
        if any(address in network for network in _NEVER_4):
            return "refused"
        if any(address in network for network in _PRIVATE_4):
            return "private"
        is_public = not any(address in network for network in _UNUSED_4)
    return "public" if is_public else "refused"
