"""What the answer of a run can be tied to: passages of documents, and the results of tools, numbered through the run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from agents.checking import number_claims
from agents.steps import FinalAnswer, Observation, Outcome, Source, Step
from ragbot.documents import Citation, Document, Passage
from ragbot.generation.verification.writer import Writer

_MARKER = re.compile(r"\[(\d{1,3})\]")
_MARKERS = re.compile(r"(?:[ \t]*\[\d{1,3}(?:\s*[,，、]\s*\d{1,3})*\])+")
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Numbered:
    """A source with its number in the run."""

    number: int
    observation: Observation
    citation: Citation | None


def renumbered(text: str, citations: Sequence[Citation], first: int) -> tuple[str, tuple[Citation, ...]]:
    """A result's own markers, from 1, as numbers of the run, from ``first``."""
    known = {citation.marker for citation in citations}

    def place(match: re.Match[str]) -> str:
        number = int(match[1])
        return f"[{number + first - 1}]" if number in known else match[0]

    shifted = tuple(replace(citation, marker=citation.marker + first - 1) for citation in citations)
    return (_MARKER.sub(place, text), shifted) if citations else (text, ())


def numbered(steps: Sequence[Step]) -> list[Numbered]:
    """Every source of the run, by number."""
    found = []
    for step in steps:
        if isinstance(step, Observation) and step.source:
            if step.citations:
                found += [Numbered(citation.marker, step, citation) for citation in step.citations]
            else:
                found.append(Numbered(step.source, step, None))
    return found


def next_number(steps: Sequence[Step]) -> int:
    """The number of the next source."""
    return 1 + max((item.number for item in numbered(steps)), default=0)


def final_answer(
    text: str, question: str, steps: Sequence[Step], outcome: Outcome = "answered", reason: str = ""
) -> FinalAnswer:
    """The answer with its sources.

    Where passages were found, each sentence is tied to the characters that carry it, and checked
    (:class:`ragbot.generation.verification.writer.Writer`); the results of tools take part as passages of their own, so that
    a sum or a temperature is not held against the documents. Without passages, the markers that the model wrote are kept,
    an answer that repeats a result gets its marker, and its numbers are looked up in the results.
    """
    sources = numbered(steps)
    if any(item.citation for item in sources):
        return _checked(text, question, sources, outcome, reason)
    by_number = {item.number: item for item in sources}
    used: dict[int, int] = {}

    def place(match: re.Match[str]) -> str:
        numbers = [int(number) for number in re.findall(r"\d+", match[0])]
        if not any(number in by_number for number in numbers):
            return match[0] if not sources else ""
        return " " + "".join(f"[{used.setdefault(n, len(used) + 1)}]" for n in numbers if n in by_number)

    shown = _MARKERS.sub(place, text).strip()
    if not used and (repeated := _repeated(text, sources)):
        used[repeated.number] = 1
        shown = f"{shown} [1]"
    listed = tuple(_source(by_number[number], marker) for number, marker in used.items())
    said = [step for step in steps if isinstance(step, Observation)]
    claims = number_claims(shown, question, said) if sources else ()
    return FinalAnswer(text=shown, outcome=outcome, reason=reason, sources=listed, claims=claims)


def _checked(text: str, question: str, sources: Sequence[Numbered], outcome: Outcome, reason: str) -> FinalAnswer:
    passages = [_passage(item, place) for place, item in enumerate(sources, 1)]
    places = {item.number: place for place, item in enumerate(sources, 1)}

    def place(match: re.Match[str]) -> str:
        numbers = [int(number) for number in re.findall(r"\d+", match[0])]
        return "".join(f" [{places[number]}]" for number in numbers if number in places)

    writer = Writer(passages, question)
    shown = "".join(writer.write([_MARKERS.sub(place, text)]))
    listed = []
    for citation in writer.citations:
        item = sources[-citation.document_id - 1] if citation.document_id < 0 else None
        owner = item or next(one for one in sources if one.citation and _holds(one.citation, citation))
        kept = None if item else citation
        listed.append(Source(citation.marker, owner.observation.tool, owner.observation.action, citation.quote, kept))
    return FinalAnswer(text=shown.strip(), outcome=outcome, reason=reason, sources=tuple(listed), claims=writer.claims)


def _holds(passage: Citation, citation: Citation) -> bool:
    same = passage.document_id == citation.document_id
    return same and passage.start <= citation.start and citation.end <= passage.end


def _passage(item: Numbered, place: int) -> Passage:
    """A source as the verifier reads it; the result of a tool is a document of its own, with a number below 0."""
    found = item.citation
    if found is None:
        document = Document(-place, item.observation.tool, item.observation.tool, "tool", "", None, "")
        return Passage(document, item.observation.text, 0, len(item.observation.text), None, (), 1.0)
    headings = tuple(filter(None, found.heading.split(" > ")))
    document = Document(found.document_id, found.source, found.title, "", "", None, "")
    return Passage(document, found.quote, found.start, found.end, found.page, headings, 1.0)


def _source(item: Numbered, marker: int) -> Source:
    return Source(marker, item.observation.tool, item.observation.action, item.observation.text, None)


def _repeated(text: str, sources: Sequence[Numbered]) -> Numbered | None:
    """The last result of which the answer repeats a number, or the whole text."""
    numbers = {number.replace(",", "") for number in _NUMBER.findall(text)}
    for item in reversed(sources):
        found = item.observation.text
        if numbers & {number.replace(",", "") for number in _NUMBER.findall(found)} or found.strip() in text:
            return item
    return None
