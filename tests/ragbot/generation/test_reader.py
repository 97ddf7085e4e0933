"""The reader over a model double: probabilities first, then the answer from the passage that was chosen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, cast

import numpy as np
import pytest

from ragbot.bot import RagBot
from ragbot.documents import Answer, Document, ParsedDocument, Passage
from ragbot.errors import ModelNotFoundError
from ragbot.generation.chain import AnswerChain
from ragbot.generation.confidence import reader_logit, reading_confidence
from ragbot.generation.reader import Read, Reader
from ragbot.generation.reading_answerer import Judged, ReadingAnswerer
from ragbot.generation.span_evidence import sentences
from ragbot.generation.spans import Sentence, Weights
from ragbot.models.bundled import BundledFile


class Letters:
    """A tokenizer whose tokens are characters."""

    bos, eos = 2, 1
    pieces: ClassVar = {bytes([code]): (code,) for code in range(32, 128)}
    bytes_of: ClassVar = {code: bytes([code]) for code in range(32, 128)}

    def encode(self, text: str) -> list[int]:
        return [ord(letter) for letter in text]

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(chr(token) for token in ids)


class Engine:
    """Says ``odds`` for none and for the passage, or by ``nones`` of its text, and then, with certainty, ``says``."""

    def __init__(self, odds: Sequence[float], says: str) -> None:
        self.tokenizer = Letters()
        self.odds, self.says = odds, says
        self.prompts: list[str] = []
        self.begun: set[str] = set()
        self.nones: dict[str, float] = {}

    def start(self, prompt: Sequence[int]) -> Any:
        assert prompt[0] == Letters.bos
        self.prompts.append(self.tokenizer.decode(prompt[1:]))
        logits = np.full(0x110000, -9.0, np.float32)
        odds = next(([none, 1 - none] for text, none in self.nones.items() if text in self.prompts[-1]), self.odds)
        for number, chance in enumerate(odds):
            logits[ord(str(number))] = np.log(max(chance, 1e-6))
        return SimpleNamespace(logits=logits, peek=self._peek, usage=SimpleNamespace(prompt=len(prompt)))

    def _peek(self, ids: Sequence[int], wanted: Sequence[Sequence[int]]) -> Any:
        rows = len(wanted)
        begun, _, said = self.tokenizer.decode(ids).partition("]")
        self.begun.add(begun + "]")
        logits = np.full((rows, 0x110000), -9.0, np.float32)
        for row in range(rows):
            so_far = said[: len(said) - rows + 1 + row]
            following = self.says[len(so_far) :] if self.says.startswith(so_far) else ""
            logits[row, ord(following[0]) if following else Letters.eos] = 9.0
        return [logits[row, list(tokens)] for row, tokens in enumerate(wanted)]


def reader(engine: Engine, **options: Any) -> Reader:
    return Reader(cast(Any, engine), **options)


def words(read: Read) -> str:
    assert read.said is not None
    return read.said.text


def evidence(question: str, text: str) -> list[Sentence]:
    return sentences(question, text, None)


def passage(text: str, number: int = 1) -> Passage:
    document = Document(number, f"{number}.md", f"Title {number}", "md", "en", None, "")
    return Passage(document, text, 0, len(text), None, ("Heading",), 1.0)


def test_it_says_how_sure_it_is_before_it_writes() -> None:
    engine = Engine([0.2, 0.6], "1911")
    read = reader(engine).read("When?", "B", "in 1911", "en")
    assert read.none == pytest.approx(0.25)
    assert not engine.begun
    assert words(read) == "1911"
    assert engine.begun == {"1]"}
    assert engine.prompts == ["[1] B\nin 1911\n\nQuestion: When?\nAnswer: ["]


def test_an_answer_is_copied_from_a_passage() -> None:
    read = reader(Engine([0.2, 0.8], "six")).read("When?", "B", "two ends", "en")
    assert words(read) in "two ends"


def test_passages_are_read_until_one_is_likely_to_answer() -> None:
    passages = [passage("It closed."), passage("It opened in 1911.", 2), passage("It was sold in May.", 3)]
    texts = [item.text for item in passages]

    def read(*nones: float) -> tuple[Engine, Judged]:
        engine = Engine([0.5, 0.5], "1911")
        engine.nones = dict(zip(texts, nones, strict=True))
        return engine, ReadingAnswerer(reader(engine)).judge("When?", passages, "en")

    engine, judged = read(0.1, 0.1, 0.1)
    assert len(engine.prompts) == 1 and judged.none == pytest.approx(0.1)
    engine, judged = read(0.9, 0.2, 0.1)
    assert len(engine.prompts) == 2 and judged.none == pytest.approx(0.2)
    assert "".join(judged.pieces()) == "It opened in 1911. [2]" and judged.short and judged.short.passage == 1
    engine, judged = read(0.99, 0.6, 0.7)
    assert len(engine.prompts) == 3 and judged.none == pytest.approx(0.6)
    assert "".join(judged.pieces()) == "It opened in 1911. [2]"
    engine, judged = read(1.0, 1.0, 1.0)
    assert judged.none == pytest.approx(1.0)
    pieces = judged.pieces()
    assert next(pieces) == "It opened in 1911. [2]"
    with pytest.raises(StopIteration) as end:
        next(pieces)
    assert end.value.value["input_tokens"] == sum(len(prompt) + 1 for prompt in engine.prompts)


def test_an_empty_passage_says_nothing() -> None:
    read = reader(Engine([0.1, 0.9], "x")).read("When?", "A", " ", "en")
    assert read.said is None
    judged = ReadingAnswerer(reader(Engine([0.1, 0.9], "x"))).judge("When?", [passage(" ")], "en")
    assert list(judged.pieces()) == [] and judged.short is None


def test_the_answer_is_bounded() -> None:
    text = "a " * 50
    read = reader(Engine([0.1, 0.9], text.strip()), answer_tokens=7).read("When?", "A", text, "en")
    answer = words(read)
    assert answer and len(answer) <= 7


def test_sentences_are_weighed_once_there_is_something_to_answer() -> None:
    text = "The bridge is long. The tower is high."
    asked: list[str] = []

    def evidence(question: str, passage: str) -> list[Sentence]:
        assert passage == text
        asked.append(question)
        return [Sentence(0, 0.7, 0.1), Sentence(20, 0.9, 0.6)]

    answerer = ReadingAnswerer(reader(Engine([0.2, 0.8], "tower"), evidence=evidence))
    judged = answerer.judge("How high?", [passage(text)], "en")
    assert judged.none == pytest.approx(0.2) and not asked
    assert "".join(judged.pieces()) == "The tower is high. [1]" and asked == ["How high?"]


@pytest.mark.parametrize(
    ("text", "says", "answer", "short"),
    [
        ("It is old. It opened\nin  1911 here. It closed.", "in 1911", "It opened in  1911 here. [2]", "in 1911"),
        ("It opened in **1911**, they say.", "**1911**", "It opened in 1911, they say. [2]", "1911"),
        ("# 1911\n\nIt opened.", "1911", "1911 [2]", "1911"),
        ("It opened. It closed. The end.", "opened. It closed", "It opened. [2] It closed. [2]", "opened. It closed"),
        ("- one\n- opened in 1911\n- two", "in 1911", "opened in 1911 [2]", "in 1911"),
        ("| year | what |\n| --- | --- |\n| 1911 | opened |", "1911", "1911 · opened [2]", "1911"),
    ],
)
def test_an_answer_is_the_sentence_in_which_its_words_stand(text: str, says: str, answer: str, short: str) -> None:
    engine = Engine([0.2, 0.8], says)
    answerer = ReadingAnswerer(reader(engine))
    engine.nones = {"something else": 0.9}
    passages = answerer.select([passage("something else"), passage(text, 2)])
    judged = answerer.judge("When?", passages, "en")
    assert "".join(judged.pieces()) == answer == "".join(answerer.pieces("When?", passages, "en", ()))
    assert judged.short and (judged.short.text, judged.short.passage) == (short, 1)
    assert " ".join(text[slice(*judged.short.place)].split()) == says


def test_nothing_is_said_where_none_is_likeliest() -> None:
    answerer = ReadingAnswerer(reader(Engine([0.8, 0.2], "1911")))
    assert list(answerer.pieces("When?", [passage("one"), passage("two", 2)], "en", ())) == []


def test_of_two_places_that_is_meant_for_which_the_sentence_speaks() -> None:
    text = "It closed in 1911. The tower opened in 1911."
    answerer = ReadingAnswerer(reader(Engine([0.1, 0.9], "1911"), weights=Weights(1.0, 0.0, 9.0), evidence=evidence))
    judged = answerer.judge("When did the tower open?", [passage(text)], "en")
    assert "".join(judged.pieces()) == "The tower opened in 1911. [1]"
    assert judged.short and judged.short.place == (text.rindex("1911"), text.rindex("1911") + 4)


def test_three_passages_are_read_at_most() -> None:
    assert len(ReadingAnswerer(reader(Engine([1.0], ""))).select([passage("a", n) for n in range(20)])) == 3


def test_of_a_long_passage_the_sentences_are_read_that_most_speaks_for() -> None:
    text = "It is old. " * 20 + "The tower opened in 1911. " + "It is high. " * 20
    engine = Engine([0.1, 0.9], "1911")
    answerer = ReadingAnswerer(reader(engine, weights=Weights(1.0, 0.0, 9.0)), context_tokens=80)
    judged = answerer.judge("When did the tower open?", answerer.select([passage(text)]), "en")
    read = engine.prompts[0].split("\n")[1]
    assert "The tower opened in 1911." in read and len(read) <= 80 < len(text)
    assert "".join(judged.pieces()) == "The tower opened in 1911. [1]"
    assert judged.short and text[slice(*judged.short.place)] == "1911"


def test_the_chain_refuses_by_what_the_reader_thinks(bot: RagBot) -> None:
    bot.ingest_documents(
        {"a.md": ParsedDocument("The harbour museum opened in 1911. It shows ships.", title="Harbour")}
    )

    def asked(odds: Sequence[float]) -> tuple[Answer, int]:
        engine = Engine(odds, "1911")
        chain = AnswerChain(bot.kb, bot.retriever, ReadingAnswerer(reader(engine)))
        answer = chain.ask("When did the harbour museum open?")
        assert answer.timings["read"] > 0
        return answer, len(engine.prompts)

    refused, prompts = asked([0.999, 0.001])
    assert refused.abstained and prompts == 3 and refused.short == ""
    answered, prompts = asked([0.001, 0.999])
    assert not answered.abstained and prompts == 1
    assert answered.text == "The harbour museum opened in 1911. [1]" and answered.short == "1911"
    assert [one.quote for one in answered.citations] == ["The harbour museum opened in 1911."]
    assert answered.citations[0].focus == (29, 33)
    assert refused.confidence < 0.5 < answered.confidence


def test_confidence_grows_with_the_odds_of_an_answer() -> None:
    values = {"dense": 0.85, "dense_z": 3.0, "coverage": 0.8, "size": 5.0}
    for embedder in ("multilingual-e5-small", "other", ""):
        for language in ("en", "zh", "fr"):
            sure = [
                reading_confidence({**values, "none": reader_logit(none)}, language, embedder) for none in (0.9, 0.1)
            ]
            assert sure[0] < sure[1]
    assert reader_logit(0.0) == pytest.approx(-reader_logit(1.0)) and reader_logit(0.5) == 0


def test_cosines_of_an_embedder_that_was_not_measured_do_not_count() -> None:
    values = {"dense": 0.85, "dense_z": 3.0, "coverage": 0.8, "size": 5.0}
    for language in ("en", "zh"):
        for embedder in ("other", "multilingual-e5-small"):
            sure = {
                reading_confidence({**values, "none": 1.0, "dense": cosine}, language, embedder)
                for cosine in (0.1, 0.9)
            }
            assert len(sure) == (1 if embedder == "other" else 2)


def test_a_folder_without_an_adapter_says_what_to_do(tmp_path: Path) -> None:
    from ragbot.generation.choice import answerer
    from ragbot.sections.answers import GenerationSettings

    def no_model() -> Any:
        raise AssertionError

    with pytest.raises(ModelNotFoundError, match="give the folder that the training wrote"):
        answerer(f"reader:{tmp_path}", cast(Any, None), cast(Any, None), GenerationSettings(), no_model)


def test_auto_is_the_reader_where_it_is_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from ragbot.generation import choice as chosen
    from ragbot.models import shipped
    from ragbot.models.llms import choice

    assert chosen.settled("openai:x") == "openai:x" and chosen.settled("extractive") == "extractive"
    monkeypatch.setattr(chosen, "reader_measured", lambda: True)
    monkeypatch.setattr("ragbot.models.llms.bundled.PARTS", ())
    monkeypatch.setattr(choice, "adapter_folder", lambda name: tmp_path)
    assert chosen.settled("auto") == "reader"
    monkeypatch.setattr(chosen, "reader_measured", lambda: False)
    assert chosen.settled("auto") == "extractive"
    monkeypatch.setattr(chosen, "reader_measured", lambda: True)
    monkeypatch.setattr(choice, "adapter_folder", lambda name: tmp_path / "none")
    assert chosen.settled("auto") == "extractive" and "adapter" in choice.why_no_reader()
    monkeypatch.setattr(choice, "adapter_folder", lambda name: tmp_path)
    part = BundledFile("no-such-wheel", "1", "x", "")
    monkeypatch.setattr("ragbot.models.llms.bundled.PARTS", (part,))
    assert chosen.settled("auto") == "extractive" and "no-such-wheel" in choice.why_no_reader()
    monkeypatch.setattr(choice, "NEEDED", ("no_such_package",))
    assert "no_such_package not installed" in choice.why_no_reader()
    assert shipped.adapter_folder("reranker").is_dir()


def test_without_its_adapter_the_reader_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from ragbot.console import models
    from ragbot.generation.choice import answerer
    from ragbot.models.llms import choice
    from ragbot.sections.answers import GenerationSettings
    from ragbot.settings import Settings

    def row() -> dict[str, Any]:
        return next(row for row in models.models(Settings())["chat_models"] if row["name"] == "reader")

    def unused() -> Any:
        raise AssertionError

    monkeypatch.setattr(choice, "adapter_folder", lambda name: tmp_path)
    assert row()["usable"]
    monkeypatch.setattr(choice, "adapter_folder", lambda name: tmp_path / "none")
    assert not row()["usable"] and "without the reader's adapter" in row()["reason"]
    with pytest.raises(ModelNotFoundError, match="without the reader's adapter: name a folder"):
        answerer("reader", cast(Any, None), cast(Any, None), GenerationSettings(), unused)


def test_a_bot_says_what_answers(kb_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ragbot.generation import choice
    from ragbot.models.testing import HashEmbedder
    from ragbot.settings import Settings

    monkeypatch.delenv("RAGBOT_LLM")
    monkeypatch.setattr(choice, "why_no_reader", lambda: "no weights")
    with RagBot.open(kb_folder, embedder=HashEmbedder(), settings=Settings()) as opened:
        assert opened.settings.llm == "auto" and opened.llm == "extractive"
