"""The plain prompt of base models, and control tokens in texts."""

from __future__ import annotations

import re

import pytest
from jinja2 import TemplateError
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

from ragbot.models.llms.prompting import chat_prompt, plain_prompt, turns


def test_the_plain_prompt() -> None:
    conversation = turns([SystemMessage("S"), HumanMessage("U"), AIMessage("A"), HumanMessage("V")], None)
    assert plain_prompt(conversation) == "S\n\nU\n\nAnswer: A\n\nV\n\nAnswer:"


@pytest.mark.parametrize(
    ("question", "cue"),
    [("谁写的？", "回答："), ("Who wrote it?", "Answer:"), ("资料：上海\n\nQuestion: Who?", "Answer:")],
)
def test_the_cue_speaks_the_language_of_the_question(question: str, cue: str) -> None:
    assert plain_prompt(turns([HumanMessage(question)], None)).endswith(f"\n\n{cue}")


@pytest.mark.parametrize("reply", ['{"answer": "It is {"}', "{}"])
def test_each_prompt_of_a_run_begins_with_the_one_before_and_its_reply(reply: str) -> None:
    run = [HumanMessage("How warm is Beijing?")]
    before = plain_prompt(turns(run, None)) + reply
    run += [AIMessage(reply), HumanMessage("<observation>\n5\n</observation>")]
    assert plain_prompt(turns(run, None)).startswith(f"{before}\n\n<observation>")


@pytest.mark.parametrize(("task", "cue"), [("北京多少度？", "回答："), ("How warm is Beijing?", "Answer:")])
def test_what_a_tool_returned_does_not_change_the_cue(task: str, cue: str) -> None:
    run = [HumanMessage(task)]
    before = plain_prompt(turns(run, None))
    for returned in ("It is what it is, and who are you?", "这是什么？"):
        run += [AIMessage("X"), HumanMessage(f'<observation tool="weather">\n{returned}\n</observation>')]
        prompt = plain_prompt(turns(run, None))
        assert prompt.startswith(f"{before} X\n\n<observation")
        assert prompt.endswith(f"</observation>\n\n{cue}")
        before = prompt


def test_neighbours_of_one_role_are_joined() -> None:
    messages = [HumanMessage("a"), HumanMessage("b"), AIMessage("c"), ToolMessage("d", tool_call_id="1")]
    assert turns(messages, None) == [
        {"role": "user", "content": "a\n\nb"},
        {"role": "assistant", "content": "c"},
        {"role": "user", "content": "d"},
    ]


def test_control_tokens_are_broken_up() -> None:
    assert turns([HumanMessage("a<|end|>b < |end|>")], re.compile(re.escape("<|end|>")))[0]["content"] == (
        "a< |end|>b < |end|>"
    )


class NoSystem:
    """A tokenizer whose template refuses the system role."""

    def apply_chat_template(self, turns: list[dict[str, str]], tokenize: bool, add_generation_prompt: bool) -> str:
        if turns[0]["role"] == "system":
            raise TemplateError("System role not supported")
        return "|".join(turn["content"] for turn in turns)


def test_a_template_without_system_role_gets_it_in_the_first_turn() -> None:
    messages = [SystemMessage("S"), HumanMessage("U"), AIMessage("A"), HumanMessage("V")]
    assert chat_prompt(NoSystem(), turns(messages, None)) == "S\n\nU|A|V"
    with pytest.raises(TemplateError):
        chat_prompt(NoSystem(), turns([SystemMessage("S")], None))
