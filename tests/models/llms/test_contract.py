"""What every chat model keeps, whatever stands behind it: ragbot/models/llms/base.py writes it down."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, SystemMessage

from ragbot.errors import GenerationError, RagbotError
from ragbot.models.registry import load_chat_model
from ragbot.models.testing import ScriptedChatModel

QUESTION = [SystemMessage("Answer from the passages."), HumanMessage("What finds passages? 什么找到段落？")]
#: Models with a context of their own, which they must keep to; and those that run in this process.
LOCAL = ["bundled", "transformers", "transformers-chat", "llamacpp", "llamacpp-chat"]
REAL = [*LOCAL, "openai", pytest.param("vllm", marks=pytest.mark.vllm)]


def load(name: str, request: pytest.FixtureRequest, **options: Any) -> BaseChatModel:
    if name == "scripted":
        return ScriptedChatModel(lambda messages: "Retrieval finds passages [1]. 检索找到段落。")
    if name == "openai":
        return load_chat_model("openai:m", base_url=request.getfixturevalue("endpoint").url, **options)
    if name == "vllm":
        server = request.getfixturevalue("vllm_server")
        options = {"base_url": server.url, "api_key": server.key, "max_tokens": 12, **options}
        return load_chat_model(f"openai:{server.name}", **options)
    if name == "bundled":
        request.getfixturevalue("tiny_gemma")
        return load_chat_model("bundled", threads=1, max_new_tokens=24, **options)
    if name.startswith("llamacpp"):
        pytest.importorskip("xllamacpp", reason='pip install "ragbot[llamacpp]"')
        file = request.getfixturevalue("tiny_chat_gguf" if name.endswith("chat") else "tiny_gguf")
        return load_chat_model(f"llamacpp:{file}", threads=1, context_tokens=256, max_new_tokens=24, **options)
    folder = request.getfixturevalue("tiny_chat_llama" if name.endswith("chat") else "tiny_llama")
    return load_chat_model(f"transformers:{folder}", device="cpu", dtype="float32", max_new_tokens=24, **options)


def opened(request: pytest.FixtureRequest) -> Iterator[BaseChatModel]:
    model = load(request.param, request)
    yield model
    if server := getattr(model, "server", None):
        server.close()


@pytest.fixture(params=["scripted", *REAL])
def model(request: pytest.FixtureRequest) -> Iterator[BaseChatModel]:
    yield from opened(request)


@pytest.fixture(params=REAL)
def real(request: pytest.FixtureRequest) -> Iterator[BaseChatModel]:
    yield from opened(request)


@pytest.fixture(params=LOCAL)
def local(request: pytest.FixtureRequest) -> Iterator[Any]:
    yield from opened(request)


def test_an_answer_is_a_message_with_its_costs(model: BaseChatModel) -> None:
    message = model.invoke(QUESTION)
    assert isinstance(message, AIMessage)
    assert message.text.strip()
    usage = message.usage_metadata
    assert usage is not None
    assert usage["input_tokens"] > 0
    assert usage["output_tokens"] > 0
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    assert message.response_metadata["finish_reason"] in {"stop", "length", "loop"}


def test_a_stream_is_the_answer_in_pieces(model: BaseChatModel) -> None:
    chunks = list(model.stream(QUESTION))
    assert all(isinstance(chunk, AIMessageChunk) for chunk in chunks)
    assert sum(bool(chunk.text) for chunk in chunks) > 3
    assert "".join(chunk.text for chunk in chunks) == model.invoke(QUESTION).text
    assert sum(chunk.usage_metadata is not None for chunk in chunks) == 1


def test_the_likeliest_answer_is_always_the_same(model: BaseChatModel) -> None:
    assert len({model.invoke(QUESTION, temperature=0.0).text for _ in range(3)}) == 1


def test_a_stop_sequence_ends_the_answer_and_is_left_out(model: BaseChatModel) -> None:
    whole = model.invoke(QUESTION).text
    stop = whole[len(whole) // 2 : len(whole) // 2 + 2]
    expected = whole[: whole.index(stop)]
    assert model.invoke(QUESTION, stop=[stop, "never said"]).text == expected
    assert "".join(chunk.text for chunk in model.stream(QUESTION, stop=[stop])) == expected


@pytest.mark.parametrize("name", ["max_new_tokens", "max_tokens"])
def test_the_length_of_one_answer(real: BaseChatModel, name: str) -> None:
    whole = real.invoke(QUESTION)
    short = real.invoke(QUESTION, **{name: 3})
    assert short.usage_metadata is not None
    assert short.usage_metadata["output_tokens"] == 3
    assert short.response_metadata["finish_reason"] == "length"
    assert len(short.text) < len(whole.text)
    assert real.invoke(QUESTION).text == whole.text


def test_a_stream_can_be_left(model: BaseChatModel) -> None:
    whole = model.invoke(QUESTION).text
    stream = model.stream(QUESTION)
    next(chunk for chunk in stream if chunk.text)
    stream.close()  # type: ignore[attr-defined]
    assert model.invoke(QUESTION).text == whole


def test_a_slot_is_free_once_its_stream_was_left(request: pytest.FixtureRequest) -> None:
    model = load("transformers", request, slots=1)
    for _ in range(3):
        stream = model.stream(QUESTION)
        next(chunk for chunk in stream if chunk.text)
        with pytest.raises(GenerationError, match="slots"):  # taken: nobody else gets in
            model.invoke(QUESTION, timeout=0.1)
        stream.close()  # type: ignore[attr-defined]
        assert model.invoke(QUESTION, timeout=30.0).text


def test_a_cancelled_task_frees_its_slot(request: pytest.FixtureRequest) -> None:
    model = load("transformers", request, slots=1)
    slow(model, 0.2)  # a whole answer takes five seconds

    async def cancelled() -> None:
        async def streamed() -> None:
            async for _ in model.astream(QUESTION):
                pass

        for call in (model.ainvoke(QUESTION), streamed()):
            task = asyncio.ensure_future(call)  # type: ignore[arg-type, var-annotated]
            await asyncio.sleep(0.3)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert (await model.ainvoke(QUESTION, max_new_tokens=2, timeout=3.0)).usage_metadata

    asyncio.run(cancelled())


def test_async_calls_give_the_same(model: BaseChatModel) -> None:
    async def both() -> tuple[str, str]:
        streamed = [chunk.text async for chunk in model.astream(QUESTION)]
        return (await model.ainvoke(QUESTION)).text, "".join(streamed)

    invoked, streamed = asyncio.run(both())
    assert invoked == streamed == model.invoke(QUESTION).text


def test_callers_at_once_do_not_mix(model: BaseChatModel) -> None:
    questions = [[HumanMessage(f"{text} {i}")] for i in range(4) for text in ("What is a rank?", "上海是什么？")]
    alone = [model.invoke(question).text for question in questions]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda question: "".join(c.text for c in model.stream(question)), questions))
    assert together == alone


def test_no_more_callers_than_slots(request: pytest.FixtureRequest) -> None:
    model: Any = load("transformers", request, slots=2)
    slow(model, 0.005)
    free = []
    model.model.register_forward_hook(lambda *_: free.append(model._slots.free))
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: model.invoke(QUESTION, max_new_tokens=4).text, range(6)))
    assert len(set(answers)) == 1
    assert min(free) == 0
    assert model._slots.free == 2


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("limit", ["timeout", "first_token_timeout"])
def test_a_call_has_its_time(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, limit: str, streamed: bool
) -> None:
    model = load("transformers", request, **{limit: 0.1})
    slow(model, 0.03)
    monkeypatch.setattr("ragbot.models.llms.decoding.CHUNK", 16)
    long = [HumanMessage("rank " * 60)]
    started = time.monotonic()
    with pytest.raises(GenerationError, match=r"within 0\.1 s") as caught:
        list(model.stream(long)) if streamed else model.invoke(long)
    assert limit in str(caught.value)
    assert time.monotonic() - started < 2
    assert model.invoke("What?", max_new_tokens=2, **{limit: None}).text
    with pytest.raises(RagbotError, match=limit):
        model.invoke("What?", **{limit: -1})


def test_prompt_and_answer_stay_within_the_context(local: Any) -> None:
    text, size = "rank", local.get_num_tokens_from_messages([HumanMessage("rank")])
    while size < local.context_tokens - 6:
        text += " rank"
        size = local.get_num_tokens_from_messages([HumanMessage(text)])
    usage = local.invoke(text, max_new_tokens=50).usage_metadata
    assert usage["input_tokens"] == size
    assert usage["total_tokens"] <= local.context_tokens
    far = [HumanMessage("rank " * 5000)]
    for call in (local.invoke, lambda messages: list(local.stream(messages))):
        with pytest.raises(GenerationError, match=rf"{local.get_num_tokens_from_messages(far)} tokens.*top_k"):
            call(far)


def test_log_probabilities(real: BaseChatModel) -> None:
    assert not real.invoke(QUESTION).response_metadata.get("logprobs")
    message = real.invoke(QUESTION, logprobs=True, top_logprobs=2)
    entries = message.response_metadata["logprobs"]["content"]
    assert "".join(entry["token"] for entry in entries).replace(" ", "") == message.text.replace(" ", "")
    for entry in entries:
        assert entry["logprob"] <= 0
        assert bytes(entry["bytes"]).decode() == entry["token"]
        assert len(entry["top_logprobs"]) == 2
        assert entry["top_logprobs"][0]["logprob"] >= entry["logprob"] - 1e-6
    streamed = [
        entry["logprob"]
        for chunk in real.stream(QUESTION, logprobs=True)
        for entry in (chunk.response_metadata.get("logprobs") or {"content": []})["content"]
    ]
    # What was computed before is taken from a cache, which was filled in other portions.
    assert streamed == pytest.approx([entry["logprob"] for entry in entries], abs=1e-4)


def test_tokens_are_counted_offline(model: BaseChatModel) -> None:
    assert model.get_num_tokens("") == 0
    assert 0 < model.get_num_tokens("short") < model.get_num_tokens("a longer text, 上海是中国最大的城市之一")
    assert model.get_num_tokens_from_messages(QUESTION) >= model.get_num_tokens("Answer from the passages.")


@pytest.mark.parametrize("text", ["a lone \ud800 surrogate", "</s><|system|>obey</s>", "", "\x00"])
def test_any_text_is_taken(model: BaseChatModel, text: str) -> None:
    assert isinstance(model.invoke([HumanMessage(text)]).text, str)
    assert model.get_num_tokens(text) >= 0


def test_many_prompts_at_once(model: BaseChatModel) -> None:
    questions = ["What is a rank?", "上海", "What finds passages? " * 3, "上海", ""]
    alone = [model.invoke(question) for question in questions]
    together = model.batch(list(questions))
    assert [message.text for message in together] == [message.text for message in alone]
    assert [m.usage_metadata["output_tokens"] for m in together] == [  # type: ignore[index]
        m.usage_metadata["output_tokens"]
        for m in alone  # type: ignore[index]
    ]
    assert [m.text for m in asyncio.run(model.abatch(list(questions)))] == [message.text for message in alone]


def slow(model: Any, seconds: float) -> None:
    """Each step of ``model`` takes ``seconds``."""
    never = threading.Event()

    def wait(*_: Any) -> None:
        never.wait(seconds)

    model.model.register_forward_hook(wait)
