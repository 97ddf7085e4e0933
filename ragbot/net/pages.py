"""A page of the web that was read, and why one could not be: shared by those who fetch and those who ask for pages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ragbot.errors import LoaderError

#: ``address``: no URL that is taken; ``refused``: a private or reserved address, at once or after a redirect;
#: ``unknown``: no such host, or no network; ``away``: it cannot be reached; ``slow``; ``busy``: it asks to wait;
#: ``redirect``: too many, or from https to http; ``robots``: robots.txt excludes it; ``status``: an error of HTTP;
#: ``size``: too large; ``kind``: nothing that is read; ``empty``: without text; ``damaged``: it cannot be parsed.
PageProblem: TypeAlias = Literal[
    "address",
    "refused",
    "unknown",
    "away",
    "slow",
    "busy",
    "redirect",
    "robots",
    "status",
    "size",
    "kind",
    "empty",
    "damaged",
]


class PageError(LoaderError):
    """A page that is not fetched or cannot be read.

    Attributes:
        problem: what kind of reason it is.
        status: the HTTP status where that is the reason, else 0.
    """

    def __init__(self, problem: PageProblem, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.problem: PageProblem = problem
        self.status = status


@dataclass(frozen=True, slots=True)
class Page:
    """The text of a page.

    Attributes:
        url: where it was found in the end, after redirects.
        title: its own, or one made of its name.
        text: the main text, with headings, lists and tables as lines.
        language: BCP 47 primary tag, or empty.
        date: the ISO 8601 day that it gives itself, or None.
        kind: the format it came in, such as ``html`` or ``pdf``.
    """

    url: str
    title: str
    text: str
    language: str = ""
    date: str | None = None
    kind: str = "html"


#: Reads the page at a URL. Raises :class:`PageError`.
PageReader: TypeAlias = Callable[[str], Page]
