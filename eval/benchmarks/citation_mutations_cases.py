"""Cited sentences, true and made false, from documents: what :mod:`.citation_mutations` and the tests are made of."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from eval.benchmarks import citation_mutations_edits as edits
from ragbot.documents import Document, Heading, Passage, heading_path
from ragbot.generation.quoting import plain
from ragbot.generation.verification.writer import Writer
from ragbot.text import detect_language, sentence_spans

#: Passages beside the right one: of the same document, and of others.
_SAME, _OTHERS = 2, 2
_PASSAGE = {"zh": 350, "en": 800}
_NO_SENTENCE = re.compile(r"^\s*(?:#|\||```|[-=*_]{3,})|\n\s*\n")
_HEADING = re.compile(r"^(#{1,6}) (.+)$", re.M)

KINDS: dict[str, Callable[[str, random.Random], str | None]] = {
    "number: digit": edits.digits,
    "number: magnitude": edits.magnitude,
    "number: unit": edits.unit,
    "number: in words": edits.written_number,
    "date": edits.date,
    "negation": edits.negated,
    "opposite": edits.opposite,
}
TRUE, MARKER, FOREIGN, NAME = "true", "marker", "foreign quote", "name"


@dataclass(frozen=True, slots=True)
class Case:
    """An answer of one cited sentence. ``right`` is the passage (from 1) that carries it where it is true."""

    kind: str
    language: str
    answer: str
    passages: tuple[Passage, ...]
    right: int
    cited: int
    question: str = ""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence that is true of passage ``passage`` (an index) of document ``document``; ``text`` may paraphrase it."""

    document: str
    passage: int
    text: str
    language: str
    question: str = ""


def passages_of(texts: Mapping[str, str]) -> dict[str, list[Passage]]:
    """Each document cut at sentences into passages of the usual length."""
    found: dict[str, list[Passage]] = {}
    for number, (source, text) in enumerate(texts.items()):
        language = "zh" if detect_language(text) == "zh" else "en"
        document = Document(number + 1, source, source, "md", language, None, str(number))
        outline = tuple(Heading(m.start(), len(m[1]), m[2].strip()) for m in _HEADING.finditer(text))
        begin, made = 0, []
        for start, end in [*sentence_spans(text), (len(text), len(text))]:
            if end - begin > _PASSAGE[language] or start == len(text):
                stop = start if start > begin else end
                if text[begin:stop].strip():
                    headings = heading_path(outline, begin)
                    made.append(Passage(document, text[begin:stop], begin, stop, None, headings, 1.0, (), outline))
                begin = stop
        found[source] = made
    return found


def sentences_of(passages: Mapping[str, Sequence[Passage]]) -> list[Sentence]:
    """The sentences of these passages that could stand in an answer: neither headings nor rows, of some length."""
    found = []
    for source, cut in passages.items():
        for number, passage in enumerate(cut):
            for start, end in sentence_spans(passage.text):
                raw = passage.text[start:end]
                text = plain(raw)
                least = 12 if passage.document.language == "zh" else 40
                ended = raw.rstrip(')）"”').endswith((".", "。", "！", "!"))
                if ended and not _NO_SENTENCE.search(raw) and least <= len(text) <= 400:
                    found.append(Sentence(source, number, text, passage.document.language))
    return found


def cases(
    passages: Mapping[str, Sequence[Passage]], sentences: Sequence[Sentence], each: int, seed: int
) -> Iterator[Case]:
    """For each language, up to ``each`` cases of each kind; the same for the same arguments."""
    for language in ("en", "zh"):
        own = [sentence for sentence in sentences if sentence.language == language]
        if not own:
            continue
        pool = sorted({name for sentence in own for name in edits.names_of(sentence.text)})
        kinds = {TRUE: None, MARKER: None, FOREIGN: None, **KINDS, NAME: edits.renamed(pool)}
        for kind, edit in kinds.items():
            draw = random.Random(f"{seed} {language} {kind}")
            made = 0
            for sentence in draw.sample(own, len(own)):
                if made == each:
                    break
                case = _case(kind, edit, sentence, own, passages, draw)
                if case:
                    made += 1
                    yield case


def outcome(case: Case, strict: bool = False) -> bool:
    """Whether the sentence passes: every claim supported, and cited from the passage that was named or the right one.

    For the kind ``marker`` passing means that the wrong passage is still cited.
    """
    writer = Writer(case.passages, case.question, strict=strict)
    for _ in writer.write([f"{case.answer} [{case.cited}]"]):
        pass
    if any(claim.status == "unsupported" for claim in writer.claims):
        return False
    if case.kind != MARKER:
        return bool(writer.claims)
    wrong = case.passages[case.cited - 1]
    return any(
        citation.document_id == wrong.document.id and wrong.start <= citation.start < wrong.end
        for citation in writer.citations
    )


def _case(
    kind: str,
    edit: Callable[[str, random.Random], str | None] | None,
    sentence: Sentence,
    own: Sequence[Sentence],
    passages: Mapping[str, Sequence[Passage]],
    draw: random.Random,
) -> Case | None:
    text = sentence.text
    if kind == FOREIGN:
        strangers = [other for other in own if other.document != sentence.document]
        if not strangers:
            return None
        stranger = draw.choice(strangers)
        text, banned = stranger.text, stranger.document
    else:
        banned = ""
    if edit:
        edited = edit(text, draw)
        if edited is None or edited == text:
            return None
        text = edited
    right = passages[sentence.document][sentence.passage]
    rest = [item for number, item in enumerate(passages[sentence.document]) if number != sentence.passage]
    language = right.document.language
    others = [
        item
        for source, cut in passages.items()
        if source not in {sentence.document, banned}
        for item in cut
        if item.document.language == language
    ]
    shown = [right, *draw.sample(rest, min(_SAME, len(rest))), *draw.sample(others, min(_OTHERS, len(others)))]
    draw.shuffle(shown)
    place = shown.index(right) + 1
    cited = place
    if kind == MARKER:
        cited = draw.choice([number for number in range(1, len(shown) + 1) if number != place])
    return Case(kind, sentence.language, text, tuple(shown), place, cited, sentence.question)
