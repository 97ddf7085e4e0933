"""Whether the numbers of an answer stand in what tools have said, where no passage of a document carries it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from agents.steps import Observation
from ragbot.documents import Claim, Finding
from ragbot.generation.markers import MARKER, numbers_of
from ragbot.generation.verification.facts import fact_findings
from ragbot.generation.verification.reading import Reading
from ragbot.text import sentence_spans

_DECIMALS = re.compile(r"\d[\d,]*(?:\.(\d+))?")


def number_claims(text: str, question: str, observations: Sequence[Observation]) -> tuple[Claim, ...]:
    """The sentences of ``text`` (with its markers), and the numbers and dates in them that nobody gave.

    A number may stand in a result or in the question, or be a result rounded. Words are not compared: how a
    temperature is put is the model's own, what it is, is not.
    """
    given = [Reading(question), *(Reading(found.text) for found in observations)]
    claims: list[Claim] = []
    for begin, end in sentence_spans(text):
        start = begin
        while claims and (marker := MARKER.match(text, start, end)):
            # A marker behind a full stop belongs to the sentence before it.
            numbers = (*claims[-1].citations, *numbers_of(marker))
            claims[-1] = replace(claims[-1], end=marker.end(), citations=numbers)
            start = marker.end()
        while start < end and text[start].isspace():
            start += 1
        if start < end:
            claims.append(_claim(text, start, end, given))
    return tuple(claims)


def _claim(text: str, start: int, end: int, given: Sequence[Reading]) -> Claim:
    sentence = text[start:end]
    said = Reading(MARKER.sub("", sentence).strip())
    markers = tuple(number for match in MARKER.finditer(sentence) for number in numbers_of(match))
    found = tuple(finding for finding in fact_findings(said, given) if not _rounded(finding, given))
    if not (said.quantities or said.moments):
        return Claim(said.text, start, end, "unchecked", markers)
    return Claim(said.text, start, end, "unsupported" if found else "supported", markers, found)


def _rounded(finding: Finding, given: Sequence[Reading]) -> bool:
    """Whether a result, rounded to the places that are claimed, is the number claimed."""
    written = _DECIMALS.search(finding.claimed)
    if finding.kind != "number" or not written:
        return False
    claimed, places = float(written[0].replace(",", "")), len(written[1] or "")
    values = (abs(quantity.value) for reading in given for quantity in reading.quantities)
    return any(round(value, places) == claimed for value in values)
