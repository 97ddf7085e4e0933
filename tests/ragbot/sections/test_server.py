"""``[server]``: values that it takes, and those that it does not."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from ragbot.sections.server import ServerSettings


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("allowed_hosts", ["rag.example.org", "*.intranet", "[fd00::1]", "192.0.2.7", "Büro"]),
        ("cors_origins", ["https://app.example.org", "http://localhost:3000"]),
        ("traces", "http://127.0.0.1:4318/v1/traces"),
        ("traces", "console"),
    ],
)
def test_what_is_taken(key: str, value: Any) -> None:
    if "Büro" in value:
        with pytest.raises(ValidationError, match="no host"):  # a browser sends it as xn--bro-hoa
            ServerSettings(**{key: value})
        value = value[:-1]
    assert getattr(ServerSettings(**{key: value}), key) == value


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("allowed_hosts", ["http://rag.example.org"]),
        ("allowed_hosts", ["rag.example.org:80"]),
        ("allowed_hosts", ["*"]),
        ("allowed_hosts", [""]),
        ("cors_origins", ["*"]),
        ("cors_origins", ["null"]),
        ("cors_origins", ["app.example.org"]),
        ("cors_origins", ["https://app.example.org/path"]),
        ("cors_origins", ["https://user@app.example.org/x"]),
        ("traces", "127.0.0.1:4318"),
        ("slots", 0),
        ("queue", -1),
        ("port", 70000),
        ("log", "xml"),
        ("no_such", 1),
    ],
)
def test_what_is_refused(key: str, value: Any) -> None:
    with pytest.raises(ValidationError):
        ServerSettings(**{key: value})


def test_names_are_compared_in_small_letters() -> None:
    assert ServerSettings(allowed_hosts=["RAG.Example.org"]).allowed_hosts == ["rag.example.org"]
    assert ServerSettings(cors_origins=["HTTPS://App.example.org/"]).cors_origins == ["https://app.example.org"]
