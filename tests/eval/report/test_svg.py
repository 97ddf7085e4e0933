"""Drawings become part of a page, and words go into them unharmed."""

from __future__ import annotations

import re
import sys
from typing import Any
from xml.etree import ElementTree

import pytest

pytest.importorskip("matplotlib", reason='plots need the extra "eval": pip install "ragbot[eval]"')

from eval.report.svg import BLUE, INK, draw
from ragbot.errors import MissingExtraError

WORDS = ["语言：中文 (12)", "$x_1$ \\frac", "<b>&amp;</b>", "bell\x07\ud800"]


def paint(axes: Any, label: Any) -> None:
    axes.barh([0, 1, 2, 3], [0.1, 0.2, 0.3, 0.4], color=[INK, BLUE, BLUE, BLUE])
    axes.set_yticks([0, 1, 2, 3], [label(word) for word in WORDS])
    axes.set_xlabel(label("召回率"))


def test_words_are_text_of_the_page() -> None:
    svg = draw("a", "标题 <i>", paint)
    root = ElementTree.fromstring(svg)
    shown = {element.text for element in root.iter("text")}
    assert {"语言：中文 (12)", "$x_1$ \\frac", "<b>&amp;</b>", "bell  ", "召回率"} <= shown
    assert not [text for text in shown if text and re.fullmatch(r"Q\d+x*", text)]
    title = root[0]
    assert (title.tag, title.text) == ("title", "标题 <i>")
    assert root.get("aria-labelledby") == title.get("id") == "a-title"
    assert root.get("role") == "img"
    svg.encode("utf-8")


def test_fonts_and_colours_are_the_pages() -> None:
    svg = draw("a", "t", paint)
    assert "font-family" not in svg
    assert "DejaVu" not in svg
    assert "font-size" in svg
    assert "currentColor" in svg
    assert "var(--c1)" in svg
    assert not re.search("#[0-9a-f]{6}", svg)
    assert "<style" not in svg  # matplotlib's own is about every element of the page


def test_ids_do_not_clash() -> None:
    first, second = draw("a", "t", paint), draw("b", "t", paint)
    ids = [set(re.findall(r'\bid="([^"]+)"', svg)) for svg in (first, second)]
    assert ids[0]
    assert not ids[0] & ids[1]
    for svg, own in zip((first, second), ids, strict=True):
        targets = re.findall(r'href="#([^"]+)"', svg) + re.findall(r"url\(#([^)]+)\)", svg)
        assert targets
        assert set(targets) <= own


def test_the_same_again_whatever_the_settings() -> None:
    import matplotlib as mpl

    before = draw("a", "t", paint)
    with mpl.rc_context({"font.size": 30, "svg.fonttype": "path", "axes.labelsize": 30}):
        assert draw("a", "t", paint) == before
        assert mpl.rcParams["font.size"] == 30


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"ragbot\[eval\]"):
        draw("a", "t", paint)
