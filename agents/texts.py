"""What the loop says to the model and to the person, in both languages; ``{}`` is where a value goes."""

from __future__ import annotations

from collections.abc import Mapping

#: Observations that the loop makes itself, and the words of a refusal.
TEXTS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "unknown_tool": "There is no tool {name}.{near} The tools are: {tools}.",
        "no_tools": "There is no tool {name}, and none can be used here: answer yourself.",
        "near": " Did you mean {}?",
        "input_error": "{tool} cannot be called like that: {problem} It takes: {signature}.",
        "missing": "{} is missing.",
        "extra": "there is no argument {}.",
        "wrong": "{name}: {problem}.",
        "tool_error": "{tool}: {problem}",
        "outage": "{tool} does not work at the moment: {problem}",
        "crash": "{tool} failed ({problem}). Try other arguments or another tool.",
        "timeout": "{tool} had no result after {seconds:g} seconds and was given up. Ask for less, or use another tool.",
        "denied": "{tool} was not called: {reason} Go on without it, or say what you would have needed it for.",
        "denied_rule": "it is not allowed here.",
        "denied_person": "the person did not allow this call.",
        "denied_nobody": "it needs the person's consent, and nobody can be asked.",
        "loop": "You made this call before (nothing has changed since), and it gave:\n{earlier}\nUse it, try something else, or "
        "answer.",
        "call_limit": "{tool} was called {count} times, which is all it may be. Go on with what you know.",
        "unknown_effect": "It is not known whether this call took effect: the run was cut off in the middle of it. It is not "
        "made again without the person's consent.",
        "cut": "\n[… {} more characters were left out]",
        "nothing": "(no output)",
        "malformed": "That could not be read: {problem}. {form}",
        "form_text": 'Write one JSON object: {{"tool": "NAME", "arguments": {{…}}}} or {{"answer": "…"}}.',
        "form_native": "Call a tool with a JSON object as its arguments, or answer.",
        "no_json": "it holds no JSON object",
        "broken_json": "the JSON object is broken or was cut off",
        "no_choice": "it names neither a tool nor an answer",
        "both": "it names a tool and an answer",
        "arguments_kind": "the arguments are no JSON object",
        "empty": "it is empty",
        "finish": "No more tools can be used ({reason}). Answer now from what you have found; if it is not enough, say what is "
        "missing.",
        "steps": "the limit of {} steps is reached",
        "tokens": "the limit of {} tokens is reached",
        "seconds": "the limit of {:g} seconds is reached",
        "loops": "the same calls came again and again",
        "mistakes": "several replies in a row could not be read",
        "refusal": "I could not answer this: {reason}.{tried}",
        "refusal_tried": " Tried: {}.",
        "refusal_nothing": " No tool was used.",
        "route_direct": "No tool is needed for this.",
        "route_documents": "This is a question to the documents.",
        "route_tools": "This takes tools.",
    },
    "zh": {
        "unknown_tool": "没有名为 {name} 的工具。{near}可用的工具：{tools}。",
        "no_tools": "没有名为 {name} 的工具，这里也没有任何工具可用：请直接回答。",
        "near": "是不是想用 {}？",
        "input_error": "不能这样调用 {tool}：{problem}它的参数是：{signature}。",
        "missing": "缺少参数 {}。",
        "extra": "没有参数 {}。",
        "wrong": "{name}：{problem}。",
        "tool_error": "{tool}：{problem}",
        "outage": "{tool} 暂时无法使用：{problem}",
        "crash": "{tool} 出错（{problem}）。请换一组参数，或换一个工具。",
        "timeout": "{tool} 在 {seconds:g} 秒内没有结果，已放弃。请缩小范围，或换一个工具。",
        "denied": "没有调用 {tool}：{reason}请不用它继续，或说明需要它做什么。",
        "denied_rule": "这里不允许使用它。",
        "denied_person": "用户没有同意这次调用。",
        "denied_nobody": "这需要用户同意，而现在无人可问。",
        "loop": "这个调用之前已经做过（此后没有任何变化），结果是：\n{earlier}\n请利用它，换一种做法，或直接回答。",
        "call_limit": "{tool} 已经调用了 {count} 次，达到上限。请根据已有的信息继续。",
        "unknown_effect": "不清楚这次调用是否已经生效：运行在中途被打断。未经用户同意，不会再次调用。",
        "cut": "\n[……另有 {} 个字符未显示]",
        "nothing": "（没有输出）",
        "malformed": "无法读懂：{problem}。{form}",
        "form_text": '请只写一个 JSON 对象：{{"tool": "工具名", "arguments": {{…}}}} 或 {{"answer": "…"}}。',
        "form_native": "请用 JSON 对象作为参数调用工具，或直接回答。",
        "no_json": "其中没有 JSON 对象",
        "broken_json": "JSON 对象不完整或有错误",
        "no_choice": "既没有写工具，也没有写回答",
        "both": "同时写了工具和回答",
        "arguments_kind": "参数不是 JSON 对象",
        "empty": "内容为空",
        "finish": "不能再使用工具了（{reason}）。请根据已经找到的内容立即回答；如果不够，请说明缺少什么。",
        "steps": "已达到 {} 步的上限",
        "tokens": "已达到 {} 个词元的上限",
        "seconds": "已达到 {:g} 秒的上限",
        "loops": "反复出现相同的调用",
        "mistakes": "连续多次回复无法读懂",
        "refusal": "这个问题没能回答：{reason}。{tried}",
        "refusal_tried": "尝试过：{}。",
        "refusal_nothing": "没有使用任何工具。",
        "route_direct": "这不需要任何工具。",
        "route_documents": "这个问题应当向文档提出。",
        "route_tools": "这需要使用工具。",
    },
}

#: The words around steps where people read them.
WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "thought": "thought",
        "consent": "consent",
        "granted": "allowed",
        "refused": "not allowed",
        "malformed": "not readable",
        "answer": "answer",
        "input_error": "cannot be called so",
        "outage": "does not work",
        "timeout": "took too long",
        "denied": "not called",
        "unknown_tool": "no such tool",
        "loop": "repeated",
        "limit": "limit",
        "unknown": "unknown whether done",
    },
    "zh": {
        "thought": "思考",
        "consent": "许可",
        "granted": "已同意",
        "refused": "未同意",
        "malformed": "无法读懂",
        "answer": "回答",
        "input_error": "参数有误",
        "outage": "无法使用",
        "timeout": "超时",
        "denied": "未调用",
        "unknown_tool": "没有这个工具",
        "loop": "重复",
        "limit": "达到上限",
        "unknown": "不知是否生效",
    },
}


def text(language: str, key: str, **values: object) -> str:
    """The text of ``key`` in ``language`` (``en``, ``zh``) with the values filled in."""
    return TEXTS[language][key].format(**values)


def filled(language: str, key: str, *values: object) -> str:
    """The same for texts whose places have no names."""
    return TEXTS[language][key].format(*values)
