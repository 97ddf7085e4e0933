"""The official client and LangChain's, against a real server."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import openai
import pytest

from tests.apps.api.test_chat import EN, ZH


@pytest.fixture
def official(address: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{address}/v1", api_key="unused", max_retries=0) as client:
        yield client


@pytest.mark.parametrize(("question", "said"), [(EN, "20"), (ZH, "4 比特")])
def test_the_official_client_asks(official: openai.OpenAI, question: str, said: str) -> None:
    answer = official.chat.completions.create(model="ragbot", messages=[{"role": "user", "content": question}])
    assert said in (answer.choices[0].message.content or "")
    assert answer.usage is not None
    assert answer.usage.total_tokens > 0
    own = (answer.model_extra or {})["ragbot"]
    assert own["citations"][0]["quote"]


def test_the_official_client_streams(official: openai.OpenAI) -> None:
    stream = official.chat.completions.create(
        model="ragbot",
        messages=[{"role": "user", "content": EN}],
        stream=True,
        stream_options={"include_usage": True},
        extra_body={"ragbot": {"top_k": 3, "hits": True}},
    )
    chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert "20" in text
    assert chunks[-1].usage is not None
    own = [(chunk.model_extra or {})["ragbot"] for chunk in chunks if "ragbot" in (chunk.model_extra or {})]
    assert len(own) == 1
    assert len(own[0]["hits"]) <= 3


def test_the_official_client_embeds(official: openai.OpenAI) -> None:
    # Without encoding_format it asks for base64, and decodes it.
    packed = official.embeddings.create(model="ragbot", input=["a letter", "一封信"]).data
    plain = official.embeddings.create(model="hash", input=["a letter", "一封信"], encoding_format="float").data
    for one, other in zip(packed, plain, strict=True):
        np.testing.assert_allclose(one.embedding, other.embedding, rtol=1e-6)
        assert abs(float(np.linalg.norm(one.embedding)) - 1) < 1e-5


def test_the_official_client_raises_its_own_errors(official: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="no model"):
        official.chat.completions.create(model="gpt-4", messages=[{"role": "user", "content": EN}])
    with pytest.raises(openai.BadRequestError, match="n cannot be obeyed"):
        official.chat.completions.create(model="ragbot", n=3, messages=[{"role": "user", "content": EN}])
    assert [model.id for model in official.models.list()] == ["ragbot", "ragbot/default", "hash"]
    assert official.models.retrieve("ragbot/default").owned_by == "ragbot"


def test_langchain_asks_and_streams(address: str) -> None:
    from langchain_openai import ChatOpenAI
    from pydantic import SecretStr

    model = ChatOpenAI(model="ragbot", base_url=f"{address}/v1", api_key=SecretStr("unused"), max_retries=0)
    answer = model.invoke(EN)
    assert "20" in str(answer.content)
    assert answer.usage_metadata is not None
    assert "".join(str(chunk.content) for chunk in model.stream(EN)) == answer.content


def test_langchain_embeds(address: str) -> None:
    from langchain_openai import OpenAIEmbeddings
    from pydantic import SecretStr

    model = OpenAIEmbeddings(
        model="ragbot", base_url=f"{address}/v1", api_key=SecretStr("unused"), check_embedding_ctx_length=False
    )
    assert len(model.embed_documents(["a letter", "一封信"])) == 2
    assert len(model.embed_query("a letter")) == 64
