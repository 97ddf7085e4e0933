"""What goes wrong with services, and how it ends: in time, without much memory, and without a key in a message."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest

from agents.tools.net.cleaning import one_line
from agents.tools.net.client import JsonService, ServiceError
from agents.tools.net.texts import outage
from tests.agents.tools.net.providers import KEY, Providers


def service(providers: Providers, **options: Any) -> JsonService:
    options = {"timeout": 5.0, "sleep": lambda _: None, **options}
    return JsonService(providers.url, headers={"authorization": f"Bearer {KEY}"}, **options)


@pytest.mark.parametrize(
    ("fault", "problem", "detail", "requests"),
    [
        ("429", "limit", "", 2),
        ("429 1", "limit", "1", 2),
        ("429 3600", "limit", "3600", 1),
        ("429 Wed, 21 Oct 2026 07:28:00 GMT", "limit", "", 2),
        ("500", "server", "500", 2),
        ("503", "server", "503", 2),
        ("401", "denied", "401", 1),
        ("403", "denied", "403", 1),
        ("404", "status", "404", 1),
        ("302", "status", "302", 1),
        ("broken", "garbled", "", 1),
        ("html", "garbled", "", 1),
        ("nesting", "garbled", "", 1),
        ("huge", "large", "4", 1),
        ("closed", "away", "", 2),
    ],
)
def test_faults(providers: Providers, fault: str, problem: str, detail: str, requests: int) -> None:
    providers.fault = fault
    with pytest.raises(ServiceError) as caught:
        service(providers).get("/v1/search", {"name": "x"})
    assert (caught.value.problem, caught.value.detail) == (problem, detail)
    assert len(providers.asked) == requests
    assert KEY not in str(caught.value) and providers.url not in str(caught.value)


@pytest.mark.parametrize("fault", ["500", "429", "503", "closed"])
def test_what_passes_is_tried_again(providers: Providers, fault: str) -> None:
    providers.fault, providers.faults = fault, 1
    slept: list[float] = []
    found = service(providers, sleep=slept.append).get("/v1/search", {"name": "北京", "language": "zh"})
    assert found["results"][0]["name"] == "北京"
    assert slept == [0.5]


@pytest.mark.parametrize("fault", ["slow", "drip"])
def test_a_slow_service_is_given_up(providers: Providers, fault: str) -> None:
    providers.fault = fault
    began = time.monotonic()
    with pytest.raises(ServiceError) as caught:
        service(providers, timeout=0.5).get("/v1/search", {"name": "x"})
    assert (caught.value.problem, caught.value.detail) == ("timeout", "0.5")
    assert time.monotonic() - began < 5


def test_nobody_there() -> None:
    with socket.socket() as taken:  # bound and not listening: refused
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(ServiceError, match="offline"):
            JsonService(f"http://127.0.0.1:{taken.getsockname()[1]}").get("/x", {})


@pytest.mark.usefixtures("offline")
def test_no_network() -> None:
    with pytest.raises(ServiceError, match="offline"):
        JsonService("http://api.example.org").get("/x", {})


def test_the_environment_adds_nothing(providers: Providers, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    service(providers).get("/v1/search", {"name": "北京"})
    assert providers.asked[0].query["name"] == "北京"


def test_the_proxy_of_the_settings_is_used(providers: Providers) -> None:
    with pytest.raises(ServiceError):
        JsonService("http://api.example.org", proxy=providers.url).get("/x", {})
    assert providers.asked[0].headers["host"] == "api.example.org"


def test_texts_of_all_problems() -> None:
    for problem in (
        "offline",
        "away",
        "timeout",
        "limit",
        "denied",
        "key",
        "setup",
        "server",
        "status",
        "garbled",
        "large",
    ):
        for language in ("en", "zh"):
            text = str(outage(language, "X", ServiceError(problem, "7"), "!"))  # type: ignore[arg-type]
            assert text.startswith(("X", "The connection to X", "无法连接X", "与X")) and text.endswith("!")
    assert "7 seconds" in str(outage("en", "X", ServiceError("limit", "7"), ""))
    assert "要求等待 7 秒" in str(outage("zh", "X", ServiceError("limit", "7"), ""))
    assert "wait" not in str(outage("en", "X", ServiceError("limit"), ""))


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("a <b>b</b>\n\tc &amp; d", "a b c & d"),
        ("价格\u202e倒\u200b写\x00", "价格倒写"),
        ("x" * 30, "x" * 9 + "…"),
        (None, ""),
        (3, ""),
        ("1 < 2", "1 < 2"),
    ],
)
def test_one_line(value: object, line: str) -> None:
    assert one_line(value, 10 if value == "x" * 30 else 40) == line
