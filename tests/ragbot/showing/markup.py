"""HTML taken apart, and texts that mean harm."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

HOSTILE = [
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    '"><a href="javascript:alert(1)" onclick=\'x()\'>x</a>',
    "![x](http://evil.example/a.png) [a](javascript:alert(1)) <http://evil.example> www.evil.example",
    "\n\n# title\n\n```\ncode\n```\n| a | b |\n|---|---|\n$$x$$ **b** `c` ~~d~~ &lt;i&gt; &#60;",
    "invoice\u202egnp.exe \u2066x\u2069\u200f",
    "a\x00b\x1b[31mc\x07\x7f\x85d\x0be\u2028f\r\ng",
    "half \ud800 and \udfff \ufffe\U0001f600",
    "{language} {0} %s %(x)s {{}} {",
    "</style></div></details></table><!-- --><![CDATA[x]]>",
    "",
    "很长的标题" * 2_000,
    "word " * 3_000,
    "x" * 10_000,
]
_ATTRIBUTES = re.compile(
    r"class|id|title|type|href|target|rel|role|style|tabindex|alt|src|width|height|min|max|value|scope|colspan|open|aria-[a-z]+|data-[a-z]+"
)
_TAGS = frozenset(
    "div p span strong mark button blockquote section ol ul li details summary table thead tbody tr th td meter progress "
    "img br q code dl dt dd a".split()
)
_VOID = frozenset({"br", "img"})
_OUTSIDE = re.compile(r"<[^<>]*>")
_ALLOWED = re.compile(r"(?:&#\d+;|\[\d+\]|\d+\.|[\w ]|[^\x00-\x7f]|\d,\d|[+-]?\d\.\d+|,)*")


@dataclass
class Page(HTMLParser):
    """The elements, and the text with references resolved; raises AssertionError for what is none of ours."""

    html: str
    elements: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    text: str = ""
    open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.html.encode("utf-8")
        assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", self.html), "one line, and no control characters"
        assert not re.search("[\u200e\u200f\u202a-\u202e\u2066-\u2069]", self.html), "nothing turns the direction"
        outside = _OUTSIDE.sub("", self.html)
        assert _ALLOWED.fullmatch(outside), f"not escaped: {outside[_ALLOWED.match(outside).end() :][:80]!r}"  # type: ignore[union-attr]
        self.feed(self.html)
        self.close()
        assert self.open == [], f"not closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in _TAGS, tag
        for name, value in attrs:
            assert _ATTRIBUTES.fullmatch(name), name
            assert name != "src" or (value or "").startswith("data:image/png;base64,")
            assert name != "href" or re.match(r"https?://[a-z]", value or "")
            assert name != "style" or re.fullmatch(r"top:\d+\.\d%", value or "")
        assert tag not in _VOID or tag in {"br", "img"}
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(decl)

    def unknown_decl(self, data: str) -> None:
        raise AssertionError(data)

    def handle_pi(self, data: str) -> None:
        raise AssertionError(data)

    def having(self, name: str, value: str | None = None) -> list[dict[str, str]]:
        """The attributes of the elements that have this one (of this value)."""
        return [found for _, found in self.elements if name in found and value in (None, found[name])]

    def of_class(self, name: str) -> list[dict[str, str]]:
        """The attributes of the elements of a class."""
        return [found for _, found in self.elements if name in found.get("class", "").split()]
