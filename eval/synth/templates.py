"""Drafts without a chat model: facts of sentences, by rule, and what stands first under a heading."""

from __future__ import annotations

import re
from collections.abc import Iterator

from eval.synth import chinese, english
from eval.synth.base import Draft, Paragraph
from eval.synth.wording import flat, phrase

_RULES = {"en": english.facts, "zh": chinese.facts}
_NUMBERED = re.compile(r"^(?:第?[一二三四五六七八九十\d]+[章节、.．)）]\s*|\d+(?:\.\d+)*\s+)")
_WHOLE = re.compile(r"^[^=`]+[.!?。！？][”’\"'）)]*$")
#: Headings that any document may have: what stands below them is not told from them.
_ANYWHERE = re.compile(
    r"introduction|overview|summary|conclusion|conclusions|background|definition|example|an example|notes|abstract|"
    r"简介|引言|概述|小结|总结|结语|背景|定义|示例|算例|例子|一个例子|附录|摘要|前言",
    re.IGNORECASE,
)


def drafts(paragraph: Paragraph, variant: int) -> list[Draft]:
    """All questions that the rules see in a paragraph; ``variant`` chooses among the wordings."""
    found = [*_facts(paragraph, variant), *_section(paragraph, variant)]
    return list({draft.question: draft for draft in found}.values())


def _facts(paragraph: Paragraph, variant: int) -> Iterator[Draft]:
    for number, sentence in enumerate(paragraph.sentences):
        for fact in _RULES[paragraph.language](sentence.text, variant + number):
            answer = sentence.text[fact.start : fact.end]
            # The rules cut at punctuation and may leave white space, which belongs to no answer.
            yield Draft(
                fact.question,
                answer.strip(),
                fact.category,
                fact.origin,
                sentence.text,
                sentence.start,
                sentence.end,
                paragraph,
            )


def _section(paragraph: Paragraph, variant: int) -> Iterator[Draft]:
    heading = flat(_NUMBERED.sub("", paragraph.heading))
    if not paragraph.opens or not paragraph.sentences or not heading or _ANYWHERE.fullmatch(heading):
        return
    first = paragraph.sentences[0]
    if first.start - paragraph.start > 4 or not _WHOLE.search(first.text):
        return  # what opens the section is too short or too long to be the answer, or only leads on to it, or a formula
    if heading.endswith(("?", "？")):
        question = heading
    elif paragraph.title and flat(paragraph.title) not in {heading, flat(paragraph.heading)}:
        question = phrase(paragraph.language, "section", variant, title=paragraph.title, heading=heading)
    else:
        question = phrase(paragraph.language, "section_alone", variant, heading=heading)
    yield Draft(question, first.text, "section", "template", first.text, first.start, first.end, paragraph)
