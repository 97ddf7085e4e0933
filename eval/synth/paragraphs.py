"""From documents to the paragraphs that can be asked about: prose, without tables, contents, code and references."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from eval.synth.base import LANGUAGES, Paragraph, Sentence
from ragbot.documents import ParsedDocument, heading_path
from ragbot.text import detect_language, sentence_spans

#: A paragraph below this many characters holds too little to ask about; Chinese says more in each.
SHORTEST = {"en": 60, "zh": 24}
#: Sentences outside these lengths, in characters, give questions that nobody would ask.
SENTENCE = {"en": (30, 320), "zh": (12, 160)}

_BLOCK = re.compile(r"(?:[^\n]|\n(?![ \t]*\n))+")
_LIST_MARK = re.compile(r"(?:[-*+•·]|\d{1,3}[.)、]|[（(]\d{1,2}[)）])[ \t]*")
_REFERENCES = re.compile(
    r"(?:\d+[.、 ]*|[一二三四五六七八九十]+、)?\s*"
    r"(?:references|bibliography|further reading|sources|literature|contents|table of contents|index|acknowledge?ments|"
    r"参考文献|参考资料|延伸阅读|目录|致谢|索引)",
    re.IGNORECASE,
)
_REFERENCE_LINE = re.compile(r"\s*(?:\[\d+\]|https?://|doi:|©|copyright\b|版权所有|all rights reserved)", re.IGNORECASE)
_LEADERS = re.compile(r"(?:\.{4,}|…{2,}|·{4,})\s*\d+\s*$", re.MULTILINE)
_CODE = re.compile(r"```|^(?: {4}|\t)\S|^\s*`[^`]+`\s*$", re.MULTILINE)
_PROSE_END = tuple(".!?。！？；…\"'”’」』)）")


def paragraphs(documents: Mapping[str, ParsedDocument], dropped: Counter[str]) -> list[Paragraph]:
    """The paragraphs of all documents, in order; ``dropped`` counts those passed over, by reason."""
    found: list[Paragraph] = []
    for source in sorted(documents):
        found.extend(_of_document(source, documents[source], dropped))
    return found


def _of_document(source: str, document: ParsedDocument, dropped: Counter[str]) -> Iterator[Paragraph]:
    headings = {_bare(heading.text) for heading in document.headings}
    begun: set[tuple[str, ...]] = set()
    in_code = False
    for match in _BLOCK.finditer(document.text):
        start, end = _trimmed(document.text, match.start(), match.end())
        while (line := re.match(r"#{1,6}[ ][^\n]*\n\s*", document.text[start:end])) is not None:
            start += line.end()  # a heading directly above its text
        text = document.text[start:end]
        if not text or text.startswith("#") or _bare(text) in headings:
            continue
        path = heading_path(document.headings, start)
        opens = bool(path) and path not in begun  # told before anything is passed over: the next one is not the first
        begun.add(path)
        fences = text.count("```")
        was_code, in_code = in_code, in_code ^ (fences % 2 == 1)
        reason = "code" if was_code or fences else _unfit(text, path)
        language = detect_language(text) or document.language
        if not reason and language not in LANGUAGES:
            reason = "other language"
        if not reason and len(text) < SHORTEST[language]:
            reason = "too short"
        if reason:
            dropped[reason] += 1
            continue
        title = document.title or (path[0] if path else "")
        heading = path[-1] if path else ""
        sentences = tuple(_sentences(document.text, start, end, language))
        yield Paragraph(source, title, heading, text, start, end, language, opens, sentences)


def _unfit(text: str, path: tuple[str, ...]) -> str:
    """Why a block is no prose, or nothing."""
    if any(_REFERENCES.fullmatch(_bare(heading)) for heading in path):
        return "references"
    lines = text.splitlines()
    if any(_REFERENCE_LINE.match(line) for line in lines):
        return "references"
    if sum(line.count("|") > 0 or line.count("\t") > 1 for line in lines) * 2 > len(lines):
        return "table"
    if _LEADERS.search(text):
        return "contents"
    if _CODE.search(text):
        return "code"
    if not text.endswith(_PROSE_END) and len(lines) == 1 and not _LIST_MARK.match(text):
        return "no sentence"
    return ""


def _sentences(text: str, start: int, end: int, language: str) -> Iterator[Sentence]:
    least, most = SENTENCE[language]
    for begin, stop in sentence_spans(text, start, end):
        mark = _LIST_MARK.match(text, begin, stop)
        begin = mark.end() if mark else begin
        sentence = text[begin:stop]
        if least <= len(sentence) <= most and "|" not in sentence and "](" not in sentence:
            yield Sentence(sentence, begin, stop)


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def _bare(text: str) -> str:
    return " ".join(text.strip("#* \t\n").split())
