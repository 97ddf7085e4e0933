"""A real vLLM server behind the OpenAI-compatible chat model: what users serve, and what happens when it dies."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage

from eval.benchmarks.vllm_server import VllmServer
from ragbot.bot import RagBot
from ragbot.errors import GenerationError
from ragbot.models.llms.prompting import ANSWER_CUES
from ragbot.models.registry import load_chat_model
from ragbot.models.testing import HashEmbedder
from ragbot.settings import Settings
from tests.models.llms.conftest import ASKED

pytestmark = pytest.mark.vllm

#: An answer that goes on until it is cut off.
ENDLESS = {"max_tokens": 1500, "extra_body": {"ignore_eos": True}}
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string", "enum": ["上海", "Paris"]}, "capital": {"type": "boolean"}},
    "required": ["city", "capital"],
    "additionalProperties": False,
}


def model(server: VllmServer, **options: Any) -> BaseChatModel:
    options = {"base_url": server.url, "api_key": server.key, "max_tokens": 16, "max_retries": 0, **options}
    return load_chat_model(f"openai:{options.pop('name', server.name)}", **options)


def wait_for(server: VllmServer, running: float, seconds: float = 20.0) -> bool:
    """Whether the server has so many requests under way before the time is over."""
    deadline = time.monotonic() + seconds
    while (count := server.metric("num_requests_running")) != running and time.monotonic() < deadline:
        time.sleep(0.05)
    return count == running


def test_questions_are_answered_by_the_server(vllm_server: VllmServer, kb_folder: Path, corpus: Path) -> None:
    endpoint = {"base_url": vllm_server.url, "api_key": vllm_server.key}
    settings = Settings(openai=endpoint, generation={"min_confidence": 0.0, "answer_tokens": 24})  # type: ignore[arg-type]
    before = vllm_server.metric("request_success_total")
    with RagBot.open(kb_folder, embedder=HashEmbedder(), llm="openai:gemma", settings=settings) as bot:
        bot.ingest(corpus)
        for question in ("What is a paged key-value cache for?", "LoRA 训练什么？"):
            assert bot.ask(question).text
    assert vllm_server.metric("request_success_total") >= before + 2


@pytest.mark.parametrize("language", ASKED)
def test_the_answers_are_those_of_transformers(
    vllm_server: VllmServer, gemma_answers: dict[str, dict[str, Any]], language: str
) -> None:
    told, asked = ASKED[language]
    stop = [f"\n{cue}" for cue in ANSWER_CUES.values()]  # where a base model that is in this process stops by itself
    for name, expected in (("gemma", gemma_answers["none"]), ("reader", gemma_answers["reader"])):
        message = model(vllm_server, name=name).invoke([("system", told), ("human", asked)], stop=stop)
        assert message.text == expected[language]["text"], name
        assert message.usage_metadata["input_tokens"] == expected[language]["input_tokens"]  # type: ignore[attr-defined]
    assert gemma_answers["none"] != gemma_answers["reader"]


def test_what_was_read_before_is_counted(vllm_server: VllmServer) -> None:
    long = [HumanMessage("The harbour was dredged in 1911, and its lighthouse is painted green. " * 30)]
    read = [model(vllm_server).invoke(long, max_tokens=1).usage_metadata for _ in range(2)]  # type: ignore[attr-defined]
    assert read[1]["input_token_details"]["cache_read"] > read[1]["input_tokens"] / 2


def test_leaving_an_answer_ends_the_work_on_it(vllm_server: VllmServer) -> None:
    assert wait_for(vllm_server, 0)
    stream = model(vllm_server).stream("Once", **ENDLESS)
    next(chunk for chunk in stream if chunk.text)
    assert wait_for(vllm_server, 1)
    stream.close()  # type: ignore[attr-defined]
    left = time.monotonic()
    assert wait_for(vllm_server, 0, seconds=5.0), "the server goes on with an answer that nobody reads"
    assert time.monotonic() - left < 5


@pytest.mark.parametrize("streamed", [False, True])
def test_an_answer_keeps_to_a_schema(vllm_server: VllmServer, streamed: bool) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "city", "schema": SCHEMA, "strict": True}}
    asked = model(vllm_server, max_tokens=60)
    for question in ("Name a city, as JSON.", "用 JSON 说出一个城市。"):
        if streamed:
            text = "".join(chunk.text for chunk in asked.stream(question, response_format=form))
        else:
            text = asked.invoke(question, response_format=form).text
        answer = json.loads(text)
        assert set(answer) == {"city", "capital"}
        assert answer["city"] in SCHEMA["properties"]["city"]["enum"]  # type: ignore[index]


def test_another_key_is_refused(vllm_server: VllmServer) -> None:
    with pytest.raises(GenerationError, match=r"401.*check the api_key"):
        model(vllm_server, api_key="another").invoke("Hello")


def test_a_model_that_is_not_served(vllm_server: VllmServer) -> None:
    with pytest.raises(GenerationError, match=r"404.*writer.*the model's name"):
        model(vllm_server, name="writer").invoke("Hello")


def test_a_prompt_that_does_not_fit(vllm_server: VllmServer) -> None:
    with pytest.raises(GenerationError, match=r"do not fit into the context.*2048"):
        model(vllm_server).invoke("harbour " * 3000)


def test_sixteen_callers_at_once(vllm_server: VllmServer) -> None:
    questions = [f"{text} {i}" for i in range(8) for text in ("What is a harbour?", "灯塔是什么？")]
    asked = model(vllm_server, call_timeout=300.0)
    alone = [asked.invoke(question, **ENDLESS | {"max_tokens": 6}).text for question in questions]
    over, most = threading.Event(), [0.0]

    def watch() -> None:
        while not over.wait(0.02):
            most[0] = max(most[0], vllm_server.metric("num_requests_running"))

    watching = threading.Thread(target=watch)
    watching.start()
    with ThreadPoolExecutor(16) as pool:
        together = list(pool.map(lambda text: asked.invoke(text, **ENDLESS | {"max_tokens": 6}).text, questions))
    over.set()
    watching.join()
    assert together == alone
    assert most[0] > 4, "they were answered one after another"
    assert wait_for(vllm_server, 0)


def test_a_server_that_dies_and_comes_back(vllm_server: VllmServer) -> None:
    asked = model(vllm_server)
    before = asked.invoke("Once").text
    stream = asked.stream("Once", **ENDLESS)
    try:
        next(chunk for chunk in stream if chunk.text)
        vllm_server.kill()
        with pytest.raises(GenerationError, match=r"was cut off|broke .*see the server's log"):
            list(stream)
        with pytest.raises(GenerationError, match=r"cannot reach .*start the server"):
            asked.invoke("Once")
    finally:
        vllm_server.kill()
        vllm_server.start()
    assert asked.invoke("Once").text == before
