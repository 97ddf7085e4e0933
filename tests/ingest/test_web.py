"""Fetching pages from real servers on loopback; public names and addresses lead there through a network of the test."""

from __future__ import annotations

import email.utils
import gzip
import ipaddress
import itertools
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpcore
import pytest

from ingest.temporary import load_as
from ingest.web.address import kind_of, parse_url
from ingest.web.content import in_utf8, media_type, suffix_for
from ingest.web.fetcher import Fetched, Fetcher, WebLimits, is_url
from ingest.web.robots import parse_robots
from ragbot.errors import LoaderError

PUBLIC = "93.184.215.14"
PAGE = "<html><head><title>检索</title></head><body><p>检索增强生成先找到相关的段落。</p></body></html>"
Route = Callable[[Any], None]


def reply(body: bytes | str, status: int = 200, **headers: str) -> Route:
    data = body.encode() if isinstance(body, str) else body

    def send(handler: Any) -> None:
        handler.send_response(status)
        for name, value in {"content_length": str(len(data)), **headers}.items():
            if value:
                handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(data)

    return send


def moved(place: str, status: int = 302) -> Route:
    return reply("", status, location=place)


class Site:
    """A web server; ``routes`` by path, and the paths and headers that were asked for."""

    def __init__(self) -> None:
        self.routes: dict[str, Route] = {}
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args: Any) -> None:
                """Silence."""

            def do_GET(self) -> None:
                site.asked.append(self.path)
                site.headers.append({name.lower(): value for name, value in self.headers.items()})
                self.close_connection = True
                route = site.routes.get(self.path) or reply("no", 404)
                with suppress(ConnectionError):
                    route(self)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.close()


class Reroute(httpcore.NetworkBackend):
    """Leads every connection to the test's server, and keeps where it was meant to go."""

    def __init__(self, site: Site) -> None:
        self.connected: list[tuple[str, int]] = []
        self._port = site.port

    def connect_tcp(self, host: str, port: int, timeout: float | None = None, *args: Any, **kwargs: Any) -> Any:
        self.connected.append((host, port))
        return httpcore.SyncBackend().connect_tcp("127.0.0.1", self._port, timeout)


class Names:
    """A look-up: by name, each call's answer in turn, the last for all that follow."""

    def __init__(self, **answers: Sequence[str] | list[Sequence[str]]) -> None:
        self.asked: list[str] = []
        self._answers = {name.replace("_", "."): value for name, value in answers.items()}

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        answer: Any = self._answers.get(host, [PUBLIC])
        if isinstance(answer[0], str):
            return answer  # type: ignore[no-any-return]
        return answer.pop(0) if len(answer) > 1 else answer[0]  # type: ignore[no-any-return]


def fetch(site: Site, path: str = "/p.html", **limits: float) -> Fetched:
    with Fetcher(WebLimits(**limits), allow_private=True, sleep=lambda _: None) as fetcher:  # type: ignore[arg-type]
        return fetcher.fetch(site.url + path)


def refused(site: Site, path: str = "/p.html", **limits: float) -> str:
    with pytest.raises(LoaderError) as caught:
        fetch(site, path, **limits)
    return str(caught.value)


# -- what is fetched -------------------------------------------------------------------------------------------------


def test_page(site: Site) -> None:
    site.routes["/%E9%A1%B5/p?q=%E4%B8%AD"] = reply(
        PAGE, content_type="text/html; charset=utf-8", etag='"a1"', last_modified="Sat, 01 Jun 2024 00:00:00 GMT"
    )
    with Fetcher(allow_private=True, user_agent="ragbot/9") as fetcher:
        fetched = fetcher.fetch(f"{site.url}/页/p?q=中#top")
        assert fetched.url == fetched.location == f"{site.url}/%E9%A1%B5/p?q=%E4%B8%AD"
        assert (fetched.etag, fetched.last_modified) == ('"a1"', "Sat, 01 Jun 2024 00:00:00 GMT")
        assert fetched.media_type == "text/html"
        assert fetched.path and fetched.path.suffix == ".html" and fetched.path.stem.isalnum()
        parsed = load_as(fetched.path, fetched.name)
        assert (parsed.title, parsed.text) == ("检索", "检索增强生成先找到相关的段落。")
    assert not fetched.path.parent.exists()
    assert site.asked == ["/robots.txt", "/%E9%A1%B5/p?q=%E4%B8%AD"]
    assert site.headers[1]["user-agent"] == "ragbot/9"
    assert site.headers[1]["host"] == f"127.0.0.1:{site.port}"
    assert "cookie" not in site.headers[1] and "authorization" not in site.headers[1]


def test_unchanged_page(site: Site) -> None:
    site.routes["/p.html"] = reply("", 304, etag='"a1"', content_length="")
    with Fetcher(allow_private=True) as fetcher:
        fetched = fetcher.fetch(f"{site.url}/p.html", etag='"a1"', last_modified="Sat, 01 Jun 2024 00:00:00 GMT")
    assert fetched.path is None and fetched.etag == '"a1"'
    assert site.headers[-1]["if-none-match"] == '"a1"'
    assert "304" in refused(site)  # an answer to a question that was not asked


def test_no_proxy_of_the_environment_and_no_cookies(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    site.routes["/a"] = reply("", 302, location="/p.html", set_cookie="id=1")
    site.routes["/p.html"] = reply(PAGE, content_type="text/html")
    fetch(site, "/a")
    assert "cookie" not in site.headers[-1]


@pytest.mark.parametrize(
    ("pack", "encoding"),
    [
        (gzip.compress, "gzip"),
        (gzip.compress, "X-GZip"),
        (zlib.compress, "deflate"),
        (lambda data: zlib.compress(data)[2:-4], "deflate"),
        (bytes, "identity"),
    ],
)
def test_content_encodings(site: Site, pack: Callable[[bytes], bytes], encoding: str) -> None:
    site.routes["/p.html"] = reply(pack(PAGE.encode()), content_type="text/html", content_encoding=encoding)
    assert fetch(site).size == len(PAGE.encode())


@pytest.mark.parametrize(
    ("kind", "url", "data", "suffix"),
    [
        ("text/html", "/x", b"x", ".html"),
        ("text/plain", "/a/readme.MD", b"# x", ".md"),
        ("text/plain", "/a/x.pdf", b"x", ".txt"),
        ("", "/a", b"\n<!DOCTYPE html><p>x", ".html"),
        ("", "/a", b"words", ".txt"),
        ("application/octet-stream", "/a/t.csv", b"a,b", ".csv"),
        ("text/html", "/a", b"%PDF-1.7 ...", ".pdf"),
        ("application/xhtml+xml", "/a", b"<html/>", ".html"),
    ],
)
def test_suffix(kind: str, url: str, data: bytes, suffix: str) -> None:
    assert suffix_for(kind, f"http://h{url}", data, "n") == suffix


@pytest.mark.parametrize(
    ("kind", "url", "data"),
    [
        ("image/png", "/x.html", b"x"),
        ("application/octet-stream", "/x.exe", b"MZ\x90\x00"),
        ("application/octet-stream", "/x../../../etc/passwd", b"\x7fELF\x02\x01\x01"),
    ],
)
def test_kinds_that_no_loader_reads(kind: str, url: str, data: bytes) -> None:
    with pytest.raises(LoaderError, match="no loader reads"):
        suffix_for(kind, f"http://h{url}", data, "n")


def test_charset_of_the_header_goes_before_the_page(site: Site) -> None:
    page = '<meta charset="big5"><title>检索</title><p>检索增强生成先找到相关的段落。</p>'.encode("gbk")
    site.routes["/p.html"] = reply(page, content_type="text/html; Charset='GB2312'")
    with Fetcher(allow_private=True) as fetcher:
        fetched = fetcher.fetch(f"{site.url}/p.html")
        assert fetched.path is not None
        assert load_as(fetched.path, fetched.name).text == "检索增强生成先找到相关的段落。"
    assert in_utf8(page, ".html", "iso-8859-1") == page
    assert in_utf8(page, ".html", "no-such") == page
    assert in_utf8(page, ".html", "base64") == page
    assert in_utf8(b"%PDF", ".pdf", "gbk") == b"%PDF"
    assert media_type('Text/HTML ; x=y; CHARSET="GBK"') == ("text/html", "gbk")


def test_title_of_a_text_is_its_name_in_the_url(site: Site) -> None:
    site.routes["/docs/%E8%AF%B4%E6%98%8E.txt"] = reply("十点开会。", content_type="text/plain")
    with Fetcher(allow_private=True) as fetcher:
        fetched = fetcher.fetch(f"{site.url}/docs/说明.txt")
        assert fetched.path is not None
        assert load_as(fetched.path, fetched.name).title == "说明"


# -- URLs ------------------------------------------------------------------------------------------------------------

SCHEMES = "file ftp gopher dict ldap javascript data ssh jar netdoc tftp sftp ws about blob view-source smb php".split()
LOCAL = ["127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001",
         "0", "0.0.0.0", "00.0.0.0", "0x0", "localhost", "LOCALHOST", "localhost.", "a.localhost", "[::1]", "[::]",
         "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]",
         "[2002:7f00:1::]", "[2001:0:7f00:1::]", "[fe80::1]", "[fe80::1%25eth0]", "[fc00::1]", "[fd00:ec2::254]",
         "[ff02::1]", "[fec0::1]", "[64:ff9b:1::1]", "[2001:db8::1]", "10.0.0.1", "10.255.255.255", "172.16.0.1",
         "172.31.255.255", "192.168.1.1", "169.254.169.254", "2852039166", "0xA9FEA9FE", "100.64.0.1",
         "100.100.100.200", "192.0.0.192", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
         "168.63.129.16", "192.0.2.1", "１２７.0.0.1", "①②⑦.0.0.1", "127。0。0。1", "127.0.0.1.", "1.2.3.4.5", "1.2.3",
         "256.1.1.1", "127.0.0.0x1", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ"]  # fmt: skip
HOSTS = ["", ".", "..", "a..b", "-a.b", "a b", "a\tb", "a\nb", "a\\b", "a%2eb", "a%00b", "a<b", "a|b", "a^b", "[", "]",
         "[::1", "::1", "[gg::1]", "[1.2.3.4]", "a" * 64, "a." * 130 + "b", "xn--\u0080", "a\u202eb", "\ud800"]  # fmt: skip
USERS = ["u@", "u:p@", ":@", "@", "a%40b@", "127.0.0.1@", "example.com:80@"]
PORTS = [":0", ":22", ":25", ":6379", ":11211", ":65536", ":-1", ":80a", ":99999999999", ": 80", ":8 0"]
HOSTILE = [
    *(f"{scheme}://example.com/a" for scheme in SCHEMES),
    *(f"{scheme}:/etc/passwd" for scheme in SCHEMES),
    *(f"http://{host}/{path}" for host in LOCAL for path in ("", "a?b=http://example.com/", "@example.com")),
    *(f"http://{host}/" for host in HOSTS),
    *(f"https://{user}example.com/" for user in USERS),
    *(f"http://{user}127.0.0.1/" for user in USERS),
    *(f"http://example.com{port}/" for port in PORTS),
    "http://example.com\\@127.0.0.1/", "http://127.0.0.1\\@example.com/", "http:\\\\example.com", "http:/example.com",
    "http:example.com", "http:///example.com", "//example.com/", "example.com", "", "http://", "https://?x", "http://#",
    "http://example.com/\r\nHost: x", "http://example.com/a b", "http://example.com/\x00", "http://exa\u00admple.com\u2028/",
    "http://example.com/" + "a" * 9000, " javascript:http://x", "http://example.com:80:80/", "http://[::1]:80@example.com/",
    "http://1.1.1.1&@127.0.0.1/", "http://127.0.0.1#@example.com/", "http://127.0.0.1?@example.com/", "\x01http://a/",
]  # fmt: skip


class NoNetwork(httpcore.NetworkBackend):
    def connect_tcp(self, *args: Any, **kwargs: Any) -> Any:
        raise AssertionError(f"a connection was made: {args}")


def inet(host: str, port: int) -> Sequence[str]:
    """What the most obliging resolver would say."""
    if "localhost" in host:
        return ["127.0.0.1"]
    raise AssertionError(f"asked for {host!r}")


def test_there_are_enough_hostile_urls() -> None:
    assert len(HOSTILE) >= 260


@pytest.mark.parametrize("url", HOSTILE)
def test_hostile_url(url: str) -> None:
    with Fetcher(look_up=inet, network=NoNetwork()) as fetcher, pytest.raises(LoaderError) as caught:
        fetcher.fetch(url)
    message = str(caught.value)
    message.encode()
    assert message.isprintable() and len(message) < 600
    assert ": " in message


def test_credentials_are_not_repeated() -> None:
    with pytest.raises(LoaderError) as caught:
        parse_url("https://anna:s3cret@example.com/a")
    assert "s3cret" not in str(caught.value) and "example.com" in str(caught.value)


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("HTTP://Example.COM", "http://example.com/"),
        ("https://example.com:443/a#b", "https://example.com/a"),
        ("http://example.com.:8080/?x", "http://example.com:8080/?x"),
        ("https://bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC"),
        ("https://中文.example/", "https://xn--fiq228c.example/"),
        (" http://[2606:2800:220:1:248:1893:25C8:1946]:81/ ", "http://[2606:2800:220:1:248:1893:25c8:1946]:81/"),
        ("http://93.184.215.14/a/@b:c", "http://93.184.215.14/a/@b:c"),
        ("http://3com.example/", "http://3com.example/"),
    ],
)
def test_good_urls(url: str, normal: str) -> None:
    assert parse_url(url).url == normal
    assert is_url(url)
    assert not is_url(normal.removeprefix("http"))


def test_kinds_of_addresses() -> None:
    for address in ("8.8.8.8", "1.1.1.1", "2606:4700::1111", "64:ff9b::8.8.8.8", "::ffff:8.8.8.8", "172.32.0.1"):
        assert kind_of(ipaddress.ip_address(address)) == "public", address
    for address in ("127.9.9.9", "10.1.1.1", "::1", "fd12::1", "::ffff:10.0.0.1", "64:ff9b::10.0.0.1", "100.127.0.1"):
        assert kind_of(ipaddress.ip_address(address)) == "private", address
    for address in (
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "64:ff9b::169.254.169.254",
        "fe80::1",
        "::",
        "0.0.0.0",
    ):
        assert kind_of(ipaddress.ip_address(address)) == "refused", address


# -- the guard -------------------------------------------------------------------------------------------------------


def test_connects_to_the_address_that_was_checked(site: Site) -> None:
    site.routes["/p.html"] = reply(PAGE, content_type="text/html")
    network, names = Reroute(site), Names(docs_example=[PUBLIC, "1.1.1.1"])
    with Fetcher(look_up=names, network=network) as fetcher:
        fetcher.fetch("http://docs.example/p.html")
    assert set(network.connected) == {(PUBLIC, 80)}
    assert {headers["host"] for headers in site.headers} == {"docs.example"}


@pytest.mark.parametrize("inside", ["127.0.0.1", "10.0.0.7", "169.254.169.254", "::1", "::ffff:192.168.0.1", "0.0.0.0"])
def test_names_with_addresses_inside(site: Site, inside: str) -> None:
    for answer in ([inside], [PUBLIC, inside]):
        network = Reroute(site)
        names = Names(docs_example=answer)
        with Fetcher(look_up=names, network=network) as fetcher, pytest.raises(LoaderError, match=r"docs\.example"):
            fetcher.fetch("http://docs.example/p.html")
        assert network.connected == []


def test_rebinding(site: Site) -> None:
    """First public, then private: no connection goes to an address that came of another look-up than was checked."""
    site.routes["/p.html"] = reply(PAGE, content_type="text/html")
    for turns in (1, 2):
        answers: list[Sequence[str]] = [[PUBLIC]] * turns + [["127.0.0.1"]]
        network = Reroute(site)
        with Fetcher(look_up=Names(docs_example=answers), network=network) as fetcher, suppress(LoaderError):
            fetcher.fetch("http://docs.example/p.html")
        assert {address for address, _ in network.connected} <= {PUBLIC}
        assert len(network.connected) == (2 if turns == 2 else 0)


@pytest.mark.parametrize("allow_private", [False, True])
@pytest.mark.parametrize(
    "place",
    [
        "http://127.0.0.1/", "http://localhost/", "http://intranet.example/", "//10.0.0.1/", "http://[::1]/",
        "http://169.254.169.254/latest/meta-data/", "http://0x7f.1/", "file:///etc/passwd", "http://u:p@docs.example/",
        "http://docs.example:6379/", "gopher://docs.example/", "http://2130706433/", "\\\\evil\\x", "http://",
    ],
)  # fmt: skip
def test_redirects_into_the_private_network(site: Site, place: str, allow_private: bool) -> None:
    site.routes["/p.html"] = moved(place)
    network = Reroute(site)
    names = Names(intranet_example=["10.0.0.1"], localhost=["127.0.0.1"])
    fetcher = Fetcher(look_up=names, network=network, allow_private=allow_private)
    with fetcher, pytest.raises(LoaderError):
        fetcher.fetch("http://docs.example/p.html")
    assert {address for address, _ in network.connected} == {PUBLIC}


def test_private_host_named_on_purpose(site: Site) -> None:
    site.routes["/p.html"] = reply(PAGE, content_type="text/html")
    with Fetcher() as fetcher, pytest.raises(LoaderError, match="allow private hosts"):
        fetcher.fetch(f"{site.url}/p.html")
    assert site.asked == []
    assert fetch(site).size
    site.routes["/a"] = moved(f"http://localhost:{site.port}/p.html")
    assert fetch(site, "/a").location == f"http://localhost:{site.port}/p.html"
    site.routes["/b"] = moved("http://127.0.0.1:9200/_search")
    assert "another port" in refused(site, "/b")
    site.routes["/c"] = moved("http://169.254.169.254/")
    assert "never connected" in refused(site, "/c")


def test_redirects(site: Site) -> None:
    for hop in range(100):
        site.routes[f"/{hop}"] = moved(f"/{hop + 1}", [301, 302, 303, 307, 308][hop % 5])
    assert "more than 5 times" in refused(site, "/0")
    assert site.asked == ["/robots.txt", *(f"/{hop}" for hop in range(6))]
    site.routes["/5"] = reply(PAGE, content_type="text/html")
    fetched = fetch(site, "/0")
    assert (fetched.url, fetched.location) == (f"{site.url}/0", f"{site.url}/5")


def test_redirect_from_https_to_http_is_refused(monkeypatch: pytest.MonkeyPatch, site: Site) -> None:
    class Plain(httpcore.NetworkStream):
        """TLS, for the test: nothing."""

        def __init__(self, stream: Any) -> None:
            self.read, self.write, self.close = stream.read, stream.write, stream.close

        def start_tls(self, ssl_context: Any, server_hostname: str | None = None, timeout: Any = None) -> Any:
            seen.append(server_hostname)
            return self

    class Tls(Reroute):
        def connect_tcp(self, *args: Any, **kwargs: Any) -> Any:
            return Plain(super().connect_tcp(*args, **kwargs))

    seen: list[str | None] = []
    site.routes["/p.html"] = moved("http://docs.example/q")
    fetcher = Fetcher(look_up=Names(), network=Tls(site))
    with fetcher, pytest.raises(LoaderError, match="from https to http"):
        fetcher.fetch("https://docs.example/p.html")
    assert seen == ["docs.example", "docs.example"]  # the certificate is checked against the name, not the address


# -- servers that do harm --------------------------------------------------------------------------------------------


def endless(handler: Any) -> None:
    handler.send_response(200)
    handler.send_header("content-type", "text/plain")
    handler.end_headers()
    while True:
        handler.wfile.write(b"a" * 65536)


def drip(first: bytes, byte: bytes) -> Route:
    def send(handler: Any) -> None:
        handler.wfile.write(first)
        for _ in range(1000):
            handler.wfile.write(byte)
            time.sleep(0.05)

    return send


def test_endless_body(site: Site) -> None:
    site.routes["/p.html"] = endless
    assert "too large" in refused(site, max_bytes=3_000_000)


def test_body_that_announces_too_much(site: Site) -> None:
    site.routes["/p.html"] = reply("x", content_type="text/plain", content_length="99999999999")
    assert "too large" in refused(site)


@pytest.mark.parametrize("text", ["body", "head", "status"])
def test_slow_drip(site: Site, text: str) -> None:
    first = {"body": b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n", "head": b"HTTP/1.1 200 OK\r\nX: ",
             "status": b"HTTP/1.1 200 "}[text]  # fmt: skip
    site.routes["/p.html"] = drip(first, b"a")
    began = time.monotonic()
    assert "too slow" in refused(site, seconds=1.0)
    assert time.monotonic() - began < 5


def test_endless_interim_answers(site: Site) -> None:
    site.routes["/p.html"] = drip(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n")
    assert "too slow" in refused(site, seconds=1.0)


def test_silence(site: Site) -> None:
    release = threading.Event()
    site.routes["/p.html"] = lambda handler: release.wait(20) and None
    assert "0.3 s without an answer" in refused(site, patience=0.3)
    began = time.monotonic()
    assert "over 0.6 s in all" in refused(site, seconds=0.6)
    assert time.monotonic() - began < 5
    release.set()


def test_endless_header(site: Site) -> None:
    def send(handler: Any) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for number in itertools.count():
            handler.wfile.write(b"X-%d: %s\r\n" % (number, b"a" * 5000))

    site.routes["/p.html"] = send
    assert "cannot be fetched" in refused(site)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_packed_bomb(site: Site, encoding: str) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31 if encoding == "gzip" else 15)
    data = b"".join(packer.compress(bytes(1 << 20)) for _ in range(50)) + packer.flush()
    site.routes["/p.html"] = reply(data, content_type="text/plain", content_encoding=encoding)
    assert "too large" in refused(site, max_bytes=2_000_000)


def test_encodings_that_were_not_asked_for(site: Site) -> None:
    for encoding in ("br", "zstd", "gzip, gzip", "compress"):
        site.routes["/p.html"] = reply(PAGE, content_type="text/html", content_encoding=encoding)
        assert "not asked for" in refused(site)


def test_damaged_and_cut_bodies(site: Site) -> None:
    packed = gzip.compress(PAGE.encode())
    site.routes["/p.html"] = reply(packed[:-6], content_type="text/html", content_encoding="gzip")
    assert "damaged" in refused(site)
    site.routes["/p.html"] = reply(b"no gzip", content_type="text/html", content_encoding="gzip")
    assert "damaged" in refused(site)
    site.routes["/p.html"] = reply(PAGE, content_type="text/html", content_length="5000")
    assert "cannot be fetched" in refused(site)
    site.routes["/p.html"] = lambda handler: handler.wfile.write(b"220 smtp ready\r\n\r\n") and None
    assert "cannot be fetched" in refused(site)
    site.routes["/p.html"] = reply(" \n", content_type="text/html")
    assert "empty" in refused(site)


@pytest.mark.parametrize(("status", "words"), [(401, "password"), (403, "programs"), (404, "spelling"), (500, "later")])
def test_status(site: Site, status: int, words: str) -> None:
    site.routes["/p.html"] = reply("no", status)
    message = refused(site)
    assert str(status) in message and words in message


def test_server_that_is_not_there() -> None:
    with Fetcher(allow_private=True) as fetcher, pytest.raises(LoaderError, match=r"robots\.txt"):
        fetcher.fetch("http://127.0.0.1:1024/")


def test_unknown_host(offline: None) -> None:
    with Fetcher() as fetcher, pytest.raises(LoaderError, match="is not known"):
        fetcher.fetch("http://nowhere.example/")


# -- servers that are busy -------------------------------------------------------------------------------------------


def test_busy_server(site: Site) -> None:
    waits: list[float] = []

    def run(*answers: Route) -> Fetched:
        turns = iter(answers)
        site.routes["/p.html"] = lambda handler: next(turns)(handler)
        with Fetcher(allow_private=True, sleep=waits.append) as fetcher:
            return fetcher.fetch(f"{site.url}/p.html")

    good = reply(PAGE, content_type="text/html")
    soon = email.utils.formatdate(time.time() + 20, usegmt=True)
    assert run(reply("", 503), reply("", 429, retry_after="7"), good).size
    assert waits == [1.0, 7.0]
    assert run(reply("", 503, retry_after=soon), good).size
    assert 15 < waits[2] <= 20
    assert run(reply("", 503, retry_after="soon"), good).size
    with pytest.raises(LoaderError, match="asks to wait 3,600 s"):
        run(reply("", 429, retry_after="3600"), good)
    with pytest.raises(LoaderError, match="answered 503: try again later"):
        run(reply("", 503), reply("", 503), reply("", 503), good)


# -- robots.txt ------------------------------------------------------------------------------------------------------


def test_robots(site: Site) -> None:
    site.routes["/robots.txt"] = reply("User-agent: ragbot\nDisallow: /private\n")
    site.routes["/a"] = site.routes["/b"] = site.routes["/private"] = reply(PAGE, content_type="text/html")
    site.routes["/c"] = moved("/private")
    with Fetcher(allow_private=True, user_agent="ragbot/1.0") as fetcher:
        fetcher.fetch(f"{site.url}/a")
        fetcher.fetch(f"{site.url}/b")
        for path in ("/private", "/%70rivate", "/c"):
            with pytest.raises(LoaderError, match=r"excluded by the server's robots\.txt"):
                fetcher.fetch(site.url + path)
    assert site.asked == ["/robots.txt", "/a", "/b", "/c"]


@pytest.mark.parametrize(
    ("route", "fine"),
    [
        (reply("", 404), True),
        (reply("", 403), True),
        (reply("", 500), False),
        (reply("", 429), False),
        (endless, True),
        (reply(b"\xff\xfe\x00 rubbish"), True),
        (moved("/robots2.txt"), False),
        (moved("http://169.254.169.254/"), False),
        (moved("/robots.txt"), False),
        (drip(b"", b"H"), False),
    ],
)
def test_robots_that_cannot_be_had(site: Site, route: Route, fine: bool) -> None:
    site.routes["/robots.txt"] = route
    site.routes["/robots2.txt"] = reply("User-agent: *\nDisallow: /")
    site.routes["/p.html"] = reply(PAGE, content_type="text/html")
    if fine:
        assert fetch(site).size
    else:
        assert "robots.txt" in refused(site, patience=2.0, seconds=3.0)
        assert "/p.html" not in site.asked


ROBOTS = """
User-agent: *
Disallow: /          # everybody else

User-Agent: RagBot/2.0 (documents)
User-agent: other
Crawl-delay: 3
Disallow: /a
Allow: /a/b
Disallow: /*.gif$
Disallow: /x*y*z
Disallow: /中
Disallow:
Allow: /same
Disallow: /same
Sitemap: http://x/

User-agent: ragbot
Disallow: /more
"""


def test_rules_of_robots() -> None:
    rules = parse_robots(ROBOTS, "ragbot")
    allowed = {path: rules.allows(path) for path in (
        "/", "/a", "/ab", "/a/b/c", "/i.gif", "/i.gif?x", "/xyz", "/x1y2z3", "/xzy", "/%E4%B8%AD/x", "/中", "/same",
        "/more", "/robots.txt")}  # fmt: skip
    assert [path for path, is_allowed in allowed.items() if not is_allowed] == [
        "/a", "/ab", "/i.gif", "/xyz", "/x1y2z3", "/%E4%B8%AD/x", "/中", "/more"
    ]  # fmt: skip
    assert not parse_robots(ROBOTS, "stranger").allows("/a/b")
    assert parse_robots("Disallow: /", "ragbot").allows("/a")
    assert parse_robots("", "ragbot").allows("/a")


def test_robots_of_many_stars_is_fast() -> None:
    text = "User-agent: *\n" + "Disallow: /" + "*a" * 19 + "$\n" * 1 + ("Disallow: /" + "*a" * 5000 + "\n") * 5
    began = time.perf_counter()
    assert parse_robots(text, "ragbot").allows("/" + "a" * 8000 + "b")
    assert time.perf_counter() - began < 2


def test_files_lie_in_a_private_folder(site: Site, tmp_path: Path) -> None:
    site.routes["/..%2f..%2fetc%2fpasswd.html"] = reply(PAGE, content_type="text/html")
    with Fetcher(allow_private=True) as fetcher:
        fetched = fetcher.fetch(f"{site.url}/..%2f..%2fetc%2fpasswd.html")
        assert fetched.path is not None
        assert fetched.path.parent.stat().st_mode & 0o077 == 0
        assert fetched.path.stem.isalnum() and "passwd" not in fetched.path.name
        assert "/" not in fetched.name
