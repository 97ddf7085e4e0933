"""Whether claim and source deny the same, and say more where the other says more."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ragbot.documents import Finding
from ragbot.generation.verification.polarity import by_denial, denials, denied, opposed, opposites
from ragbot.generation.verification.reading import Reading
from ragbot.generation.verification.words import Word

_THAN = re.compile(r"\bthan\b|比|相比|较之")
#: Words behind a denial that it is taken to be about.
_HEADS = 2


def polarity_findings(claim: Reading, given: Sequence[Reading]) -> list[Finding]:
    """Denials of one side that the other does not share, and words of which the source has the opposite."""
    found = _made_up(claim, given)
    for reading in given:
        found += _dropped(reading, claim)
    return found + _opposites(claim, given)


def _made_up(claim: Reading, given: Sequence[Reading]) -> list[Finding]:
    """Denials of the claim whose object the source holds without one, or that deny where the source never does."""
    if not denials(claim.words):
        return []
    theirs = [word for reading in given for word in reading.words]
    free, bound = given[0].by_denial if len(given) == 1 else by_denial(theirs)
    my_free, my_bound = claim.by_denial
    found = []
    for cue in denials(claim.words):
        heads = denied(claim.words, cue)[:_HEADS]
        keys = [head.key for head in heads]
        if not keys or any(opposites(key) & free.keys() for key in keys):
            continue
        shared = [key for key in keys if free[key] or bound[key]]
        head = keys[0]
        more = bound[head] and my_bound[head] > bound[head] and free[head] > my_free[head]
        unknown = not shared and not bound
        if unknown or more or (shared and not any(bound[key] for key in shared)):
            found.append(_finding(claim, claim.words[cue], heads[0], mine=True))
    return found


def _dropped(given: Reading, claim: Reading) -> list[Finding]:
    """Denials of the source whose object the claim holds without one."""
    if not denials(given.words):
        return []
    free, bound = claim.by_denial
    their_free, _ = given.by_denial
    found = []
    for cue in denials(given.words):
        heads = denied(given.words, cue)[:_HEADS]
        keys = [head.key for head in heads]
        # The first word behind the denial is its object; a claim may keep a later one and leave that out.
        if not keys or bound[keys[0]] or any(bound[key] for key in keys) or not free[keys[0]]:
            continue
        if their_free[keys[0]] >= free[keys[0]] or any(opposites(key) & free.keys() for key in keys):
            continue  # the source says it twice, denied and not; or the claim says the opposite instead
        found.append(_finding(given, given.words[cue], heads[0], mine=False))
    return found


def _finding(speaker: Reading, cue: Word, head: Word, mine: bool) -> Finding:
    start, end = min(cue.start, head.start), max(cue.end, head.end)
    text = speaker.said(start, end)
    return Finding("negation", text if mine else "", "" if mine else text)


def _opposites(claim: Reading, given: Sequence[Reading]) -> list[Finding]:
    """Words of the claim that the source has not, but their opposite."""
    theirs = {key for reading in given for key in reading.keys}
    mine = claim.keys
    found = []
    for word in claim.words:
        if not word.content or word.key in theirs:
            continue
        against = next((key for key in theirs - mine if opposed(word.key, key)), None)
        if against is None or _under_denial(claim, word.key) != _any_under_denial(given, against):
            continue
        if _turned_round(claim, given):
            continue
        other = next(w for reading in given for w in reading.words if w.key == against)
        source = next(reading for reading in given if other in reading.words)
        found.append(
            Finding("opposite", claim.said(word.start, word.end), source.said(other.start, other.end)),
        )
    return found


def _under_denial(reading: Reading, key: str) -> bool:
    return reading.by_denial[1][key] > 0


def _any_under_denial(given: Sequence[Reading], key: str) -> bool:
    return any(_under_denial(reading, key) for reading in given)


def _turned_round(claim: Reading, given: Sequence[Reading]) -> bool:
    """A is larger than B, where the source says that B is smaller than A."""
    if not _THAN.search(claim.levelled.lower()):
        return False
    before, after = sides(claim)
    for reading in given:
        first, second = sides(reading)
        if len(before & second) + len(after & first) > len(before & first) + len(after & second):
            return True
    return False


def sides(reading: Reading) -> tuple[set[str], set[str]]:
    """Content keys before and behind the word that compares."""
    match = _THAN.search(reading.levelled.lower())
    if match is None:
        return set(), set()
    said = [word for word in reading.words if word.content and word.tag != "fact"]
    before = {word.key for word in said if word.end <= match.start()}
    return before, {word.key for word in said if word.start >= match.end()}
