"""From the scopes of a source file (classes, functions, sections) to the headings of a document."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ragbot.documents import Heading

#: No reader is helped by a longer one, and generic types in C++ are.
MAX_NAME = 200


@dataclass(frozen=True, slots=True)
class Scope:
    """A named stretch ``text[start:end]``; a scope that begins inside another one lies in it."""

    start: int
    end: int
    name: str


def to_headings(text: str, scopes: Iterable[Scope], module: str) -> tuple[Heading, ...]:
    """Headings for ``scopes``, which ascend by their start; the outermost have level 1.

    A heading has no end, so what follows a method in its class, or a function in its ``module``, gets a heading with
    the name of the class or module again: it does not stand under the method.
    """
    headings: list[Heading] = []
    open_scopes: list[Scope] = []

    def close(until: int, following: int) -> None:
        """End the scopes that end by ``until``; text between two of them, or before ``following``, is the outer's."""
        while open_scopes and open_scopes[-1].end <= until:
            ended = open_scopes.pop()
            stop = min(following, open_scopes[-1].end) if open_scopes else following
            resumed = _resumes(text, ended.end, stop)
            if resumed is not None:
                name = open_scopes[-1].name if open_scopes else module
                headings.append(Heading(resumed, max(len(open_scopes), 1), name))

    for scope in scopes:
        close(scope.start, scope.start)
        # One that begins where the last heading does would leave that heading without a text of its own.
        if headings and headings[-1].start >= scope.start:
            headings.pop()
        open_scopes.append(scope)
        headings.append(Heading(scope.start, len(open_scopes), " ".join(scope.name.split())[:MAX_NAME]))
    close(len(text), len(text))
    return tuple(headings)


def _resumes(text: str, end: int, stop: int) -> int | None:
    """Where text with words begins between the line of ``end`` and ``stop``, if any: closing brackets are none."""
    # What follows on the same line belongs to what ended there: "} // namespace x".
    begin = end if end and text[end - 1] == "\n" else text.find("\n", end, stop)
    if begin < 0:
        return None
    rest = text[begin:stop]
    if not any(map(str.isalnum, rest)):
        return None
    return begin + len(rest) - len(rest.lstrip())
