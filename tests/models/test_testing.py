"""The doubles that ship in the library."""

from __future__ import annotations

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from ragbot.errors import GenerationError
from ragbot.models.testing import HashEmbedder, ScriptedChatModel


@pytest.mark.parametrize(
    ("query", "best"),
    [("rank of the adapter", 0), ("adapters and ranks", 0), ("中国最大的城市", 1), ("stock market", 2)],
)
def test_alike_texts_are_near(query: str, best: int) -> None:
    embedder = HashEmbedder()
    texts = ["The rank of a LoRA adapter is small.", "上海是中国最大的城市之一。", "The stock market fell on Monday."]
    assert (embedder.encode_documents(texts) @ embedder.encode_query(query)).argmax() == best


def test_hashes_are_the_same_on_every_machine() -> None:
    pinned = [0.0, -0.196, -0.784, 0.0, -0.392, 0.0, -0.392, -0.196]
    assert HashEmbedder(8).encode_query("The rank of the adapter: 秩很小").tolist() == pytest.approx(pinned, abs=1e-3)


def test_replies_come_in_order_and_calls_are_recorded() -> None:
    model = ScriptedChatModel(["one", "two"])
    assert [model.invoke("a").text, model.invoke("b", stop=["x"]).text] == ["one", "two"]
    assert [[message.text for message in call] for call in model.calls] == [["a"], ["b"]]
    assert model.stops == [None, ["x"]]
    with pytest.raises(GenerationError, match="2 replies"):
        model.invoke("c")


def test_a_function_answers() -> None:
    model = ScriptedChatModel(lambda messages: messages[-1].text.upper())
    assert model.invoke([HumanMessage("hello")]).text == "HELLO"


def test_exceptions_are_raised() -> None:
    model = ScriptedChatModel([GenerationError("down"), "up"])
    with pytest.raises(GenerationError, match="down"):
        model.invoke("a")
    assert model.invoke("b").text == "up"


def test_a_stream_goes_word_by_word_and_can_break() -> None:
    assert [c.text for c in ScriptedChatModel(["It is so. 是的"]).stream("a") if c.text] == [
        "It",
        " is",
        " so.",
        " 是",
        "的",
    ]
    seen = []
    with pytest.raises(GenerationError, match="after 2"):
        for chunk in ScriptedChatModel(["It is so."], fail_after=2).stream("a"):
            seen.append(chunk.text)
    assert seen == ["It", " is"]


def test_tools_are_called() -> None:
    call = {"name": "search", "args": {"query": "rank"}, "id": "1"}
    model = ScriptedChatModel([AIMessage("", tool_calls=[call])]).bind_tools([])
    assert model.invoke("a").tool_calls[0]["args"] == {"query": "rank"}
