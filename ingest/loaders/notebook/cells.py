"""The cells of a Jupyter notebook, in the formats 3 and 4 of nbformat, as plain values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ingest.loaders.cleaning import clean

#: A result is there to be recognised; the rest of a long one is data, or the log of a training run.
MAX_OUTPUT = 4_000
MAX_OUTPUTS = 50  # of one cell
#: What is kept of a long output: its beginning, and the end, where errors and totals stand.
_HEAD, _TAIL = 3_000, 1_000
_ANSI = re.compile(r"\x1b\[[0-9;?]{0,40}[A-Za-z]|\x1b\][^\x07\x1b]{0,400}(?:\x07|\x1b\\)")
#: A progress bar rewrites its line: what stood there before was never meant to be read.
_REWRITTEN = re.compile(r"[^\r\n]*\r(?!\n)")
# The kinds of a result that are text, the most readable first; nbformat 3 has its own names for them.
_TEXTS = ("text/markdown", "text/plain", "text/latex", "application/json")
_TEXTS_3 = ("text", "latex", "json")
_IMAGES_3 = ("png", "jpeg", "svg", "pdf")


@dataclass(frozen=True, slots=True)
class Output:
    """What a cell printed, gave or failed with; ``omitted`` names what is no text (``image/png``)."""

    kind: Literal["output", "error"]
    text: str
    omitted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell: ``source`` is clean text. A heading cell of nbformat 3 is Markdown here."""

    kind: Literal["markdown", "code", "raw"]
    source: str
    language: str = ""
    outputs: tuple[Output, ...] = ()


def cells(notebook: Mapping[str, Any], major: int) -> Iterator[Cell]:
    """The cells of a parsed notebook; what has no place in the format is passed over."""
    language = kernel_language(notebook)
    for cell in _raw_cells(notebook, major):
        kind = cell.get("cell_type")
        if kind == "code":
            source = cell.get("source", cell.get("input"))
            own = cell.get("language")
            outputs = tuple(_outputs(cell.get("outputs")))
            yield Cell("code", joined(source), own if isinstance(own, str) else language, outputs)
        elif kind == "markdown":
            yield Cell("markdown", joined(cell.get("source")))
        elif kind == "heading":
            level = cell.get("level")
            marks = "#" * (level if isinstance(level, int) and 1 <= level <= 6 else 1)
            yield Cell("markdown", f"{marks} {' '.join(joined(cell.get('source')).split())}")
        else:  # "raw", and in nbformat 3 also "html" and "plaintext"
            yield Cell("raw", joined(cell.get("source")))


def kernel_language(notebook: Mapping[str, Any]) -> str:
    """The programming language of the kernel, in lower case, or ``""``."""
    metadata = mapping(notebook.get("metadata"))
    for block, key in (("language_info", "name"), ("kernelspec", "language"), ("kernel_info", "language")):
        name = mapping(metadata.get(block)).get(key)
        if isinstance(name, str) and re.fullmatch(r"[\w+#.-]{1,40}", name):
            return name.lower()
    return ""


def mapping(value: object) -> Mapping[str, Any]:
    """``value`` if it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def joined(value: object) -> str:
    """A multi-line string, which the format keeps as one string or as a list of its lines."""
    if isinstance(value, list):
        value = "".join(part for part in value if isinstance(part, str))
    return clean(value).strip("\n") if isinstance(value, str) else ""


def _raw_cells(notebook: Mapping[str, Any], major: int) -> Iterator[Mapping[str, Any]]:
    if major >= 4:
        yield from _mappings(notebook.get("cells"))
    else:
        for sheet in _mappings(notebook.get("worksheets")):
            yield from _mappings(sheet.get("cells"))


def _mappings(value: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))


def _outputs(value: object) -> Iterator[Output]:
    for number, raw in enumerate(_mappings(value)):
        if number == MAX_OUTPUTS:
            yield Output("output", "[… further outputs left out …]")
            return
        output = _output(raw)
        if output is not None:
            yield output


def _output(raw: Mapping[str, Any]) -> Output | None:
    kind = raw.get("output_type")
    if kind in {"error", "pyerr"}:
        trace = raw.get("traceback")
        lines = [line for line in trace if isinstance(line, str)] if isinstance(trace, list) else []
        text = "\n".join(lines) or f"{raw.get('ename', '')}: {raw.get('evalue', '')}"
        return Output("error", _bounded(text))
    if kind == "stream":
        return _kept(_shown(raw.get("text")), ())
    data = mapping(raw.get("data"))
    if data:  # nbformat 4
        text = next((_shown(data[name]) for name in _TEXTS if data.get(name)), "")
        return _kept(text, tuple(name for name in data if not name.startswith(("text/", "application/json"))))
    text = next((_shown(raw[name]) for name in _TEXTS_3 if raw.get(name)), "")
    return _kept(text, tuple(f"image/{name}" for name in _IMAGES_3 if name in raw))


def _kept(text: str, omitted: tuple[str, ...]) -> Output | None:
    names = tuple(clean(name)[:80] for name in omitted[:10])
    return Output("output", text, names) if text.strip() or names else None


def _shown(value: object) -> str:
    if isinstance(value, list):
        value = "".join(part for part in value if isinstance(part, str))
    return _bounded(value) if isinstance(value, str) else ""


def _bounded(text: str) -> str:
    """``text`` as a terminal shows it, cut in the middle if it is long; the cut says how much it left out."""
    left_out = 0
    if len(text) > 16 * MAX_OUTPUT:  # what is thrown away need not be cleaned
        left_out = len(text) - 16 * MAX_OUTPUT
        head, tail = _shown_as(text[: 8 * MAX_OUTPUT]), _shown_as(text[-8 * MAX_OUTPUT :])
    else:
        head = tail = _shown_as(text)
        if len(head) <= MAX_OUTPUT:
            return head
        left_out = -len(head)
    left_out += len(head) + len(tail) - _HEAD - _TAIL
    return f"{head[:_HEAD].rstrip()}\n[… {left_out:,} characters left out …]\n{tail[-_TAIL:].lstrip()}"


def _shown_as(text: str) -> str:
    return clean(_REWRITTEN.sub("", _ANSI.sub("", text))).strip("\n")
