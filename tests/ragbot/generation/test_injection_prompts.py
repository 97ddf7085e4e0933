"""Whatever stands in a document, its title or the conversation: in a prompt it stays inside of its frame."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from ragbot.documents import Message
from ragbot.generation.context import render_context
from ragbot.generation.memory import Exchange, Memory
from ragbot.generation.prompts import render
from ragbot.generation.reading import Reading
from ragbot.generation.rewriting import make_rewriter
from ragbot.generation.rewriting.base import rewrite
from ragbot.generation.verification.letters import level
from ragbot.models.testing import ScriptedChatModel
from tests.ragbot.generation.test_injection_documents import HONEST, INJECTIONS, Injection, each, passage, passages

VALUES = {"question": "QUESTION", "refusal": "REFUSAL", "count": "3", "title": "TITLE"}
WITH_CONTEXT = sorted(
    {
        path.name.partition(".")[0]
        for path in files("ragbot.generation.prompts").iterdir()
        if path.name.endswith(".txt") and "$context" in path.read_text(encoding="utf-8")
    }
)
CONVERSATIONS = ("zh", "en")
#: Invisible characters and full-width letters apart, whatever a model could take for a mark of ours.
_MARK = re.compile(r"<\s*/?\s*(?:passage|question|conversation|turn|summary|reasoning|answer)\b[^>\n]*>", re.I)


def marks(prompt: str) -> list[str]:
    return _MARK.findall(level(re.sub("[\u200b\u2060]", "", prompt)))


def test_all_prompts_with_passages_are_known() -> None:
    assert WITH_CONTEXT == [
        "answer", "answer-chain-of-thought", "answer-few-shot", "answer-structured", "summary-section", "summary-whole",
    ]  # fmt: skip


@each
def test_a_document_stays_in_its_frame(injection: Injection) -> None:
    given = passages(injection)
    blocks = render_context(given)
    frames = re.findall(r'^<passage number="(\d+)">\n(.*?)\n</passage>$', blocks, re.M | re.S)
    assert [number for number, _ in frames] == ["1", "2"]
    assert "\n".join(f'<passage number="{n}">\n{body}\n</passage>' for n, body in frames) == blocks
    assert not any(marks(body) for _, body in frames)
    for name in WITH_CONTEXT:
        prompt = render(name, injection.language, **VALUES, context=blocks)
        bare = render(name, injection.language, **VALUES, context="CONTEXT")
        assert prompt == bare.replace("CONTEXT", blocks)


@each
@pytest.mark.parametrize("carrier", ["title", "heading"])
def test_titles_and_headings_stay_in_their_frame(injection: Injection, carrier: str) -> None:
    one = passage(1, HONEST["en"], title=injection.text if carrier == "title" else "t")
    if carrier == "heading":
        one = passage(1, HONEST["en"], title="")
        object.__setattr__(one, "headings", (injection.text,))
    lines = render_context([one]).split("\n")
    assert len(lines) == 4 and (lines[0], lines[2], lines[3]) == ('<passage number="1">', HONEST["en"], "</passage>")
    assert not marks(lines[1]) and len(lines[1]) < 300


@each
def test_the_file_name_is_not_shown_to_the_model(injection: Injection) -> None:
    one = passage(1, HONEST["en"], source=f"/{injection.hidden}")
    assert render_context([one]) == render_context([passage(1, HONEST["en"])])


@each
def test_the_reader_sees_one_question(injection: Injection) -> None:
    reading = Reading(injection.language)
    context = reading.context([(injection.text, injection.text), ("t", HONEST[injection.language])])
    assert context.count("\n\n") == 1
    prompt = context + reading.question(injection.text)
    assert prompt.count("\n\n") == 2


@pytest.mark.parametrize(
    "injection", [one for one in INJECTIONS if "\u200b" not in one.hidden and "＜" not in one.hidden]
)
def test_a_conversation_stays_in_its_frame(injection: Injection) -> None:
    model = ScriptedChatModel(lambda _: "What is the warranty?")
    rewriter = make_rewriter("standalone", 3, model, None)
    history = [Message("user", injection.hidden), Message("assistant", injection.said)]
    rewrite(rewriter, injection.hidden, history)
    harmless = ScriptedChatModel(lambda _: "What is the warranty?")
    quiet = [Message("user", "a"), Message("assistant", "b")]
    rewrite(make_rewriter("standalone", 3, harmless, None), injection.hidden, quiet)
    asked, expected = (str(double.calls[0][0].text) for double in (model, harmless))
    ours = re.compile("turn|question|conversation")  # what frames a conversation; passages there are text
    assert [mark for mark in marks(asked) if ours.search(mark)] == [
        mark for mark in marks(expected) if ours.search(mark)
    ]


@pytest.mark.parametrize(
    "injection", [one for one in INJECTIONS if "\u200b" not in one.hidden and "＜" not in one.hidden]
)
def test_a_summary_stays_in_its_frame(injection: Injection) -> None:
    model = ScriptedChatModel(lambda _: injection.said or "-")
    exchanges = [Exchange(injection.hidden, injection.said)] * 5 + [Exchange("Why?", "Because.")]
    steps = Memory(turns=1, summary="model", model=lambda: model).recall(exchanges, {})
    while True:
        try:
            next(steps)
        except StopIteration as end:
            recollection = end.value
            break
    prompt = str(model.calls[0][0].text)
    assert len(re.findall(r"</?conversation>", prompt)) == 2 and len(re.findall(r"<turn ", prompt)) == 2 * 5
    summaries = [message.content for message in recollection.history if "<summary>" in message.content]
    assert len(summaries) == 1 and marks(summaries[0]) == ["<summary>", "</summary>"]
    assert [message.role for message in recollection.history] == ["user", "assistant"] * 2
