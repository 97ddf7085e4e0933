"""Nothing that stands in a document, a name or a model's words becomes part of the page, whatever function shows it."""

from __future__ import annotations

import pytest

from tests.ragbot.showing.markup import HOSTILE, Page
from tests.ragbot.showing.pages_of import PAGES


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_is_text_in_every_field(name: str, language: str) -> None:
    for text in HOSTILE:
        page = Page(PAGES[name](text, language))
        assert page.elements[0][1]["class"].split()[0] == "rb"


@pytest.mark.parametrize("name", [name for name in PAGES if name not in {"figures", "runs"}])
def test_markup_can_be_read_as_it_was_written(name: str) -> None:
    """It is shown, and not dropped."""
    page = Page(PAGES[name]('<b id="x">', "en"))
    everything = page.text + "".join(value for _, found in page.elements for value in found.values())
    assert '<b id="x">' in everything


@pytest.mark.parametrize("name", PAGES)
def test_a_long_text_makes_no_endless_page(name: str) -> None:
    """A whole document in each field: titles and names are cut, and only what is quoted is shown in full."""
    long = len(PAGES[name]("字" * 20_000, "zh"))
    assert long < 8 * 20_000 + 20_000


def test_the_test_can_fail() -> None:
    for wrong in (
        "<b>x</b>",
        "a<br",
        "<p>",
        "</p>",
        "*x*",
        '<p onclick="x">a</p>',
        '<img src="http://x">',
        "a\nb",
        "a\u202eb",
    ):
        with pytest.raises(AssertionError):
            Page(wrong)
