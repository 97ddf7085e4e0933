"""Conversations as Markdown for people: the branch in use, with the quotes; questions and answers can be read again.

Comments in the text tell where a question and an answer begin, because an answer may hold headings of its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ragbot.documents import Citation
from ragbot.errors import UserError
from ragbot.text import answer_language
from ragbot.workspace.conversations import Conversations
from ragbot.workspace.records import ConversationInfo, Turn, clean, now
from ragbot.workspace.transfer import Imported, Whole, put, time_of

_MARK = re.compile(r'^<!-- ragbot:(conversation|question|answer|sources)((?: \w+="[^"\n]*")*) -->$', re.MULTILINE)
_ATTRIBUTE = re.compile(r'(\w+)="([^"\n]*)"')
#: What would be read as one of our comments, and how it is written instead.
_LIKE_A_MARK = re.compile(r"^(\\*)(<!-- ragbot:)", re.MULTILINE)
_ESCAPED = re.compile(r"^\\(\\*<!-- ragbot:)", re.MULTILINE)
_WORDS = {
    "en": {"question": "Question", "answer": "Answer", "sources": "Sources", "page": "page {}"},
    "zh": {"question": "问题", "answer": "回答", "sources": "来源", "page": "第 {} 页"},
}
_STATES = {
    "en": {"interrupted": "(stopped)", "failed": "(failed)"},
    "zh": {"interrupted": "（已停止）", "failed": "（出错）"},
}


def to_markdown(info: ConversationInfo, turns: Sequence[Turn]) -> str:
    """The turns of a branch as Markdown."""
    attributes = f'id="{info.id}" created="{info.created}" updated="{info.updated}"'
    parts = [f"<!-- ragbot:conversation {attributes} -->", f"# {info.title or info.id}"]
    for number, turn in enumerate(turns, 1):
        language = answer_language(turn.question)
        words = _WORDS[language]
        parts += [
            f'<!-- ragbot:question asked="{turn.asked}" state="{turn.state}" -->',
            f"## {number}. {words['question']}",
            _escaped(turn.question),
            "<!-- ragbot:answer -->",
            f"### {words['answer']}",
        ]
        if turn.text:
            parts.append(_escaped(turn.text))
        if turn.citations or turn.state != "complete":
            parts.append("<!-- ragbot:sources -->")
        if turn.state != "complete":
            parts.append(f"*{_STATES[language][turn.state]}*")
        if turn.citations:
            parts.append(f"### {words['sources']}")
            parts += [_source(citation, words["page"]) for citation in turn.citations]
    return "\n\n".join(parts) + "\n"


def from_markdown(conversations: Conversations, text: str, name: str = "the file") -> Imported:
    """Bring conversations in that :func:`to_markdown` wrote: questions, answers and times, without citations.

    Raises:
        UserError: it is not of that form.
    """
    marks = list(_MARK.finditer(text))
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    read: list[tuple[dict[str, str], str, list[Turn]]] = []
    question: tuple[str, dict[str, str]] | None = None
    for mark, end in zip(marks, ends, strict=False):
        kind, attributes, body = mark[1], dict(_ATTRIBUTE.findall(mark[2])), text[mark.end() : end]
        if kind == "conversation":
            read.append((attributes, body, []))
        elif kind == "question":
            question = (_body(body), attributes)
        elif kind == "answer" and question and read:
            turns = read[-1][2]
            turns.append(_turn(question, _body(body), len(turns) + 1, name))
            question = None
    if not read:
        raise UserError(f"{name} holds no conversation that ragbot wrote as Markdown, nor JSON; export it again")
    return put([_whole(*item, name) for item in read], conversations)


def _turn(question: tuple[str, dict[str, str]], answer: str, number: int, name: str) -> Turn:
    state = question[1].get("state")
    return Turn(
        question=question[0],
        text=answer,
        state="interrupted" if state == "interrupted" else "failed" if state == "failed" else "complete",
        id=number,
        parent=number - 1 or None,
        asked=time_of(question[1].get("asked") or now(), f"{name}: the time of a question"),
    )


def _whole(attributes: dict[str, str], body: str, turns: list[Turn], name: str) -> Whole:
    title = re.search(r"^# (.+)$", body, re.MULTILINE)
    times = [time_of(attributes.get(key) or now(), f"{name}: the time {key}") for key in ("created", "updated")]
    said = title.group(1).strip() if title else ""
    info = ConversationInfo(attributes.get("id", ""), clean(said), "", times[0], times[1], len(turns) or None)
    return Whole(info, tuple(turns), {}, {})


def _source(citation: Citation, page: str) -> str:
    where = citation.title or citation.source
    if citation.page is not None:
        where += f", {page.format(citation.page)}"
    heading = citation.heading.removeprefix(citation.title).removeprefix(" > ")
    if heading:
        where += f" · {heading}"
    quote = "\n".join(f"> {line}" for line in _escaped(citation.quote).splitlines())
    return f"\\[{citation.marker}\\] {where} (`{citation.source}`, {citation.start}–{citation.end})\n\n{quote}"


def _escaped(text: str) -> str:
    return _LIKE_A_MARK.sub(r"\\\1\2", text.strip("\n"))


def _body(text: str) -> str:
    """What stands below the heading of a part."""
    _, _, body = text.strip("\n").partition("\n")
    return clean(_ESCAPED.sub(r"\1", body.strip("\n")))
