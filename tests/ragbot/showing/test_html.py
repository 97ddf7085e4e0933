"""Text as HTML, and the stylesheet."""

from __future__ import annotations

import html
import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

import ragbot.showing
from ragbot.showing.html import STYLE, block, chip, file_name, place, safe, shortened


@given(st.text(st.characters(codec=None, exclude_categories=())))
def test_safe_has_no_sign_of_any_syntax(text: str) -> None:
    shown = safe(text, " ")
    assert re.fullmatch(r"(?:&#\d+;|[A-Za-z0-9 ]|[^\x00-\x7f])*", shown)
    shown.encode("utf-8")


@given(
    st.text(
        st.characters(min_codepoint=32, max_codepoint=126) | st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF)
    )
)
def test_safe_keeps_every_visible_character(text: str) -> None:
    assert html.unescape(safe(text)) == text


def test_safe_says_where_lines_end() -> None:
    assert safe("a\nb\r\nc\rd\u2028e\x85f") == "a<br>b<br>c<br>d<br>e<br>f"
    assert safe("a\n\nb", " ") == "a  b"


def test_safe_shows_what_is_no_character_and_drops_what_turns_the_line() -> None:
    assert safe("a\ud800b") == "a\ufffdb"
    assert safe("evil\u202egnp\u2066x\u200f") == "evilgnpx"
    assert safe("a\x00b") == "a b"


def test_block_escapes_attributes() -> None:
    assert block("<p></p>", "rb-x", aria_label='a"b') == '<div class="rb rb-x" aria-label="a&#34;b"><p></p></div>'
    assert chip("a", hint='"') == '<span class="rb-chip" title="&#34;">a</span>'


def test_shortened_is_one_line_of_at_most_the_limit() -> None:
    assert shortened(" a \n b ", 10) == "a b"
    assert shortened("abcdef", 4) == "abc…"
    assert shortened("字" * 9, 4) == "字字字…"
    assert shortened("a" + " " * 1000 + "b", 4) == "a…", "what is behind a long gap is not lost without a sign"
    assert len(shortened("x" * 10_000, 80)) == 80


def test_file_name() -> None:
    assert [file_name(source) for source in ("/a/b.md", "C:\\a\\b.md", "https://x.org/a/", "n.zip!/c.md", "/", "")] == [
        "b.md",
        "b.md",
        "a",
        "c.md",
        "/",
        "",
    ]


def test_place_names_each_thing_once() -> None:
    shown = place("Report", "/a/report.pdf", 3, "Report > Costs", "en")
    assert re.sub("<[^>]*>", "", html.unescape(shown)) == "Report report.pdf · p. 3 · Costs"
    assert re.sub("<[^>]*>", "", html.unescape(place("", "/a/b.md", None, "", "zh"))) == "b.md b.md"


def test_style_asks_for_nothing_and_knows_every_class() -> None:
    assert "url(" not in STYLE and "@import" not in STYLE and "http" not in STYLE
    folder = Path(ragbot.showing.__file__).parent
    used = {name for path in folder.glob("*.py") for name in re.findall(r"\brb-[a-z][a-z-]*", path.read_text())}
    painted = set(re.findall(r"\.(rb-[a-z-]+)", STYLE))
    made = {f"rb-{end}" for end in "confidence-high confidence-low lost gained better worse added updated".split()}
    assert painted <= used | made
    assert {"rb-marker", "rb-card", "rb-text", "rb-step"} <= painted


def test_style_is_light_and_dark() -> None:
    assert "prefers-color-scheme: dark" in STYLE and ".dark .rb" in STYLE and STYLE.count("light-dark(") >= 7
    assert STYLE.count("{") == STYLE.count("}")
