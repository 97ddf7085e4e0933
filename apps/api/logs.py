"""Lines of the log: one JSON object each, or text for people. No text of a document ever stands in them."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ragbot.sections.server import LogName

#: What is told about requests.
REQUESTS = logging.getLogger("apps.api.requests")
#: Under this name a record carries the fields of its line.
FIELDS = "ragbot_fields"


def tell(fields: Mapping[str, Any]) -> None:
    """Write the line of a request."""
    REQUESTS.info("request", extra={FIELDS: fields})


class JsonFormatter(logging.Formatter):
    """A record as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """See :class:`logging.Formatter`."""
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {"time": moment, "level": record.levelname.lower(), "event": record.getMessage()}
        fields = getattr(record, FIELDS, None)
        if fields is None:
            line["logger"] = record.name
        else:
            line |= fields
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        # Only ASCII: whatever stands in a name cannot begin a new line, or steer a terminal.
        return json.dumps(line, default=str)


class TextFormatter(logging.Formatter):
    """A record as one line for people."""

    def format(self, record: logging.LogRecord) -> str:
        """See :class:`logging.Formatter`."""
        fields = getattr(record, FIELDS, None)
        if fields is None:
            return f"{record.levelname.lower()}: {super().format(record)}"
        seconds = fields.get("seconds", 0.0)
        rest = " ".join(f"{name}={json.dumps(value)}" for name, value in fields.items() if name not in _SHOWN)
        return f"{fields.get('status')} {fields.get('method')} {fields.get('route')} {seconds * 1000:.0f} ms {rest}"


_SHOWN = {"status", "method", "route", "seconds"}


def set_up(kind: LogName, everything: bool = False) -> None:
    """Send lines about requests to standard error; a second call replaces the first.

    Args:
        kind: how; ``none``: no lines about requests.
        everything: also the rest of the log, of a worker process, which has no terminal of its own.
    """
    handler = _Handler(sys.stderr)
    handler.setFormatter(TextFormatter() if kind == "text" else JsonFormatter())
    _replace(REQUESTS, None if kind == "none" else handler)
    REQUESTS.propagate = False
    REQUESTS.setLevel(logging.INFO)
    if everything:
        _replace(logging.getLogger(), handler)
        logging.getLogger().setLevel(logging.WARNING)
        logging.captureWarnings(True)


class _Handler(logging.StreamHandler[Any]):
    """Ours, so that it can be told from others."""


def _replace(logger: logging.Logger, handler: logging.Handler | None) -> None:
    for old in [old for old in logger.handlers if isinstance(old, _Handler)]:
        logger.removeHandler(old)
    if handler is not None:
        logger.addHandler(handler)
