"""Drawings by matplotlib that become part of a page: its fonts, its colours, and no two ids alike.

Words never reach matplotlib, which would measure them with fonts of its own (without Chinese) and read ``$`` as
mathematics. It sets a stand-in of the same width, and the word takes its place in the SVG.
"""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from ragbot.errors import MissingExtraError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Colours that most people tell apart who do not see all of them (Okabe & Ito 2008), by their names in the page.
BLUE, VERMILION, GREEN = "#0072b2", "#d55e00", "#009e73"
#: What takes the colour of the page's text, and of its lines. Not black: matplotlib leaves that out of the SVG.
INK, FAINT = "#101010", "#999999"
_COLOURS = {BLUE: "var(--c1)", VERMILION: "var(--c2)", GREEN: "var(--c3)", INK: "currentColor", FAINT: "var(--faint)"}
WIDTH = 4.4
_STYLE: Mapping[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "ragbot",
    "font.size": 10.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": FAINT,
    "axes.linewidth": 0.8,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "grid.color": FAINT,
    "grid.alpha": 0.35,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "text.parse_math": False,
}
_SVG = "{http://www.w3.org/2000/svg}"
_DROPPED = {"metadata", "style"}
#: Widths in ems: of a stand-in's letter, and of the words' letters.
_STAND_IN, _NARROW, _WIDE = 0.592, 0.55, 1.0

Label = Callable[[str], str]


def draw(name: str, title: str, paint: Callable[[Axes, Label], None], height: float = 2.9) -> str:
    """Inline SVG; the same input gives the same text.

    Args:
        name: prefix of every id in it: letters, digits and dashes, another for each drawing of a page.
        title: what a screen reader says.
        paint: draws; every word goes through its second argument.
        height: in inches; the width is :data:`WIDTH`.

    Raises:
        MissingExtraError: there is no matplotlib.
    """
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise MissingExtraError("a report with plots", "eval") from error
    words: dict[str, str] = {}

    def label(text: str) -> str:
        stand_in = f"Q{len(words)}"
        stand_in += "x" * round(_ems(text) / _STAND_IN - len(stand_in))
        words[stand_in] = text
        return stand_in

    with mpl.rc_context():
        # The reader's own matplotlibrc must not change the report.
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        paint(figure.add_subplot(), label)
        file = io.StringIO()
        figure.savefig(file, format="svg", transparent=True)
    return _inline(file.getvalue(), name, title, words)


def _ems(text: str) -> float:
    return sum(_WIDE if unicodedata.east_asian_width(char) in "WF" else _NARROW for char in text)


def _inline(source: str, name: str, title: str, words: Mapping[str, str]) -> str:
    """What matplotlib wrote, as an element of the page."""
    root = ElementTree.fromstring(source)
    for parent in root.iter():
        for child in [child for child in parent if _local(child.tag) in _DROPPED]:
            parent.remove(child)
    for element in root.iter():
        element.tag = _local(element.tag)
        attributes = {_local(key): _value(key, value, name) for key, value in element.attrib.items()}
        element.attrib.clear()
        element.attrib.update(attributes)
        if element.tag == "text":
            element.text = _printable(words.get(element.text or "", element.text or ""))
            element.attrib["style"] = _without_font_family(element.attrib.get("style", ""))
    for key in ("width", "height", "version"):
        root.attrib.pop(key, None)
    root.attrib |= {"role": "img", "aria-labelledby": f"{name}-title", "class": "plot"}
    heading = ElementTree.Element("title", {"id": f"{name}-title"})
    heading.text = _printable(title)
    root.insert(0, heading)
    return ElementTree.tostring(root, encoding="unicode")


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _value(key: str, value: str, name: str) -> str:
    if key == "id":
        return f"{name}-{value}"
    if _local(key) == "href":
        return value.replace("#", f"#{name}-", 1)
    value = value.replace("url(#", f"url(#{name}-")
    if key in {"style", "fill", "stroke"}:
        value = re.sub("#[0-9a-f]{6}", lambda match: _COLOURS.get(match[0], match[0]), value)
    return value


def _without_font_family(style: str) -> str:
    """The page's font rather than matplotlib's; of the shorthand ``font: 9px 'DejaVu Sans'`` the size stays."""
    style = re.sub(r"font:\s*([0-9.]+px)[^;]*", r"font-size: \1", style)
    return re.sub(r"font-family:[^;]*;?\s*", "", style)


def _printable(text: str) -> str:
    """Control characters would end the SVG, whoever wrote them."""
    return "".join(char if char.isprintable() else " " for char in text)
