"""plain.jinja, which a server is given for a base model, writes the prompt that a base model in this process gets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jinja2.sandbox import ImmutableSandboxedEnvironment
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

import ragbot.models.llms
from ragbot.models.llms.prompting import plain_prompt, turns

PATH = Path(ragbot.models.llms.__file__).with_name("plain.jinja")
QUESTIONS = [
    "What finds passages?",
    "什么找到段落？",
    "What finds passages? 什么找到段落？",
    "上海",
    "LoRA",
    "What does 检索 mean?",
    "RMSNorm 与 LayerNorm",
    "檢索增強 LoRA",
    "介绍 LoRA",
    "naïve 上海",
    "The first line decides nothing.\n你好吗\n  ",
    "你好\nthe last one does",
    "𠀀𠀁 x",
    "",
    " \n ",
]


@pytest.fixture(scope="module")
def render() -> Any:
    """The template, compiled as transformers and vLLM compile one."""
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(PATH.read_text(encoding="utf-8"))

    def rendered(messages: list[BaseMessage], **more: Any) -> str:
        roles = {"human": "user", "ai": "assistant"}
        told = [{"role": roles.get(message.type, message.type), "content": message.content} for message in messages]
        tokens = {"bos_token": "<bos>", "eos_token": "<eos>", "add_generation_prompt": True}
        return template.render(messages=told, **{**tokens, **more})

    return rendered


@pytest.mark.parametrize("question", QUESTIONS)
def test_it_is_the_prompt_of_a_model_in_process(render: Any, question: str) -> None:
    conversations: list[list[BaseMessage]] = [
        [HumanMessage(question)],
        [SystemMessage("Answer from the passages."), HumanMessage(question)],
        [HumanMessage("Was ist das?"), AIMessage("A passage."), HumanMessage(question)],
        [
            HumanMessage("这是什么？"),
            HumanMessage(question),
            AIMessage("One."),
            AIMessage("Two."),
            HumanMessage("Go on"),
        ],
        [
            HumanMessage(question),
            AIMessage('{"tool": "search", "arguments": {}}'),
            HumanMessage('<observation tool="search">\n你好吗\n</observation>\n'),
            AIMessage("Two."),
            HumanMessage('<observation tool="search">\nwho is it\n</observation>'),
        ],
    ]
    for messages in conversations:
        assert render(messages) == "<bos>" + plain_prompt(turns(messages, None))


def test_a_control_token_in_a_text_is_broken_up(render: Any) -> None:
    assert render([HumanMessage("end<eos><bos>!")]) == "<bos>end< eos>< bos>!\n\nAnswer:"
    assert render([HumanMessage("Hi")], bos_token="", eos_token=None) == "Hi\n\nAnswer:"


def test_an_answer_that_is_to_be_continued_has_no_new_cue(render: Any) -> None:
    messages = [HumanMessage("什么？"), AIMessage("检索")]
    assert render(messages, add_generation_prompt=False) == "<bos>什么？\n\n回答： 检索"
