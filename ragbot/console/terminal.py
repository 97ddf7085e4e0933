"""Where a command writes: answers on standard output, everything else on standard error."""

from __future__ import annotations

import contextlib
import json
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from ragbot.console.jsonout import plain
from ragbot.console.wrap import wrap

#: Characters that steer a terminal or reorder what it shows: C0 without tab and newline, DEL, C1, and bidi overrides.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_C1 = re.compile(r"[\x7f-\x9f]")
#: Longer lines are hard to read, however wide the terminal is.
_WIDEST = 100


def clean(text: str) -> str:
    """``text`` without the characters that steer a terminal; text of documents passes here before it is printed."""
    return _CONTROL.sub("", text)


class Terminal:
    """The two streams of a command.

    Args:
        as_json: standard output takes one JSON object and nothing else.
        verbose: tracebacks of unexpected errors are shown.
        quiet: no notes and no progress.
    """

    def __init__(self, as_json: bool = False, verbose: int = 0, quiet: bool = False) -> None:
        self.as_json = as_json
        self.verbose = verbose
        self.quiet = quiet
        self._stdout = sys.stdout
        # Bytes that are no text are no reason to stop.
        for stream, errors in (
            (sys.stdin, "replace"),
            (sys.stdout, "backslashreplace"),
            (sys.stderr, "backslashreplace"),
        ):
            if isinstance(stream, TextIOWrapper):
                stream.reconfigure(errors=errors)
        self.out = Console(file=sys.stdout, highlight=False, markup=False, emoji=False)
        self.err = Console(file=sys.stderr, highlight=False, markup=False, emoji=False)

    # -- standard output -----------------------------------------------------------------------------------------

    def json(self, value: Any, indent: int | None = 1) -> None:
        """Print the one JSON object of a command, or without ``indent`` a line of many."""
        encoding = (getattr(self._stdout, "encoding", None) or "utf-8").lower().replace("-", "")
        text = json.dumps(value, ensure_ascii=encoding != "utf8", indent=indent, allow_nan=False)
        text = _C1.sub(lambda match: f"\\u{ord(match.group()):04x}", text)
        self._stdout.write(text + "\n")
        self._stdout.flush()

    def show(self, value: Any, render: Callable[[Terminal, Any], None]) -> None:
        """Print the result of a command: as its JSON object, or as ``render(self, value)`` does it for people."""
        if self.as_json:
            self.json(plain(value))
        else:
            render(self, value)

    def line(self, text: str = "", style: str = "", indent: int = 0, hang: int = 0) -> None:
        """Print text behind ``indent`` spaces; on a terminal it is wrapped, further rows ``hang`` spaces deeper."""
        body = clean(text).expandtabs(4)
        width = max(min(self.out.width, _WIDEST) - indent - hang, 20)
        for number, row in enumerate(wrap(body, width) if self.out.is_terminal else body.split("\n")):
            depth = indent + hang if number else indent
            self.out.print(Text(f"{' ' * depth}{row}".rstrip(), style), soft_wrap=True)

    def piece(self, text: str) -> None:
        """Print a piece of a text that is still being made."""
        self._stdout.write(clean(text))
        self._stdout.flush()

    def columns(self, rows: Sequence[Sequence[str]], indent: int = 0, right: Sequence[int] = ()) -> None:
        """Print rows in aligned columns (Chinese counts double); ``right`` lists columns set to the right."""
        table = [[" ".join(clean(cell).split()) for cell in row] for row in rows]
        widths = [max(map(cell_len, column)) for column in zip(*table, strict=True)]
        for row in table:
            cells = []
            for number, (cell, width) in enumerate(zip(row, widths, strict=True)):
                gap = " " * (width - cell_len(cell))
                cells.append(gap + cell if number in right else cell + gap)
            self.out.print(Text(" " * indent + "  ".join(cells).rstrip()), soft_wrap=True)

    # -- standard error ------------------------------------------------------------------------------------------

    def note(self, text: str, style: str = "dim") -> None:
        """Say something beside the result; --quiet silences it."""
        if not self.quiet:
            self.err.print(Text(clean(text), style), soft_wrap=True)

    @contextmanager
    def working(self, text: str) -> Iterator[None]:
        """Show that something takes its time, where somebody is looking."""
        busy = self.err.is_terminal and not self.quiet
        with self.err.status(text) if busy else contextlib.nullcontext():
            yield

    def fail(self, kind: str, message: str) -> None:
        """Say what went wrong: on standard error, and with --json as the object."""
        if self.as_json:
            self.json({"error": {"type": kind, "message": message}})
        else:
            self.err.print(Text.assemble(("error: ", "bold red"), clean(message)), soft_wrap=True)

    def crash(self, error: BaseException) -> None:
        """Report an error that nobody foresaw; the traceback only with --verbose."""
        if self.verbose:
            self.err.print(Text(clean("".join(traceback.format_exception(error)))), soft_wrap=True)
        reason = " ".join(str(error).split()) or "no message"
        hint = "" if self.verbose else "; run again with --verbose for where it happened"
        self.fail(type(error).__name__, f"unexpected {type(error).__name__}: {reason}{hint}")
