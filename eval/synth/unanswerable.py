"""Questions that the documents do not answer: near ones, on their subjects, and far ones, from everyday life."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from importlib.resources import files

from eval.synth.base import Draft, Impossible, Paragraph
from eval.synth.filters import Asked, squeezed
from eval.synth.wording import flat, words
from ragbot.text import detect_language

_YEAR = re.compile(r"(?<!\d)(?:1[5-9]|20)\d\d(?!\d)")
_PERSON = re.compile(r"\b[A-Z][a-z]+(?=\s(?:et al\.|and colleagues)|\s?等人?)")
#: A name that can be told from a common word: inner capitals, digits, or Latin letters in a Chinese question.
_NAME = re.compile(r"(?<![A-Za-z])(?=[A-Za-z0-9-]*[A-Z][A-Za-z0-9-]*[A-Z0-9])[A-Z][A-Za-z0-9-]{2,}(?!\s?\d)")
_TERM = re.compile(r"[A-Za-z0-9\u3400-\u9fff][^“”《》？?]{1,24}")


class Corpus:
    """All text of the documents, asked only whether something occurs in it."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._text = "\n".join(texts).casefold()
        self._squeezed = squeezed(self._text)

    def has(self, text: str) -> bool:
        """Whether ``text`` occurs anywhere, whatever its case and white space; an English word only as a whole."""
        text = text.casefold().strip()
        if text.isascii():
            return re.search(rf"(?<![a-z0-9]){re.escape(text)}(?![a-z0-9])", self._text) is not None
        return squeezed(text) in self._squeezed


def near(drafts: Sequence[Draft], paragraphs: Sequence[Paragraph], corpus: Corpus, seed: int) -> Iterator[Impossible]:
    """Questions about something like what the documents speak of: a name, a year or an aspect that is not in them."""
    random_ = random.Random(seed)
    swaps = _swapped(drafts, corpus, random_)
    aspects = _aspects(paragraphs, corpus, random_)
    asked = Asked()
    # In turn, so that a set does not unlearn to refuse in only one way.
    sources = [swaps, aspects]
    while sources:
        for source in list(sources):
            question = next(source, None)
            if question is None:
                sources.remove(source)
            elif asked.add(question.question):
                yield question


def far(languages: Sequence[str], corpus: Corpus, seed: int) -> Iterator[Impossible]:
    """Everyday questions whose key words the documents do not hold, the languages (with repetitions) in turn."""
    queues: dict[str, list[str]] = {}
    for language in dict.fromkeys(languages):
        lines = files(__package__).joinpath(f"far.{language}.txt").read_text(encoding="utf-8").splitlines()
        random.Random(f"{seed} {language}").shuffle(lines)
        queues[language] = lines
    while any(queues.get(language) for language in languages):
        for language in languages:
            while queues[language]:
                question, _, keys = queues[language].pop().partition("|")
                if not any(corpus.has(key) for key in keys.split(",")):
                    yield Impossible(question.strip(), "unanswerable-far", language, "written")
                    break


def _swapped(drafts: Sequence[Draft], corpus: Corpus, random_: random.Random) -> Iterator[Impossible]:
    strangers = {kind: list(words("en")[f"strange_{kind}"]) for kind in ("names", "persons")}
    for pool in strangers.values():
        random_.shuffle(pool)
    for draft in random_.sample(list(drafts), len(drafts)):
        if draft.category in {"section", "cloze", "item"}:
            continue
        question = draft.question
        if match := _NAME.search(question):
            new = _stranger(strangers["names"], corpus)
        elif (match := _PERSON.search(question)) and draft.category != "date":
            new = _stranger(strangers["persons"], corpus)
        elif match := _YEAR.search(question):
            years = [str(year) for year in range(1900, 2030) if not corpus.has(str(year))]
            new = random_.choice(years) if years else ""
        else:
            continue
        if new and match:
            changed = question[: match.start()] + new + question[match.end() :]
            yield Impossible(changed, "unanswerable-near", draft.paragraph.language, draft.origin)


def _stranger(pool: list[str], corpus: Corpus) -> str:
    """The next name that no document holds; it goes to the end of the pool."""
    for _ in range(len(pool)):
        name = pool.pop(0)
        pool.append(name)
        if not corpus.has(name):
            return name
    return ""


def _aspects(paragraphs: Sequence[Paragraph], corpus: Corpus, random_: random.Random) -> Iterator[Impossible]:
    headings = {(paragraph.source, paragraph.heading): paragraph for paragraph in paragraphs if paragraph.opens}
    used = 0
    for paragraph in random_.sample(list(headings.values()), len(headings)):
        subject = flat(
            re.sub(r"^(?:第?[一二三四五六七八九十\d]+[章节、.．)）]\s*|\d+(?:\.\d+)*\s+)", "", paragraph.heading)
        )
        # Only a term can be asked about in this way: no sentence, no question, nothing in another language.
        plain = _TERM.fullmatch(subject) and not re.search(
            r"[?？：:，,的]|^(?:怎|为什么|什么|如何|从|把|先|让|不|一个|几)", subject
        )
        if not plain or len(subject.split()) > 4 or subject.split()[0].lower() in words("en")["no_subject"]:
            continue
        if subject.casefold() not in flat(paragraph.text).casefold():
            continue  # a heading that its text does not speak of is no term
        if detect_language(subject) not in {"", paragraph.language}:
            continue
        options = words(paragraph.language)["aspects"]
        for offset in range(len(options)):
            option = options[(used + offset) % len(options)]
            if not any(corpus.has(key) for key in option["keys"]):
                used += offset + 1
                question = option["question"].replace("$x", subject)
                yield Impossible(question, "unanswerable-near", paragraph.language, "template")
                break
