"""Answers without a language model."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from ragbot.bot import RagBot
from ragbot.documents import Answer, ParsedDocument
from ragbot.generation.citations import Citations
from ragbot.generation.extractive import ExtractiveAnswerer
from ragbot.generation.markers import Markers
from ragbot.generation.quoting import plain
from ragbot.models.testing import HashEmbedder
from ragbot.settings import Settings


def ask(folder: Path, text: str, question: str) -> Answer:
    """The answer from one document, refusals off."""
    settings = Settings(generation={"min_confidence": 0.0})  # type: ignore[arg-type]
    with RagBot.open(folder, embedder=HashEmbedder(), llm="extractive", settings=settings) as bot:
        bot.ingest_documents({"doc": ParsedDocument(text)})
        answer = bot.ask(question)
        for citation in answer.citations:
            assert citation.quote == text[citation.start : citation.end]
        return answer


@pytest.mark.parametrize(
    ("question", "wanted", "source"),
    [
        ("What colour is the lighthouse of Aalto?", "Its lighthouse is painted green. [", "plain.txt"),
        ("长江流经哪些城市？", "它流经重庆和武汉，最后注入东海。 [", "misc.txt"),
        ("What does continuous batching do?", "Continuous batching admits a request", "serving.md"),
    ],
)
def test_the_sentence_that_answers(bot: RagBot, question: str, wanted: str, source: str) -> None:
    answer = bot.ask(question)
    assert wanted in answer.text and not answer.abstained
    assert any(citation.source.endswith(source) and citation.quote[:9] in answer.text for citation in answer.citations)
    assert bot.ask(question).text == answer.text


def test_every_sentence_is_the_documents_and_cited(bot: RagBot) -> None:
    answer = bot.ask("What was described in 2023?")
    stream = bot.stream("What was described in 2023?")
    assert "".join(stream) == answer.text
    texts = [bot.document_text(document.id) for document in bot.documents()]
    for sentence in answer.text.split("]")[:-1]:
        words = sentence.rpartition(" [")[0].strip()
        assert any(words in text for text in texts)
    assert {citation.marker for citation in answer.citations} == set(
        range(1, len({c.marker for c in answer.citations}) + 1)
    )


def test_reference_numbers_of_the_source_are_not_taken_for_citations(kb_folder: Path) -> None:
    text = "Batch normalisation was proposed in 2015 [1, 2] and is used widely [3].\n\n" + "\n\n".join(
        f"Unrelated paragraph {n} about gardens, rivers and stones." for n in range(30)
    )
    answer = ask(kb_folder, text, "When was batch normalisation proposed?")
    assert "2015" in answer.text
    assert all("2015" in citation.quote for citation in answer.citations if citation.marker == 1)
    assert len({citation.marker for citation in answer.citations}) == answer.text.count("[")


def test_pictures_and_rules_are_no_answers(kb_folder: Path) -> None:
    answer = ask(kb_folder, "![](figure-one.png)\n\n-----\n\nFigure one shows the tower.", "What does figure one show?")
    assert answer.text == "Figure one shows the tower. [1]"


def test_only_a_picture(kb_folder: Path) -> None:
    answer = ask(kb_folder, "![](figure-one.png)", "What does figure one show?")
    assert answer.abstained


@pytest.mark.parametrize(
    ("sentence", "shown"),
    [
        ("- **Bold** point", "Bold point"),
        ("3. Third", "Third"),
        ("> quoted `code` here", "quoted code here"),
        ("See [the page](http://a.b/c).", "See the page."),
        ("| a | b |", "a · b"),
        ("two\nlines", "two lines"),
        ("snake_case and a*b", "snake_case and a*b"),
        ("array[i] = 2", "array[i] = 2"),
    ],
)
def test_plain(sentence: str, shown: str) -> None:
    assert plain(sentence) == shown


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("The score lies in [0, 1].", "The score lies in [0, 1]."),
        ("权重取值于区间 [0, 1]，学习率取 0.1。", "权重取值于区间 [0, 1]，学习率取 0.1。"),
        ("Use a[0] and a[1] here.", "Use a[0] and a[1] here."),
        ("Define __init__ and __repr__.", "Define __init__ and __repr__."),
        ("This is __very much__ **bold** `code`.", "This is very much bold code."),
        ("Shown before [3, 4] and again [12].", "Shown before and again."),
        ("研究表明如此【2】。", "研究表明如此。"),
        ("- [link](http://a.b) text", "link text"),
        ("| a | b |", "a · b"),
    ],
)
def test_plain_keeps_what_is_no_markup(source: str, shown: str) -> None:
    assert plain(source).replace("\u2060", "") == shown
    numbers = Citations([], "")
    assert "".join(Markers(numbers.mark).filter([plain(source)])) == plain(source)


@pytest.mark.parametrize(
    ("sentences", "shown"),
    [
        (["BM25 ranks.", "BM25 ranks well."], "BM25 ranks. [1] BM25 ranks well. [2]"),
        (["BM25 ranks.", "BM25 是打分函数。"], "BM25 ranks. [1] BM25 是打分函数。 [2]"),
        (["BM25 是打分函数。", "BM25 ranks."], "BM25 是打分函数。 [1] BM25 ranks. [2]"),
        (["BM25 是打分函数。", "BM25 很难超越。"], "BM25 是打分函数。 [1]BM25 很难超越。 [2]"),
    ],
)
def test_a_space_stands_beside_english_sentences(
    kb_folder: Path, monkeypatch: pytest.MonkeyPatch, sentences: list[str], shown: str
) -> None:
    ranked = [(1.0, SimpleNamespace(passage=number, position=0, text=text)) for number, text in enumerate(sentences)]
    with RagBot.open(kb_folder, embedder=HashEmbedder(), llm="extractive") as bot:
        answerer = ExtractiveAnswerer(bot.kb, bot.embedder)
        monkeypatch.setattr(answerer, "rank", lambda question, passages: ranked)
        assert "".join(answerer.pieces("BM25?", [], "en", ())) == shown
