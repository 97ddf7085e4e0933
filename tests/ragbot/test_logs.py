"""The log of the command line."""

from __future__ import annotations

import io
import logging

import pytest

from ragbot.console.logs import TerminalHandler
from ragbot.console.terminal import Terminal


def test_a_closed_stream_stops_no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    handler = TerminalHandler(Terminal())
    record = logging.LogRecord("ragbot.test", logging.WARNING, __file__, 1, "a document is damaged", None, None)
    handler.handle(record)
    assert "warning: a document is damaged" in stream.getvalue()
    monkeypatch.setattr("sys.stderr", io.StringIO())
    stream.close()
    handler.handle(record)  # a daemon's terminal that is gone must not end its work
