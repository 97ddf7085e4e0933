"""All checks of a claim against the sentences that are to carry it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ragbot.documents import Finding
from ragbot.generation.verification.denials import polarity_findings
from ragbot.generation.verification.edits import edit_findings
from ragbot.generation.verification.facts import fact_findings
from ragbot.generation.verification.names import Name, has_name
from ragbot.generation.verification.reading import Reading

#: Words that stand for something named before.
_ANAPHOR = re.compile(
    r"\b(?:it|its|they|their|them|he|his|him|she|her|this|these|those|the same|the (?:authors?|paper|method|"
    r"model|system|approach|company|city|country|book|team|work))\b|[它他她其该此这那]|前者|后者|本|同一|两者|上述",
    re.I,
)


def findings(claim: Reading, given: Sequence[Reading], around: Sequence[Reading]) -> list[Finding]:
    """What speaks against the claim; empty where the sentences ``given`` agree with it.

    Args:
        claim: the sentence of the answer.
        given: the sentences that are to carry it.
        around: what stands around these in their documents: a name may come from there.
    """
    found = [
        *fact_findings(claim, given, around),
        *name_findings(claim, given, around),
        *polarity_findings(claim, given),
    ]
    for reading in given:
        if len(given) == 1:
            found += edit_findings(claim, reading, around)
    return list(dict.fromkeys(found))


def name_findings(claim: Reading, given: Sequence[Reading], around: Sequence[Reading]) -> list[Finding]:
    """Names that neither the sentences hold nor, where these speak of something named before, their context."""
    words = [word for reading in given for word in reading.words]
    text = "\n".join(reading.levelled for reading in given).casefold()
    missing = [name for name in claim.names if not has_name(name, words, text)]
    if not missing:
        return []
    left = [
        (reading.said(name.start, name.end), name)
        for reading in given
        for name in reading.names
        if not has_name(name, claim.words, claim.levelled.casefold())
    ]
    sure = [said for said, name in left if not name.soft]
    chinese = [said for said, name in left if not name.key.isascii()]
    referring = any(_ANAPHOR.search(reading.levelled) for reading in given)
    found = []
    for name in missing:
        # What may be no name at all counts only where the source names somebody else.
        instead = (sure if name.key.isascii() else chinese) if name.soft else sure
        if name.soft and not instead:
            continue
        if (referring or not instead) and any(_around(name, reading) for reading in around):
            continue
        found.append(Finding("name", claim.said(name.start, name.end), instead[0] if instead else ""))
    return found


def _around(name: Name, reading: Reading) -> bool:
    return has_name(name, reading.words, reading.levelled.casefold())
