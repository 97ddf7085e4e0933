"""Where the arguments of a call come from: the person, or only the texts of others.

The model is one channel: whatever it writes after it has read a text of others can have been dictated by that text,
spelled backwards or letter by letter. So nothing is looked for in the untrusted texts to convict a value; a value is
cleared by the person's own words, and what they do not clear needs consent once the model has read a text of others.
This is the rule of information-flow control for agents (Debenedetti et al. 2025, "Defeating Prompt Injections by Design")
in its simplest form, with one label for all that the model writes. Searching the texts only serves to tell the person
where a value stood.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from agents.addresses import (
    address,
    addresses_in,
    looks_like_address,
    looks_like_path,
    paths_in,
    plain,
    sure_addresses_in,
)
from agents.steps import Observation, Step
from agents.tools.base import Effect, Traits

#: Characters of a text of others that a call may repeat, in an argument that opens nothing; Han characters count double.
LITERAL = 32

Kind = Literal["address", "path", "text"]


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A value that the person's words do not clear; ``tool`` gave the text in which it stands, if it was found."""

    argument: str
    value: str
    kind: Kind
    tool: str = ""


def suspicions(
    arguments: Mapping[str, Any], traits: Traits, own: Sequence[str], steps: Sequence[Step], foreign: Sequence[str] = ()
) -> tuple[Suspicion, ...]:
    """What in ``arguments`` needs consent because it may come from a text of others.

    Args:
        arguments: of the call.
        traits: of the tool; one without effects gives nothing away and opens nothing outside.
        own: the question and what else the person wrote.
        steps: the run so far.
        foreign: texts of others that the model was given beside the steps (earlier answers).
    """
    texts = [(step.tool, step.text) for step in steps if isinstance(step, Observation) and not step.trusted]
    texts += [("", text) for text in foreign if text]
    if not traits.effects or not any(text.strip() for _, text in texts):
        return ()
    person = _Cleared(own)
    found = []
    for name, value in _strings(arguments):
        opens = name.partition(".")[0] in traits.opens
        kind = _kind(value, opens, person, texts, Effect.WRITE in traits.effects)
        if kind is not None:
            found.append(Suspicion(name, value, kind, _stands_in(value, texts)))
    return tuple(found)


class _Cleared:
    """What the person wrote."""

    def __init__(self, texts: Sequence[str]) -> None:
        joined = "\n".join(texts)
        self.text = plain(joined)
        self.addresses = set(addresses_in(joined))
        self.paths = set(paths_in(joined))

    def opens(self, value: str) -> bool:
        """Whether the person named this address, path or name, whole."""
        if looks_like_address(value):
            return address(value) in self.addresses or plain(value).strip() in self.paths
        if looks_like_path(value):
            return plain(value).strip() in self.paths
        return _stands_alone(plain(value).strip(), self.text)

    def holds(self, value: str) -> bool:
        """Whether every path in ``value`` was named by the person."""
        return set(paths_in(value)) <= self.paths


def _kind(value: str, opens: bool, person: _Cleared, texts: Sequence[tuple[str, str]], writes: bool) -> Kind | None:
    if opens:
        if person.opens(value):
            return None
        return "address" if looks_like_address(value) else "path" if looks_like_path(value) else "text"
    if not set(sure_addresses_in(value)) <= person.addresses:
        return "address"
    if writes and not person.holds(value):
        return "path"
    return "text" if _repeats(value, person.text, texts) else None


def _repeats(value: str, own: str, texts: Sequence[tuple[str, str]]) -> bool:
    """Whether a long stretch of ``value`` stands in a text of others, and not in the person's."""
    shown = " ".join(plain(value).split())
    around = [" ".join(plain(text).split()) for _, text in texts]
    begin = end = 0
    weight = 0
    while end < len(shown):
        weight += _weight(shown[end])
        end += 1
        while weight - _weight(shown[begin]) >= LITERAL:
            weight -= _weight(shown[begin])
            begin += 1
        if weight >= LITERAL:
            stretch = shown[begin:end]
            if stretch not in own and any(stretch in text for text in around):
                return True
    return False


def _weight(character: str) -> int:
    return 2 if "\u3400" <= character <= "\u9fff" else 1


def _stands_alone(value: str, text: str) -> bool:
    """Whether ``value`` stands in ``text`` and is no part of a longer word there."""
    at = text.find(value) if value else -1
    while at >= 0:
        before, after = text[at - 1 : at], text[at + len(value) : at + len(value) + 1]
        if not (_joins(before) and _joins(value[0])) and not (_joins(after) and _joins(value[-1])):
            return True
        at = text.find(value, at + 1)
    return False


def _joins(character: str) -> bool:
    return bool(character) and character.isascii() and (character.isalnum() or character in "_-@%")


def _stands_in(value: str, texts: Sequence[tuple[str, str]]) -> str:
    wanted = plain(value).strip()
    forms = {address(value)} if looks_like_address(value) else set()
    for tool, text in texts:
        if (wanted and wanted in plain(text)) or forms & set(addresses_in(text)):
            return tool
    return ""


def _strings(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Every text inside a value, with the path to it; keys are texts, too."""
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _strings(inner, f"{name}.{key}" if name else str(key))
            if name:
                yield f"{name}.key", str(key)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _strings(inner, name)
