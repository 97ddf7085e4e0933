"""Where a claim repeats its source nearly word by word: whether what was changed changes what it says.

The two are aligned by their longest matching blocks (Ratcliff and Metzener 1988). A number that stands elsewhere in the
sentence, or two names that changed places, are found here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

from ragbot.documents import Finding
from ragbot.generation.verification.polarity import denies, opposed
from ragbot.generation.verification.reading import Reading
from ragbot.generation.verification.words import Word

#: Share of the claim's words that must stand in the source in the same order for the two to be compared so.
NEARLY = 0.7
#: Characters before a number that may say that it is a rough one.
_ABOUT = 12


def edit_findings(claim: Reading, given: Reading, around: Sequence[Reading] = ()) -> list[Finding]:
    """What was exchanged, put in or left out; nothing where the claim is in other words altogether.

    ``around`` is the context of ``given``: what stands in the place of a name and comes from nowhere is a wrong name.
    """
    mine, theirs = claim.sequence, given.sequence
    if not mine or claim.levelled == given.levelled:
        return []
    if not _may_repeat(claim, given):
        return []
    matcher = _matcher(claim, given)
    if not _repeats(claim, matcher):
        return []
    found: list[Finding] = []
    for kind, i, j, k, m in matcher.get_opcodes():
        if kind != "equal":
            found += _compared(claim, mine[k:m], given, theirs[i:j])
            found += _displaced(claim, mine[k:m], given, theirs[i:j], around)
    return found


def repeats(claim: Reading, given: Reading) -> bool:
    """Whether the claim is the source's own words, nearly."""
    return _may_repeat(claim, given) and _repeats(claim, _matcher(claim, given))


def _may_repeat(claim: Reading, given: Reading) -> bool:
    """Whether enough words are shared in whatever order: the alignment costs the product of both lengths."""
    theirs = {word.key for word in given.sequence}
    return sum([word.key in theirs for word in claim.sequence]) >= NEARLY * len(claim.sequence)


def _matcher(claim: Reading, given: Reading) -> SequenceMatcher[str]:
    theirs, mine = ([word.key for word in reading.sequence] for reading in (given, claim))
    return SequenceMatcher(None, theirs, mine, autojunk=False)


def _repeats(claim: Reading, matcher: SequenceMatcher[str]) -> bool:
    return sum(block.size for block in matcher.get_matching_blocks()) >= NEARLY * len(claim.sequence)


def _compared(claim: Reading, mine: Sequence[Word], given: Reading, theirs: Sequence[Word]) -> list[Finding]:
    found: list[Finding] = []
    my_facts, their_facts = [w for w in mine if w.tag == "fact"], [w for w in theirs if w.tag == "fact"]
    if len(my_facts) == len(their_facts):
        for one, other in zip(my_facts, their_facts, strict=True):
            if not _agree(claim, one, given, other):
                kind = "date" if one.key.startswith("@") else "number"
                found.append(
                    Finding(
                        "date" if kind == "date" else "number",
                        claim.said(one.start, one.end),
                        given.said(other.start, other.end),
                    )
                )
    found += _names(claim, mine, given, theirs)
    for word in mine:
        against = next((w for w in theirs if opposed(_form(word), _form(w))), None)
        if against:
            found.append(Finding("opposite", claim.said(word.start, word.end), given.said(against.start, against.end)))
    if not any(item.kind == "opposite" for item in found) and mine and theirs:
        # The segmenter may cut one side otherwise than the other.
        ours, others = ("".join(w.written for w in block if w.tag in {"han", "name"}) for block in (mine, theirs))
        if ours and others and opposed(ours, others):
            ends = claim.said(mine[0].start, mine[-1].end), given.said(theirs[0].start, theirs[-1].end)
            found.append(Finding("opposite", *ends))
    return found + _denials(claim, mine, given, theirs)


def _form(word: Word) -> str:
    """What opposites are looked up by: first is a number, and the opposite of last."""
    return word.written if word.tag == "fact" else word.key


def _agree(claim: Reading, one: Word, given: Reading, other: Word) -> bool:
    """Whether two facts are the same by the rules of :mod:`.facts`."""
    from ragbot.generation.verification.facts import fact_findings

    before = [word.end for word in claim.words if word.tag == "fact" and word.end <= one.start]
    mine = Reading(claim.text[max(0, one.start - _ABOUT, *before) : one.end + 2])
    return not fact_findings(mine, [Reading(given.text[other.start : other.end])]) and not (
        _soft(claim, one) and one.key != other.key
    )


def _soft(claim: Reading, word: Word) -> bool:
    return any(item.soft and item.start == word.start for item in claim.quantities)


def _names(claim: Reading, mine: Sequence[Word], given: Reading, theirs: Sequence[Word]) -> list[Finding]:
    starts = {word.start for word in mine}
    ours = [name for name in claim.names if name.start in starts]
    starts = {word.start for word in theirs}
    others = [name for name in given.names if name.start in starts]
    if not ours or not others:
        return []
    from ragbot.generation.verification.names import has_name

    text = " ".join(word.written for word in theirs)
    strange = [name for name in ours if not has_name(name, theirs, text.casefold())]
    return [
        Finding("name", claim.said(name.start, name.end), given.said(others[0].start, others[-1].end))
        for name in strange[:1]
    ]


def _displaced(
    claim: Reading, mine: Sequence[Word], given: Reading, theirs: Sequence[Word], around: Sequence[Reading]
) -> list[Finding]:
    """Something in the place of a name that neither the source nor its context knows: what it is called there, or not."""
    sure = {name.start for name in given.names if not name.soft}
    strange = [w for w in mine if w.content and w.tag != "fact" and not any(w.written in r.levelled for r in around)]
    replaced = [word.start for word in theirs if word.content]
    if not around or not strange or not replaced or not sure.issuperset(replaced):
        return []
    said = given.said(theirs[0].start, theirs[-1].end)
    return [Finding("name", claim.said(mine[0].start, mine[-1].end), said)] if said else []


def _denials(claim: Reading, mine: Sequence[Word], given: Reading, theirs: Sequence[Word]) -> list[Finding]:
    """A denial put in or taken out. One that was left out together with what it denies is no finding."""
    here, there = [w for w in mine if denies(w)], [w for w in theirs if denies(w)]
    if bool(here) == bool(there):
        return []
    speaker, words, cue = (claim, mine, here[0]) if here else (given, theirs, there[0])
    others = theirs if here else mine
    rest = [word for word in words if word.content and not denies(word)]
    if rest and not others:
        return []
    if rest and any(opposed(one.key, other.key) for one in rest for other in others):
        return []
    end = min([word.end for word in speaker.words if word.content and word.start >= cue.end][:1] or [cue.end])
    text = speaker.said(cue.start, end)
    return [Finding("negation", text, "") if here else Finding("negation", "", text)]
