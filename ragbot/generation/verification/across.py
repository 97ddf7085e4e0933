"""Checks of a claim against a source in another language: what can be compared where no word can.

Numbers, units and dates are compared however they are written, names where both write them in Latin letters (a
transliterated one cannot be compared), denials and opposites by what each language says them with.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import isclose

from ragbot.documents import Finding
from ragbot.generation.verification.contrasts import turned_round
from ragbot.generation.verification.denials import sides
from ragbot.generation.verification.facts import fact_findings
from ragbot.generation.verification.names import Name, has_name
from ragbot.generation.verification.polarity import denials
from ragbot.generation.verification.quantities import Quantity, same_quantity
from ragbot.generation.verification.reading import Reading

#: Numbers up to this are as often said with other words (both, a pair, 两者) as with a numeral.
_SMALL = 10
#: A claim that says less than this share of its source may well leave out what the source denies.
_PART = 0.6
_IDENTIFIER = re.compile(r"(?=.*[A-Za-z])(?:.*\d.*|.*[a-z][A-Z].*|[A-Z]{2,}s?)")
#: Words that say what the other language may say by a denial: they excuse one that has no counterpart.
_NEARLY_DENIES = re.compile(
    r"\b(?:avoid\w*|prevent\w*|rather than|instead of|few\w*|little|seldom|rarely|free of|los[et]\w*|miss\w*|lack\w*|"
    r"except|exclud\w*|remov\w*|drop\w*|stop\w*|refus\w*|ignor\w*|omit\w*|leav\w* out|left out|differ\w*|unlike|same|"
    r"fixed|frozen|constant|apart|less than|below|under|within|up to|at most|only on|impossible|fail\w*|too|vanish\w*|"
    r"un(?!it|i[vfq]|der|til|less)[a-z]{3,}|in(?:dependent|sufficient|valid|correct|accurate|complete)\w*|[a-z]{3,}less)\b"
    r"|避免|防止|而非|之外|以外|难以|很少|省略|去掉|删|停止|缺|空|拒绝|不同|冻结|固定|相同|一样|保持|以内|低于|少于|至多|最多|"
    r"失去|丢|漏|忽略|反而|消失|脱离",
    re.I,
)
#: Words that say a number without a numeral: what they are worth, as numbers and in per cent.
_WORTH = (
    (re.compile(r"\b(?:twice|doubl\w*|two-?fold|both|pair)\b|翻一?倍|加倍|两者|双", re.I), (2.0,)),
    (re.compile(r"\b(?:half|halv\w*)\b|一半|减半|半", re.I), (0.5, 50.0, 2.0)),
    (re.compile(r"\b(?:once|single|only one)\b|单", re.I), (1.0,)),
    (re.compile(r"\b(?:thrice|tripl\w*|threefold)\b", re.I), (3.0,)),
    (re.compile(r"\bquarters?\b|四分之", re.I), (0.25, 0.75, 25.0, 75.0)),
    (re.compile(r"\bthirds?\b|三分之", re.I), (1 / 3, 2 / 3)),
    (re.compile(r"\bmagnitude\b|数量级", re.I), (10.0,)),
    (re.compile(r"\bhundred\b|百", re.I), (100.0,)),
)
#: Behind a numeral: three of the four that a quarter is of are no number by themselves.
_PARTS = re.compile(r"[ -](?:quarters?|thirds?|fifths?|tenths?|halves)\b", re.I)
_TENTHS = re.compile(r"([一二两三四五六七八九])成")
_TENTH = "一二三四五六七八九"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What speaks against a claim; ``unsure`` where something may that cannot be decided."""

    findings: tuple[Finding, ...] = ()
    unsure: bool = False


def compared(claim: Reading, given: Sequence[Reading], around: Sequence[Reading]) -> Comparison:
    """The claim against sentences in the other language.

    Args:
        claim: the sentence of the answer.
        given: the sentences that are to carry it.
        around: what stands around these in their documents.
    """
    found = written_otherwise(claim, given, around)
    denied, unsure = _denials(claim, given)
    found += denied
    source = "\n".join(reading.levelled for reading in given)
    turned = turned_round(claim.levelled, source)
    if turned and _may_be_turned(claim, given):
        unsure, turned = True, []
    found += [Finding("opposite", said, against) for said, against in turned]
    return Comparison(tuple(dict.fromkeys(found)), unsure)


def written_otherwise(claim: Reading, given: Sequence[Reading], around: Sequence[Reading]) -> list[Finding]:
    """Numbers, dates and names of the claim that none of these sentences holds."""
    return [*_facts(claim, given, around), *_names(claim, given, around)]


def _may_be_turned(claim: Reading, given: Sequence[Reading]) -> bool:
    """A is faster than B, where the source may say that B is slower than A: no number or name shows who is who."""
    mine = sides(claim)
    compare = [both for reading in given if any(both := sides(reading))]
    if not any(mine) or not compare:
        return False
    return not any(one & other for both in compare for one, other in zip(mine, both, strict=True))


def _facts(claim: Reading, given: Sequence[Reading], around: Sequence[Reading]) -> list[Finding]:
    """As for one language, but a small number in words is only doubted where the source has one to spare."""
    by_text = {claim.said(item.start, item.end): item for item in claim.quantities}
    theirs = [item for reading in given for item in reading.quantities if not _PARTS.match(reading.levelled, item.end)]
    worth = _worth(given)
    mine = _worth([claim])
    spare = [
        item
        for item in theirs
        if not item.soft
        and not any(same_quantity(own, item) for own in claim.quantities)
        and not any(isclose(item.value, value) for value in mine)
    ]
    found = []
    for finding in fact_findings(claim, given, around):
        item = by_text.get(finding.claimed) if finding.kind == "number" else None
        if item and any(isclose(item.value, value) for value in worth):
            continue
        if item and not spare and _in_words(claim, item):
            continue
        found.append(finding)
    return found


def _in_words(claim: Reading, item: Quantity) -> bool:
    written = claim.levelled[item.start : item.end]
    return item.value <= _SMALL and not any(character.isdecimal() for character in written)


def _worth(readings: Sequence[Reading]) -> list[float]:
    text = "\n".join(reading.levelled for reading in readings)
    values = [value for pattern, worth in _WORTH if pattern.search(text) for value in worth]
    tenths = [_TENTH.index(match[1].replace("两", "二")) + 1 for match in _TENTHS.finditer(text)]
    return values + [value for number in tenths for value in (number, number / 10, number * 10.0)]


def _names(claim: Reading, given: Sequence[Reading], around: Sequence[Reading]) -> list[Finding]:
    words = [word for reading in given for word in reading.words]
    text = "\n".join(reading.levelled for reading in given).casefold()
    latin = [(reading, name) for reading in given for name in reading.names if name.key.isascii() and not name.soft]
    held = claim.levelled.casefold()
    left = [(reading, name) for reading, name in latin if not has_name(name, claim.words, held)]
    # English capitals often name nobody, or what Chinese writes in its own characters.
    if claim.chinese:
        left = [(reading, name) for reading, name in left if _identifies(reading, name)]
    found = []
    for name in claim.names:
        if name.soft or not name.key.isascii() or has_name(name, words, text):
            continue
        elsewhere = any(has_name(name, reading.words, reading.levelled.casefold()) for reading in around)
        instead = left[0][0].said(left[0][1].start, left[0][1].end) if left else ""
        if elsewhere and not (instead and _identifies(claim, name)):
            continue
        # In Chinese a word in Latin letters is taken over from the source; in English only a product's name surely is.
        if claim.chinese or instead or _unmistakable(claim, name):
            found.append(Finding("name", claim.said(name.start, name.end), instead))
    return found


def _identifies(reading: Reading, name: Name) -> bool:
    return bool(_IDENTIFIER.fullmatch(reading.said(name.start, name.end)))


def _unmistakable(reading: Reading, name: Name) -> bool:
    """GPT-4 and LoRA are written alike everywhere; GPU may be 显卡."""
    said = reading.said(name.start, name.end)
    return _identifies(reading, name) and not said.rstrip("s").isupper()


def _denials(claim: Reading, given: Sequence[Reading]) -> tuple[list[Finding], bool]:
    """A denial on one side alone, where nothing on the other says the same without one; and whether that is open."""
    mine = denials(claim.words)
    theirs = [(reading, cue) for reading in given for cue in denials(reading.words)]
    if bool(mine) == bool(theirs):
        return [], False
    others = given if mine else [claim]
    if any(_NEARLY_DENIES.search(reading.levelled) for reading in others):
        return [], True
    if mine:
        return [Finding("negation", _said(claim, mine[0]))], False
    if claim.weight < _PART * sum(reading.weight for reading in given):
        return [], True
    return [Finding("negation", "", _said(*theirs[0]))], False


def _said(reading: Reading, cue: int) -> str:
    """The denial with the next content word."""
    words = reading.words
    end = next((word.end for word in words[cue + 1 :] if word.content), words[cue].end)
    return reading.said(words[cue].start, end)
