"""Questions that one English sentence answers, made by rule so that they are grammatical by construction.

Each rule reads a plain sentence pattern, and asks nothing where the sentence is any other: a missed question costs
less than a crooked one. Verbs that have to change their form come from the table in ``wording.en.json``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from eval.synth.base import Fact
from eval.synth.wording import flat, phrase, words

_WORD = r"[\w'’.&/+-]+"
#: A note in brackets, such as the source, may stand behind a subject; a question leaves it out.
_NOTE = r"(?:\s\([^()]{2,60}\))?"
_SUBJECT = rf"(?P<s>(?:[A-Z]|an? |the )[\w'’.&/+-]*(?:\s{_WORD}){{0,6}}?){_NOTE}"
_YEAR = r"(?P<y>(?:1[5-9]|20)\d\d)"
_NUMBER = (
    r"(?P<n>\d+(?:,\d{3})*(?:\.\d+)?(?:\s(?:thousand|million|billion|trillion))?|two|three|four|five|six|seven|eight|nine|ten|"
    r"eleven|twelve|fifteen|sixteen|twenty|thirty|forty|fifty|sixty|eighty|ninety)"
)
_ABOUT = r"(?:(?:about|around|roughly|only|just|at least|up to|some|exactly|nearly|almost|over|more than)\s)?"
_AUTHOR = r"(?P<a>[A-Z][\w’'-]+(?:\set\sal\.|\sand\scolleagues|\sand\s[A-Z][\w’'-]+))"
_NAME = r"(?P<x>(?:[A-Z][\w-]*\s(?:of|for|in|the|and)\s)?[A-Z][\w.+-]*(?:\s[A-Z0-9][\w.+-]*){0,3})"
_PLACE = r"(?:\s(?:of|per|from|with|in|for|on)\s[^,;:.()]{2,50}?)?"

_PASSIVE = re.compile(rf"{_SUBJECT}\s(?P<b>was|were)\s(?P<r>[^,;:.()]{{4,90}}?)\sin\s{_YEAR}(?=[\s,.;)])")
_ACTIVE = re.compile(rf"{_SUBJECT}\s(?P<v>[a-z]+)\s(?P<r>[^,;:.()]{{3,90}}?)\sin\s{_YEAR}(?=[\s,.;)])")
_OPENING = re.compile(rf"In\s{_YEAR},?\s{_SUBJECT}\s(?P<v>[a-z]+)\s(?P<r>[^,;:.()]{{3,90}})(?=[,.;])")
_WORK = re.compile(rf"(?<![\w-]){_NAME}\s\({_AUTHOR},\s{_YEAR}\)")
_COUNT = re.compile(
    rf"{_SUBJECT}\s(?P<v>[a-z]+)\s{_ABOUT}{_NUMBER}\s(?P<o>(?:[a-z-]+\s){{0,2}}[a-z-]+)(?P<r>{_PLACE})(?=[,.;:]|\sand\s|$)"
)
_THERE = re.compile(rf"There\s(?P<v>are|were)\s{_ABOUT}{_NUMBER}\s(?P<o>[a-z-]+s(?:\s[^,;:.()]{{2,60}})?)(?=[,.;:])")
_WHY = re.compile(
    rf"{_SUBJECT}\s(?P<b>is|are|was|were|can|cannot|must|should|will|may)\s(?P<r>[^;:()]{{4,100}}?),?\sbecause\s(?P<c>[^;:()]{{12,160}})\.$"
)
_DEFINED = re.compile(
    rf"{_SUBJECT}(?:,\sor\s{_WORD},)?\s(?P<b>is|are|means)\s(?P<d>(?:an?|the|any)\s[^;]{{15,180}}?)(?:[.;]$|,\s(?:and|but|so)\s)",
    re.DOTALL,
)
_PERSON = re.compile(
    rf"(?P<a>[A-Z][\w’'-]+(?:\set\sal\.|\sand\scolleagues|(?:,\s[A-Z][\w’'-]+)*\sand\s[A-Z][\w’'-]+))(?:\s\({_YEAR}\))?\s(?P<r>(?P<v>[a-z]+)\s[^;:()]{{20,130}})\.$"
)
_WHAT = re.compile(
    rf"(?P<x>[A-Z][\w.+-]*(?:\s[A-Z0-9][\w.+-]*){{0,2}}){_NOTE}\s(?P<r>(?P<v>[a-z]+s)\s[^;:()]{{30,120}})\.$"
)
_BY = re.compile(
    rf"{_SUBJECT}\s(?:was|were)\s(?:first\s)?(?P<v>[a-z]+)\sby\s(?P<a>[A-Z][\w’'-]+(?:(?:,\s|\sand\s|\s)[A-Z][\w’'-]+)*(?:\set\sal\.|\sand\scolleagues)?)"
)
_SHORT = re.compile(
    rf"{_NAME}{_NOTE}(?:,\s(?:which\sis\s)?short\sfor|\sis\sshort\sfor|(?:,\swhich)?\sstands\sfor)\s(?P<d>[^,;:.()]{{5,80}})"
)
_APPOSED = re.compile(rf"{_NAME}{_NOTE},\s(?P<d>an?\s[^,;:()]{{12,90}}),\s")
_JOINT = re.compile(r"[,;]\s(?:and|but|while|whereas|so)\s|;\s")
_CLOZE_NUMBER = re.compile(
    r"(?<![\w.,/^(=×-])(?P<n>\d+(?:,\d{3})*(?:\.\d+)?(?:\s(?:percent|per cent|%|thousand|million|billion|trillion))?)(?![\w.,/^)=×-]?\w|\s?[=×*+/^])"
)

#: What a subject may not begin with: it would refer to something said before, or is no subject.
_NO_SUBJECT = frozenset(
    "this that these those it its they their he she his her we our you your i there here one another some many most "
    "each every both all if when while where what which who how why in on at for as to from with without by after "
    "before since although though because but and or so then thus hence however other others such several few fewer "
    "more less only also even not no neither either first second third finally today later unlike like given with "
    "during until unless under over between among once instead moreover still yet together nothing everything".split()
)
#: What leans on the text around it, anywhere in a question.
_LEANING = re.compile(
    r"\b(?:this|these|those|here|above|below|following|former|latter|said|paper|papers|authors?|same|another|other|"
    r"others|resulting|it|they|them|he|she|we|us|our|you|your|such|then|hence|therefore|thus|however|too|also|"
    r"the (?:result|results|first|second|third|last|next|number|numbers|reference|prediction|example|larger|smaller|"
    r"difference|idea|approach|work|experiment|experiments|study|answer|question|rest|two|three|main|original|"
    r"new|old|whole|value|values|method|model|gain|goal|problem))\b",
    re.IGNORECASE,
)
#: "X is a Y because Z": the reason belongs to something in Y as often as to X.
_ARTICLE = re.compile(r"(?:an?|the)\s")
_CLAUSE = frozenset(
    "that which who whose where when while because if and or but is are was were has have had can to".split()
)
_EXAMPLE = re.compile(r"\b(?:suppose|imagine|assume|example|e\.g\.|consider|say|let)\b", re.IGNORECASE)
_UNCOUNTED = frozenset("percent per times year years am pm".split())
_PLURALS = frozenset("people children men women data gb mb kb tb gib mib kib".split())


def facts(sentence: str, variant: int) -> Iterator[Fact]:
    """The questions that ``sentence`` answers, best first; ``variant`` chooses among wordings."""
    if "`" in sentence or "=" in sentence or _EXAMPLE.search(sentence):
        return
    for rule in _RULES:
        for at in _starts(sentence):
            for fact in rule(sentence, at, variant):
                if _fits(fact, sentence):
                    yield fact


def _starts(sentence: str) -> list[int]:
    """Where a clause begins that can be read by itself."""
    return [0, *(match.end() for match in _JOINT.finditer(sentence))]


def _year(sentence: str, at: int, variant: int) -> Iterator[Fact]:
    past = words("en")["past"]
    if (found := _PASSIVE.match(sentence, at)) and _is_subject(found["s"]):
        yield _ask("date", found, "y", f"In which year {found['b']} {_inner(found['s'])} {found['r']}?")
    for pattern in (_ACTIVE, _OPENING):
        if (found := pattern.match(sentence, at)) and found["v"] in past and _is_subject(found["s"]):
            yield _ask("date", found, "y", f"In which year did {_inner(found['s'])} {past[found['v']]} {found['r']}?")


def _work(sentence: str, at: int, variant: int) -> Iterator[Fact]:
    for found in _WORK.finditer(sentence) if at == 0 else ():
        name = found["x"]
        # A single capitalised word that opens the sentence need not be a name.
        if found.start() == 0 and " " not in name and sum(map(str.isupper, name)) < 2:
            continue
        if name.split()[0].lower() in _NO_SUBJECT | {"the", "a", "an"}:
            continue
        yield _ask("date", found, "y", phrase("en", "work_year", variant, author=found["a"], x=name))
        yield _ask("person", found, "a", phrase("en", "work_author", variant, year=found["y"], x=name))


def _count(sentence: str, at: int, variant: int) -> Iterator[Fact]:
    counted = words("en")["counted"]
    if (found := _COUNT.match(sentence, at)) and found["v"] in counted and _is_subject(found["s"]):
        auxiliary, verb = counted[found["v"]].split()
        last = found["o"].split()[-1]
        of, rest = (found["r"], "") if found["r"].startswith(" of ") else ("", found["r"])
        auxiliary_subject = f"{auxiliary} {_inner(found['s'])} {verb}"
        if found["o"] in {"percent", "per cent"} and found["r"] and not found["n"].isalpha():
            yield _ask("number", found, "n", f"What percentage{found['r']} {auxiliary_subject}?")
        elif (last.endswith("s") or last in _PLURALS) and not _UNCOUNTED & set(found["o"].split()):
            yield _ask("number", found, "n", f"How many {found['o']}{of} {auxiliary_subject}{rest}?")
    if found := _THERE.match(sentence, at):
        first, _, rest = found["o"].partition(" ")
        yield _ask("number", found, "n", f"How many {first} {found['v']} there {rest}".rstrip() + "?")


def _why(sentence: str, at: int, variant: int) -> Iterator[Fact]:
    if (found := _WHY.match(sentence, at)) and _is_subject(found["s"]) and not _ARTICLE.match(found["r"]):
        # A plural that opens the sentence is a common word: "trains are".
        plural = found["b"] in {"are", "were"} and re.fullmatch(r"[A-Z][a-z]+s", found["s"])
        subject = found["s"].lower() if plural else _inner(found["s"])
        yield _ask("reason", found, "c", f"Why {found['b']} {subject} {found['r']}?")


def _definition(sentence: str, at: int, variant: int) -> Iterator[Fact]:
    found = _DEFINED.match(sentence, at)
    if (
        not found
        or not _is_subject(found["s"])
        or not (1 + found["s"].startswith("The ")) <= len(found["s"].split()) - found["s"].startswith("The ") <= 4
    ):
        return
    if re.match(
        r"the\s(?:same|most|main|only|first|one|best|usual|simplest|number|other|worst|biggest|largest)", found["d"]
    ):
        return
    plural = found["b"] == "are"
    yield _ask(
        "definition", found, "d", phrase("en", "definitions" if plural else "definition", variant, x=_inner(found["s"]))
    )


def _short(sentence: str, at: int, variant: int) -> Iterator[Fact]:
    if at == 0 and (found := _SHORT.search(sentence)) and len(found["x"]) > 1:
        yield _ask("definition", found, "d", f"What does {found['x']} stand for?")
    if (found := _APPOSED.match(sentence, at)) and _is_name(found["x"]):
        yield _ask("definition", found, "d", phrase("en", "definition", variant, x=found["x"]))


def _by(sentence: str, at: int, variant: int) -> Iterator[Fact]:
    found = _BY.match(sentence, at)
    if found and found["v"] in words("en")["past"] and _is_subject(found["s"]):
        yield _ask("person", found, "a", f"Who {found['v']} {_inner(found['s'])}?")


def _person(sentence: str, at: int, variant: int) -> Iterator[Fact]:
    found = _PERSON.match(sentence, at)
    if (
        found
        and found["v"] in words("en")["past"]
        and not re.search(r"\b(?:their|they|them)\b|, and [A-Z]", found["r"])
    ):
        yield _ask("person", found, "a", f"Who {found['r']}?", "masked")


def _what(sentence: str, at: int, variant: int) -> Iterator[Fact]:
    found = _WHAT.match(sentence, at)
    if not found or found["v"] in {"is", "was", "has", "does", "as", "its", "this", "models", "methods", "results"}:
        return
    name = found["x"]
    if (
        _is_name(name)
        and name not in found["r"]
        and not found["v"].endswith("ss")
        and name.split()[0].lower() not in _NO_SUBJECT | {"the", "a"}
    ):
        yield _ask("name", found, "x", f"What {found['r']}?", "masked")


def _cloze(sentence: str, at: int, variant: int) -> Iterator[Fact]:
    if (
        at
        or len(sentence) > 160
        or not any(_is_name(word) for word in re.findall(r"[\w-]+", sentence))
        or _LEANING.search(sentence)
        or sentence.split()[0].lower() in _NO_SUBJECT
    ):
        return
    found = [match for match in _CLOZE_NUMBER.finditer(sentence) if not re.fullmatch(r"(?:1[5-9]|20)\d\d", match["n"])]
    if len(found) != 1:  # of several numbers, the others give the answer away or are asked for as well
        return
    blank = sentence[: found[0].start("n")] + "____" + sentence[found[0].end("n") :]
    yield _ask("cloze", found[0], "n", phrase("en", "cloze_number", variant, text=blank), "masked")


_RULES: tuple[Callable[[str, int, int], Iterator[Fact]], ...] = (
    _year,
    _by,
    _count,
    _why,
    _short,
    _definition,
    _person,
    _work,
    _what,
    _cloze,
)


def _ask(category: str, found: re.Match[str], group: str, question: str, origin: str = "template") -> Fact:
    return Fact(
        category, flat(question), found.start(group), found.end(group), "masked" if origin == "masked" else "template"
    )


def _is_subject(text: str) -> bool:
    parts = [part.lower() for part in text.split()]
    return (
        parts[0] not in _NO_SUBJECT
        and not _CLAUSE & set(parts)
        and parts[-1] not in {"the", "a", "an", "of", "in", "for"}
    )


def _speaks_of_something(text: str) -> bool:
    """Whether a short question names what it is about, or a longer one says enough of it ("the cache" does not)."""
    return any(_is_name(word) for word in text.split()[1:]) or len(text.split()) >= 9


def _is_name(text: str) -> bool:
    """Told by the first word, which any other word would begin with a capital just for opening the sentence."""
    first = text.split()[0]
    signs = sum(character.isupper() or character.isdigit() for character in first)
    return signs > 1 and any(map(str.isupper, first)) and first.lower() not in _NO_SUBJECT


def _inner(subject: str) -> str:
    """A subject in the middle of a sentence: an article, or a common word, loses its capital."""
    first, _, rest = subject.partition(" ")
    plain = first.lower() in {"the", "a", "an"} or (
        first[1:].islower() and first.isascii() and bool(rest) and rest.islower()
    )
    # "Gradient checkpointing" is a common term, "Kwon" alone is a name: a single capitalised word stays as it is.
    return f"{first.lower()} {rest}".strip() if plain else subject


def _fits(fact: Fact, sentence: str) -> bool:
    answer = sentence[fact.start : fact.end]
    if fact.category != "cloze" and _LEANING.search(fact.question.replace("other than", "")):
        return False
    if fact.category == "number" and not _speaks_of_something(fact.question):
        return False
    return "*" not in answer and len(fact.question.split()) >= 3
