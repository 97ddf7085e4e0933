"""Whether claim and source deny the same, and say more where the other says more."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from ragbot.documents import Finding
from ragbot.generation.verification.polarity import denials, denied, denies, opposed, opposites
from ragbot.generation.verification.reading import Reading
from ragbot.generation.verification.words import Word

_THAN = re.compile(r"\bthan\b|比|相比|较之")
#: Words behind a denial that it is taken to be about.
_HEADS = 2


def polarity_findings(claim: Reading, given: Sequence[Reading]) -> list[Finding]:
    """Denials of one side that the other does not share, and words of which the source has the opposite."""
    theirs = [word for reading in given for word in reading.words]
    found = _made_up(claim, theirs)
    for reading in given:
        found += _dropped(reading, claim.words)
    return found + _opposites(claim, given)


def _made_up(claim: Reading, theirs: Sequence[Word]) -> list[Finding]:
    """Denials of the claim whose object the source holds without one, or that deny where the source never does."""
    free, bound = _by_denial(theirs)
    my_free, my_bound = _by_denial(claim.words)
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


def _dropped(given: Reading, mine: Sequence[Word]) -> list[Finding]:
    """Denials of the source whose object the claim holds without one."""
    free, bound = _by_denial(mine)
    their_free, _ = _by_denial(given.words)
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


def _by_denial(words: Sequence[Word]) -> tuple[Counter[str], Counter[str]]:
    """How often each content word stands where no denial is about it, and how often where one is."""
    about = {id(word) for cue in denials(words) for word in denied(words, cue)}
    content = [word for word in words if word.content and not denies(word)]
    return Counter(w.key for w in content if id(w) not in about), Counter(w.key for w in content if id(w) in about)


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
    return _by_denial(reading.words)[1][key] > 0


def _any_under_denial(given: Sequence[Reading], key: str) -> bool:
    return any(_under_denial(reading, key) for reading in given)


def _turned_round(claim: Reading, given: Sequence[Reading]) -> bool:
    """A is larger than B, where the source says that B is smaller than A."""
    if not _THAN.search(claim.levelled.lower()):
        return False
    before, after = _sides(claim)
    for reading in given:
        first, second = _sides(reading)
        if len(before & second) + len(after & first) > len(before & first) + len(after & second):
            return True
    return False


def _sides(reading: Reading) -> tuple[set[str], set[str]]:
    """Content keys before and behind the word that compares."""
    match = _THAN.search(reading.levelled.lower())
    if match is None:
        return set(), set()
    said = [word for word in reading.words if word.content and word.tag != "fact"]
    before = {word.key for word in said if word.end <= match.start()}
    return before, {word.key for word in said if word.start >= match.end()}
