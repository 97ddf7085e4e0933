"""What a person is told when a call needs consent, in both languages."""

from __future__ import annotations

from collections.abc import Mapping

from agents.policy import ConsentRequest
from agents.rendering import shortened
from agents.tools.base import Effect

#: Characters of a value that are shown: an address is judged by its beginning, but nothing may hide behind the end.
_SHOWN = 200

_EFFECTS: Mapping[str, Mapping[Effect, str]] = {
    "en": {
        Effect.NETWORK: "it sends data over the network",
        Effect.WRITE: "it changes files or data",
        Effect.EXECUTE: "it runs a program",
    },
    "zh": {
        Effect.NETWORK: "会通过网络发送数据",
        Effect.WRITE: "会修改文件或数据",
        Effect.EXECUTE: "会运行程序",
    },
}
_SUSPICIONS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "address": "you did not name the address {value}{place}",
        "path": "you did not name the path {value}{place}",
        "text": "{argument} repeats a text that is not yours{place}: {value}",
        "place": " (it stands in what {tool} found)",
        "repeated": "it may have been made already: the run was cut off in the middle of it",
    },
    "zh": {
        "address": "你没有提到过地址 {value}{place}",
        "path": "你没有提到过路径 {value}{place}",
        "text": "参数 {argument} 重复了并非出自你的文字{place}：{value}",
        "place": "（出自 {tool} 的结果）",
        "repeated": "这次调用可能已经执行过：运行在中途被打断",
    },
}


def reasons(request: ConsentRequest, language: str) -> tuple[str, ...]:
    """Why consent is needed, the gravest reason first."""
    words = _SUSPICIONS[language]
    said = [words["repeated"]] if request.repeated else []
    for item in request.suspicions:
        place = words["place"].format(tool=item.tool) if item.tool else ""
        value = shortened(item.value, _SHOWN)
        said.append(words[item.kind].format(argument=item.argument, value=value, place=place))
    said += [_EFFECTS[language][effect] for effect in sorted(request.effects)]
    return tuple(said)
