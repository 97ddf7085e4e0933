"""A reply of a text model, read with patience: JSON, JSON in a fence or between other words, or the labels of ReAct."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from agents.protocol.base import Call, Turn

#: What models call the parts, whatever they were asked for.
_TOOL = ("tool", "action", "tool_name", "工具")
#: The same, where arguments stand beside it.
_NAME = ("name", "function")
_ARGUMENTS = ("arguments", "action_input", "args", "parameters", "input", "tool_input", "参数")
_ANSWER = ("answer", "final_answer", "final", "回答", "答案")
_THOUGHT = ("thought", "reasoning", "thinking", "思考")
_REASONING = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL | re.IGNORECASE)
#: The labels of the paper (Yao et al. 2022) at the start of a line, and their Chinese forms.
_LABELS = re.compile(
    r"^[ \t>*#-]*(?P<label>thought|action input|action|arguments|final answer|answer|observation"
    r"|思考|行动输入|行动|参数|最终答案|最终回答|回答|观察)[*]*[ \t]*[:：][*]*[ \t]*",
    re.IGNORECASE | re.MULTILINE,
)
_MEANING = {
    "thought": "thought", "思考": "thought", "action": "tool", "行动": "tool", "action input": "arguments",
    "arguments": "arguments", "行动输入": "arguments", "参数": "arguments", "final answer": "answer", "answer": "answer",
    "最终答案": "answer", "最终回答": "answer", "回答": "answer", "observation": "observation", "观察": "observation",
}  # fmt: skip
_CUT_ANSWER = re.compile(r'"(?:answer|final_answer|回答|答案)"\s*:\s*"((?:[^"\\]|\\.)*)\Z', re.DOTALL)


def read_turn(reply: str) -> Turn:
    """What a reply says. Only its first step counts: what a model writes behind a call, it has made up."""
    text = _REASONING.sub("", reply).strip()
    if not text:
        return Turn(problem="empty", text=reply)
    whole = False
    for found in _objects(text):
        whole = True
        turn = _turn(found, reply)
        if turn is not None:
            return turn
    labelled = _labelled(text, reply)
    if labelled is not None:
        return labelled
    if "{" not in text:
        return Turn(problem="no_json", text=reply, salvaged=text)
    if whole:
        return Turn(problem="no_choice", text=reply)
    cut = _CUT_ANSWER.search(text)
    return Turn(problem="broken_json", text=reply, salvaged=_unescaped(cut[1]) if cut else "")


def arguments_of(value: Any) -> Mapping[str, Any] | None:
    """Arguments as an object, also where they are JSON inside a string; None where they are neither."""
    if isinstance(value, str):
        try:
            value = json.loads(value, strict=False) if value.strip() else {}
        except ValueError:
            return None
    if value is None:
        return {}
    return value if isinstance(value, Mapping) else None


def _objects(text: str) -> Iterator[Mapping[str, Any]]:
    decoder = json.JSONDecoder(strict=False)
    at = text.find("{")
    while at >= 0:
        try:
            found, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            at = text.find("{", at + 1)
            continue
        if isinstance(found, dict):
            yield found
        at = text.find("{", end)


def _turn(found: Mapping[str, Any], reply: str) -> Turn | None:
    parts = {str(key).strip().lower().replace(" ", "_"): value for key, value in found.items()}
    if isinstance(parts.get("function"), Mapping):  # {"function": {"name": …, "arguments": …}}
        parts = {**parts, **parts["function"], "function": None}
    thought = _first(parts, _THOUGHT)
    tool, answer = _first(parts, _TOOL), _first(parts, _ANSWER)
    if tool is None and any(name in parts for name in _ARGUMENTS):
        tool = _first(parts, _NAME)
    said = thought if isinstance(thought, str) else ""
    if tool and answer is not None:
        return Turn(said, problem="both", text=reply)
    if isinstance(tool, str) and tool.strip():
        arguments = arguments_of(_first(parts, _ARGUMENTS))
        if arguments is None:
            return Turn(said, problem="arguments_kind", text=reply)
        return Turn(said, (Call(tool.strip(), arguments),), text=reply)
    if isinstance(answer, str | int | float) and str(answer).strip():
        return Turn(said, answer=str(answer).strip(), text=reply)
    return Turn(said, problem="no_choice", text=reply) if thought is not None or tool is not None else None


def _labelled(text: str, reply: str) -> Turn | None:
    """The paper's own form; the first tool or answer ends it."""
    marks = list(_LABELS.finditer(text))
    if not marks:
        return None
    parts: dict[str, str] = {}
    for mark, following in zip(marks, [*marks[1:], None], strict=True):
        meaning = _MEANING[mark["label"].lower()]
        if meaning == "observation" or meaning in parts:
            break
        parts[meaning] = text[mark.end() : following.start() if following else len(text)].strip()
        if meaning in {"answer", "arguments"}:
            break
    thought = parts.get("thought", "")
    if tool := parts.get("tool"):
        called = re.fullmatch(r"([\w.-]+)\s*[(（](.*)[)）]", tool, re.DOTALL)
        name, inside = (called[1], called[2]) if called else (tool.strip("`* \t[]"), parts.get("arguments", ""))
        arguments = arguments_of(re.sub(r"\A```\w*|```\Z", "", inside.strip()).strip())
        if arguments is None:
            return Turn(thought, problem="arguments_kind", text=reply)
        return Turn(thought, (Call(name, arguments),), text=reply)
    if answer := parts.get("answer"):
        return Turn(thought, answer=answer, text=reply)
    return None


def _first(parts: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((parts[name] for name in names if parts.get(name) is not None), None)


def _unescaped(inside: str) -> str:
    for end in range(len(inside), max(len(inside) - 6, 0) - 1, -1):  # an escape may be cut, too
        try:
            return str(json.loads(f'"{inside[:end]}"', strict=False))
        except ValueError:
            continue
    return ""
