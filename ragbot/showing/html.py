"""Text as HTML in which nothing of it is interpreted, and the small parts that all pages are made of."""

from __future__ import annotations

import re
from pathlib import Path

from ragbot.showing.words import say

#: The stylesheet of everything in this package: classes ``rb-…``, light and dark.
STYLE = Path(__file__).with_name("showing.css").read_text(encoding="utf-8")

#: Characters of what shows under the pointer.
_HINT = 500
_LINE_ENDS = re.compile(r"\r\n?|[\n\x0b\x0c\x85\u2028\u2029]")
#: What no text has (halves of surrogate pairs, noncharacters) is shown as missing.
_MISSING = re.compile("[\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
#: Characters that turn the direction of what follows them: a name could be shown from its end.
_TURNS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")
#: Every ASCII sign but letters, digits and the space, as a character reference.
_REFERENCES = {code: f"&#{code};" for code in range(9, 127) if not (chr(code).isalnum() or chr(code) in " \n")}


def safe(text: str, line_break: str = "<br>") -> str:
    """Text as HTML, on a single line, in which every ASCII sign is a character reference.

    Escaping ``<`` and ``&`` is enough for HTML, but pages render Markdown, too: references are never Markdown, so this
    holds for any syntax that a renderer knows or will know. A single line, because a blank one would end the HTML
    block. It is fit for attributes in double quotes; give ``" "`` for the ``line_break`` there.

    Args:
        text: of anybody.
        line_break: what stands for the end of a line; it is not escaped.
    """
    shown = _MISSING.sub("\N{REPLACEMENT CHARACTER}", _TURNS.sub("", _CONTROL.sub(" ", _LINE_ENDS.sub("\n", text))))
    return shown.translate(_REFERENCES).replace("\n", line_break)


def block(content: str, kind: str = "", **attributes: str) -> str:
    """An element of class ``rb``, the outermost of what a function of this package returns.

    Args:
        content: HTML.
        kind: further classes.
        attributes: by name, as text; an underscore stands for a hyphen.
    """
    listed = "".join(f' {name.replace("_", "-")}="{safe(value, " ")}"' for name, value in attributes.items())
    return f'<div class="{f"rb {kind}".strip()}"{listed}>{content}</div>'


def chip(text: str, kind: str = "", hint: str = "") -> str:
    """A short word in a frame; the hint shows when the pointer rests on it."""
    title = f' title="{safe(hint, " ")}"' if hint else ""
    return f'<span class="{f"rb-chip {kind}".strip()}"{title}>{safe(text, " ")}</span>'


def note(text: str, kind: str = "") -> str:
    """A quiet line."""
    return f'<p class="{f"rb-note {kind}".strip()}">{safe(text)}</p>'


def note_html(text: str) -> str:
    """A quiet line by itself, such as what stands where nothing is yet."""
    return block(note(text))


def shortened(text: str, limit: int) -> str:
    """``text`` on one line of at most ``limit`` characters."""
    line = " ".join(text[: 4 * limit + 64].split())
    return line if len(line) <= limit and len(text) <= 4 * limit + 64 else f"{line[: limit - 1].rstrip()}…"


def file_name(source: str) -> str:
    """The last part of a source: a file's name without its folders, of an address what stands behind its last slash."""
    return source.replace("\\", "/").rstrip("/").rpartition("/")[2] or source


def tip(text: str) -> str:
    """A text for an attribute, of reasonable length: what shows when the pointer rests on an element."""
    return safe(shortened(text, _HINT), " ")


def place(title: str, source: str, page: int | None, heading: str, language: str) -> str:
    """Where something stands: title, then file, page and headings; the whole source shows under the pointer."""
    name = file_name(source)
    heading = heading.removeprefix(title).removeprefix(" > ") if title else heading  # it often begins with the title
    parts = [name if name != title else "", say(language, "page", page=page) if page else "", heading]
    rest = '<span class="rb-dot"> · </span>'.join(
        f"<span>{safe(shortened(part, 200), ' ')}</span>" for part in parts if part
    )
    shown = safe(shortened(title or name, 200), " ")
    return f'<span class="rb-title">{shown}</span> <span class="rb-where" title="{tip(source)}">{rest}</span>'
