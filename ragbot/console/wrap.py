"""Lines of a given width for Chinese and English mixed: Han characters take two columns and may break anywhere."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rich.cells import cell_len

_WIDE = "\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff00-\uffef\U00020000-\U0003fffd"
_CLOSERS = "，。！？、；：”’）】》」』…"
_OPENERS = "“‘（【《「『"
#: A word with the marks that must not start or end a line, or white space.
_TOKEN = re.compile(rf"\s+|[{_OPENERS}]*(?:[^\s{_WIDE}{_OPENERS}]+|[{_WIDE}]|[{_OPENERS}])[{_CLOSERS}]*")


def wrap(text: str, width: int) -> Iterator[str]:
    """Yield the lines of ``text``, none wider than ``width`` columns where its words allow that."""
    for line in text.split("\n"):
        row, used = "", 0
        for token in _TOKEN.findall(line):
            size = cell_len(token)
            if row and used + size > width and not token.isspace():
                yield row.rstrip()
                row, used = "", 0
            row += token
            used += size
        yield row.rstrip()
