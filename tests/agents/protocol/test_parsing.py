"""Replies as models really write them."""

from __future__ import annotations

import pytest

from agents.protocol.parsing import read_turn

CALL = ("add", {"a": 1})


@pytest.mark.parametrize(
    "reply",
    [
        '{"thought": "t", "tool": "add", "arguments": {"a": 1}}',
        '```json\n{"thought": "t", "tool": "add", "arguments": {"a": 1}}\n```',
        'Sure! Here it is:\n{"thought": "t", "tool": "add", "arguments": "{\\"a\\": 1}"} I hope it helps.',
        '{"Thought": "t", "Action": "add", "Action Input": {"a": 1}}',
        '{"thought": "t", "name": "add", "parameters": {"a": 1}}',
        '{"thought": "t", "function": {"name": "add", "arguments": "{\\"a\\": 1}"}}',
        '<think>maybe {not} this</think>{"thought": "t", "tool": "add", "arguments": {"a": 1}}',
        'Thought: t\nAction: add\nAction Input: {"a": 1}\nObservation: 7\nThought: no\nAction: other\nAction Input: {}',
        '**Thought:** t\n**Action:** `add`\n**Action Input:** ```json\n{"a": 1}\n```',
        'Thought: t\nAction: add({"a": 1})',
        '思考：t\n行动：add\n行动输入：{"a": 1}\n观察：7',
        '{"思考": "t", "工具": "add", "参数": {"a": 1}}',
        '{"thought": "t", "tool": "add", "arguments": {"a": 1}}{"thought": "u", "answer": "made up"}',
    ],
)
def test_a_call_in_many_forms(reply: str) -> None:
    turn = read_turn(reply)
    assert [(found.tool, found.arguments) for found in turn.calls] == [CALL], turn
    assert (turn.thought, turn.answer, turn.problem) == ("t", None, "")


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ('{"thought": "", "answer": "上海\\n北京"}', "上海\n北京"),
        ('{"answer": 42}', "42"),
        ('{"final_answer": "x"}', "x"),
        ("Thought: I know it.\nFinal Answer: two\nlines", "two\nlines"),
        ("思考：知道了。\n最终答案：四十二", "四十二"),
        ('{"回答": "好"}', "好"),
        ('{"answer": "line\nbreak"}', "line\nbreak"),
    ],
)
def test_an_answer_in_many_forms(reply: str, answer: str) -> None:
    turn = read_turn(reply)
    assert (turn.answer, turn.calls, turn.problem) == (answer, (), "")


@pytest.mark.parametrize(
    ("reply", "problem", "salvaged"),
    [
        ("", "empty", ""),
        ("  \n", "empty", ""),
        ("<think>never ends", "empty", ""),
        ("It is 42.", "no_json", "It is 42."),
        ('{"thought": "t", "tool": "add", "argu', "broken_json", ""),
        ('{"thought": "t", "answer": "It is \\"forty-tw', "broken_json", 'It is "forty-tw'),
        ('{"answer": "cut in an escape \\u4e', "broken_json", "cut in an escape "),
        ('{"thought": "only"}', "no_choice", ""),
        ('{"tool": "", "thought": "x"}', "no_choice", ""),
        ('{"tool": "add", "answer": "x"}', "both", ""),
        ('{"tool": "add", "arguments": "a=1"}', "arguments_kind", ""),
        ("Action: add\nAction Input: a is 1", "arguments_kind", ""),
        ("[1, 2]", "no_json", "[1, 2]"),
    ],
)
def test_what_cannot_be_read(reply: str, problem: str, salvaged: str) -> None:
    turn = read_turn(reply)
    assert (turn.problem, turn.salvaged, turn.calls, turn.answer) == (problem, salvaged, (), None)


def test_no_reply_takes_long() -> None:
    for reply in ("{" * 20_000, '{"a":' * 5_000, "Thought: " * 5_000, "<think>" * 5_000, '"answer": "' + "\\" * 9_999):
        assert read_turn(reply).problem


def test_an_object_without_meaning_is_passed_over() -> None:
    turn = read_turn('The set {"x": 1} matters. {"tool": "add", "arguments": {}}')
    assert [found.tool for found in turn.calls] == ["add"]
