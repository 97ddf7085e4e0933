"""The answer chain with a chat model that says what it was told to say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult

from ragbot.bot import RagBot
from ragbot.documents import Message
from ragbot.errors import GenerationError, ModelNotFoundError
from ragbot.generation.answerers import ChatAnswerer
from ragbot.generation.chain import AnswerChain
from ragbot.generation.prompts import render
from ragbot.index.filters import Filter
from ragbot.models.testing import HashEmbedder, ScriptedChatModel

QUESTION = "What does continuous batching do?"


def chain(bot: RagBot, *replies: Any, **options: Any) -> AnswerChain:
    model = ScriptedChatModel(list(replies))
    return AnswerChain(bot.kb, bot.retriever, ChatAnswerer(model, 1000), min_confidence=0.0, **options)


def model_of(chain: AnswerChain) -> ScriptedChatModel:
    answerer = chain.answerer
    assert isinstance(answerer, ChatAnswerer) and isinstance(answerer._model, ScriptedChatModel)
    return answerer._model


def check_citations(bot: RagBot, answer: Any) -> None:
    texts = {document.id: bot.document_text(document.id) for document in bot.documents()}
    for citation in answer.citations:
        assert citation.quote and citation.quote == texts[citation.document_id][citation.start : citation.end]
        assert f"[{citation.marker}]" in answer.text


def test_cited_answer(bot: RagBot) -> None:
    asked = chain(bot, "It admits a request as soon as another has finished [1]. Nobody knows [99].")
    stream = asked.stream(QUESTION)
    pieces = list(stream)
    answer = stream.answer
    assert len(pieces) > 3
    assert "".join(pieces) == answer.text == "It admits a request as soon as another has finished [1]. Nobody knows."
    assert (answer.abstained, answer.language, answer.question) == (False, "en", QUESTION)
    (citation,) = answer.citations
    assert citation.source.endswith("serving.md")
    assert citation.heading == "Serving > Batching"
    assert citation.quote == "Continuous batching admits a request as soon as another one has finished."
    check_citations(bot, answer)
    assert 0 <= answer.confidence <= 1
    assert 0 <= answer.timings["search"] <= answer.timings["first_token"] <= answer.timings["total"]
    assert answer.hits == tuple(bot.search(QUESTION))


def test_each_sentence_is_tied_and_checked(bot: RagBot) -> None:
    said = "It admits a request as soon as another has finished [1]. It never admits a request as soon as another has finished."
    answer = chain(bot, said).ask(QUESTION)
    assert [claim.status for claim in answer.claims] == ["supported", "unsupported"]
    assert [answer.text[claim.start : claim.end] for claim in answer.claims] == said.replace(". It", ".|It").split("|")
    assert answer.claims[0].citations == (1,)
    assert answer.claims[1].findings[0].kind == "negation"
    assert answer.timings["verify"] > 0


@pytest.mark.parametrize("language", ["zh", "en"])
def test_strict(bot: RagBot, language: str) -> None:
    said = {
        "en": "Continuous batching admits no request as soon as another one has finished [1]. It admits a request as soon as "
        "another one has finished [1].",
        "zh": "QLoRA 把基座模型量化为 8 比特【1】。QLoRA 把基座模型量化为 4 比特【1】。",
    }[language]
    question = {"en": QUESTION, "zh": "QLoRA 做了什么？"}[language]
    stream = chain(bot, said, strictness="strict").stream(question)
    assert "".join(stream) == stream.answer.text
    assert [claim.status for claim in stream.answer.claims] == ["unsupported", "supported"]
    assert (
        stream.answer.text
        == {
            "en": "It admits a request as soon as another one has finished [1].",
            "zh": "QLoRA 把基座模型量化为 4 比特 [1]。",
        }[language]
    )
    check_citations(bot, stream.answer)


@pytest.mark.parametrize(("language", "said"), [("en", "Bananas are blue [1]."), ("zh", "香蕉是蓝色的【1】。")])
def test_strict_with_nothing_left_is_a_refusal(bot: RagBot, language: str, said: str) -> None:
    stream = chain(bot, said, strictness="strict", language=language).stream(QUESTION)
    assert "".join(stream) == stream.answer.text == render("unsupported", language)
    assert stream.answer.abstained and not stream.answer.citations
    assert [claim.status for claim in stream.answer.claims] == ["unsupported"]


def test_off_takes_the_markers_as_they_are(bot: RagBot) -> None:
    answer = chain(bot, "Bananas are blue [1].", strictness="off").ask(QUESTION)
    assert (answer.text, answer.claims, len(answer.citations)) == ("Bananas are blue [1].", (), 1)
    assert "verify" not in answer.timings


def test_chinese(bot: RagBot) -> None:
    answer = chain(bot, "QLoRA 把基座模型量化为 4 比特【1】。").ask("QLoRA 做了什么？")
    assert (answer.language, answer.text) == ("zh", "QLoRA 把基座模型量化为 4 比特 [1]。")
    assert answer.citations[0].quote == "QLoRA 把基座模型量化为 4 比特，再训练低秩矩阵。"
    assert answer.citations[0].heading == "低秩适配 > 量化"


def test_the_model_sees_passages_and_the_question(bot: RagBot) -> None:
    asked = chain(bot, "x [1]")
    asked.ask(QUESTION)
    ((message,),) = model_of(asked).calls
    prompt = str(message.content)
    assert QUESTION in prompt and '<passage number="1">' in prompt and "Continuous batching admits" in prompt
    assert render("refusal", "en") in prompt


@pytest.mark.parametrize("language", ["zh", "en"])
def test_language_that_was_set(bot: RagBot, language: str) -> None:
    asked = chain(bot, "x", language=language)
    assert asked.ask(QUESTION).language == language
    assert render("refusal", language) in str(model_of(asked).calls[0][0].content)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("form", ["{}", " {}\n", "{} [1]"])
def test_the_set_phrase_is_a_refusal(bot: RagBot, language: str, form: str) -> None:
    answer = chain(bot, form.format(render("refusal", language)), language=language).ask(QUESTION)
    assert answer.abstained
    assert answer.text.startswith(render("refusal", language))


@pytest.mark.parametrize("silence", ["", "   ", "\n", "[99]", " [98] "])
def test_silence_is_a_refusal(bot: RagBot, silence: str) -> None:
    stream = chain(bot, silence).stream(QUESTION)
    assert "".join(stream) == stream.answer.text == render("refusal", "en")
    assert stream.answer.abstained and stream.answer.citations == ()


def test_an_answer_that_begins_like_the_set_phrase_is_one(bot: RagBot) -> None:
    phrase = render("refusal", "en").rstrip(".")
    answer = chain(bot, f"{phrase} directly, but batching admits requests [1].").ask(QUESTION)
    assert not answer.abstained and len(answer.citations) == 1
    assert chain(bot, f"{phrase} at all, I am afraid.").ask(QUESTION).abstained


def test_answer_before_the_end(bot: RagBot) -> None:
    stream = chain(bot, "One two three [1].").stream(QUESTION)
    with pytest.raises(RuntimeError, match="not exhausted"):
        _ = stream.answer
    next(stream)
    with pytest.raises(RuntimeError, match="not exhausted"):
        _ = stream.answer
    assert list(stream)
    assert stream.answer.text.startswith("One")
    assert list(stream) == []


def test_closed_early(bot: RagBot) -> None:
    stream = chain(bot, "One two three four five [1].").stream(QUESTION)
    next(stream)
    stream.close()
    assert list(stream) == []
    with pytest.raises(RuntimeError):
        _ = stream.answer
    stream.close()


def test_closed_before_it_began_asks_nobody(bot: RagBot) -> None:
    asked = chain(bot, "never")
    asked.stream(QUESTION).close()
    assert model_of(asked).calls == []


def test_history(bot: RagBot) -> None:
    asked = chain(bot, "It pages [1].")
    turns = [
        turn for n in range(6) for turn in (Message("user", f"question {n} vLLM"), Message("assistant", f"answer {n}"))
    ]
    answer = asked.ask("Why is it fast?", turns)
    *before, last = model_of(asked).calls[0]
    assert [type(message) for message in before] == [HumanMessage, AIMessage] * 6
    assert [message.content for message in before] == [turn.content for turn in turns]
    assert "question 5 vLLM Why is it fast?" in str(last.content)
    assert answer.question == "Why is it fast?"
    assert any(hit.chunk.document.source.endswith("serving.md") for hit in answer.hits)


@pytest.mark.parametrize(("budget", "kept"), [(1000, 12), (60, 4), (1, 2)])
def test_of_a_long_history_the_last_messages_go_along(bot: RagBot, budget: int, kept: int) -> None:
    model = ScriptedChatModel(["It pages [1]."])
    asked = AnswerChain(bot.kb, bot.retriever, ChatAnswerer(model, 1000, history_tokens=budget), min_confidence=0.0)
    turns = [
        message
        for n in range(6)
        for message in (
            Message("user", f"question {n} of ten words about the page table here"),
            Message("assistant", f"answer {n} of ten words about the page table here"),
        )
    ]
    asked.ask("Why is vLLM fast?", turns)
    *before, _ = model.calls[0]
    assert [message.content for message in before] == [turn.content for turn in turns[-kept:]]


@pytest.mark.parametrize(
    "error", [ConnectionError("refused"), ValueError("bad"), Exception("a client's own"), KeyError("choices")]
)
def test_a_failing_model(bot: RagBot, error: Exception) -> None:
    stream = chain(bot, error).stream(QUESTION)
    with pytest.raises(GenerationError, match=r"chat model failed.*extractive"):
        list(stream)
    with pytest.raises(RuntimeError):
        _ = stream.answer


def test_our_own_errors_say_it_themselves(bot: RagBot) -> None:
    with pytest.raises(ModelNotFoundError, match="no such model"):
        chain(bot, ModelNotFoundError("no such model")).ask(QUESTION)


def test_a_model_that_breaks_off(bot: RagBot) -> None:
    asked = chain(bot, "One two three four five.")
    model_of(asked).fail_after = 2
    stream = asked.stream(QUESTION)
    got = [next(stream)]
    with pytest.raises(GenerationError):
        got.extend(stream)
    assert "".join(got).strip().startswith("One")


def test_empty_knowledge_base(kb_folder: Path) -> None:
    with RagBot.open(kb_folder, embedder=HashEmbedder(), llm=ScriptedChatModel([])) as empty:
        for question, language in (("什么是 LoRA？", "zh"), ("What is LoRA?", "en")):
            answer = empty.ask(question)
            assert (answer.text, answer.abstained) == (render("empty", language), True)
            assert (answer.confidence, answer.citations, answer.hits) == (0.0, (), ())


@pytest.mark.parametrize("question", ["", "  "])
def test_empty_question(bot: RagBot, question: str) -> None:
    answer = chain(bot).ask(question)
    assert answer.abstained and answer.hits == ()


def test_below_the_confidence_the_model_is_not_asked(bot: RagBot) -> None:
    model = ScriptedChatModel([])
    asked = AnswerChain(bot.kb, bot.retriever, ChatAnswerer(model, 1000), min_confidence=1.0)
    stream = asked.stream("Who won the chess tournament in $1999?")
    assert "".join(stream) == stream.answer.text
    assert stream.answer.text == render("abstain", "en", question="Who won the chess tournament in $1999?")
    assert stream.answer.abstained and not model.calls


def test_filter_that_lets_nothing_through(bot: RagBot) -> None:
    answer = chain(bot).ask(QUESTION, where=Filter(types=("pdf",)))
    assert answer.abstained and answer.text == render("abstain", "en", question=QUESTION)


def test_nothing_fits_the_budget(bot: RagBot) -> None:
    model = ScriptedChatModel(["It surely is 42 [1]."])
    answer = AnswerChain(bot.kb, bot.retriever, ChatAnswerer(model, 1), min_confidence=0.0).ask(QUESTION)
    assert answer.abstained and not model.calls  # a model without passages would invent


class Foreign(BaseChatModel):
    """A chat model of somebody else, with LangChain's defaults for everything."""

    @property
    def _llm_type(self) -> str:
        return "foreign"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        raise NotImplementedError

    def _stream(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        for piece in ("It ", "", "admits requests", " [", "1", "]", "."):
            yield ChatGenerationChunk(message=AIMessageChunk(content=piece))


def test_any_langchain_model_works_without_a_tokenizer_from_the_hub(bot: RagBot) -> None:
    answer = AnswerChain(bot.kb, bot.retriever, ChatAnswerer(Foreign(), 1000), min_confidence=0.0).ask(QUESTION)
    assert answer.text == "It admits requests [1]."
    assert answer.citations


WORDS = [
    "LoRA ",
    "训练",
    "batching ",
    "[1]",
    " [2]",
    "[3]",
    "[99]",
    "[",
    "]",
    "。",
    ". ",
    "\n",
    "array[i] ",
    "[link](x)",
]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RagBot]:
    folder = tmp_path_factory.mktemp("shared")
    (folder / "a.md").write_text(
        "# 标题\n\nLoRA 训练两个矩阵。😀 batching 很快！\n\n## B\n\nIt is fast. So it is.", encoding="utf-8"
    )
    with RagBot.open(folder / "kb", embedder=HashEmbedder(), llm="extractive") as opened:
        opened.ingest(folder / "a.md")
        yield opened


@given(
    st.lists(st.sampled_from(WORDS), max_size=20).map("".join),
    st.sampled_from(["LoRA 训练什么？", "Is batching fast?"]),
)
def test_any_answer(shared: RagBot, said: str, question: str) -> None:
    stream = chain(shared, said).stream(question)
    pieces = list(stream)
    assert "".join(pieces) == stream.answer.text
    assert stream.answer.text.strip()
    check_citations(shared, stream.answer)


def test_the_brackets_of_code_are_no_markers(bot: RagBot) -> None:
    said = "Continuous batching admits a request as soon as another has finished, as `queue[9]` shows [1]."
    for strictness in ("off", "mark"):
        asked = chain(bot, said, strictness=strictness)
        answer = asked.ask(QUESTION)
        assert "`queue[9]` shows" in answer.text and answer.text.count("[1]") == 1
        assert all("queue[9]" in claim.text for claim in answer.claims)
