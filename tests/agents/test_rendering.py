"""What people are shown does nothing by itself."""

from __future__ import annotations

import pytest

from agents.rendering import fenced, harmless, shortened
from agents.steps import Action, FinalAnswer, Malformed, Observation, Thought


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("![x](https://evil.example/?d=1)", r"!\[x\](https://evil.example/?d=1)"),
        ("[click](https://evil.example)", r"\[click\](https://evil.example)"),
        ("[click][1]\n\n[1]: https://evil.example", r"\[click][1]" + "\n\n" + r"\[1\]: https://evil.example"),
        ("<img src=x onerror=alert(1)>", "&lt;img src=x onerror=alert(1)>"),
        ("</p><script>", "&lt;/p>&lt;script>"),
        ("It is 42 [1][2], and 3 < 4.", "It is 42 [1][2], and 3 < 4."),
        ("秩通常取 8 [1]。", "秩通常取 8 [1]。"),
    ],
)
def test_answers_load_nothing(text: str, shown: str) -> None:
    assert harmless(text) == shown
    assert FinalAnswer(text=text).markdown() == harmless(text)
    assert "](" not in harmless(text).replace(r"\](", "") and "<img" not in harmless(text)


def test_nothing_ends_a_code_block() -> None:
    text = "a\n```\n<b>\n````\n"
    assert fenced(text).startswith("`````text\n") and fenced(text).endswith("\n`````")
    for step in (Observation(text=text), Thought(text=text), Malformed(text=text)):
        assert "`````text" in step.markdown("zh")
    assert Action(tool="t", arguments={"a": "```"}).markdown().startswith("````text")


def test_lines() -> None:
    assert shortened("a\n  b" + "c" * 300).startswith("a b") and len(shortened("x" * 300)) == 160
    assert Action(tool="add", arguments={"a": 1, "b": "上海"}).line("zh") == 'add(a=1, b="上海")'
    assert Observation(text="x", status="denied").line("zh") == "→ 未调用: x"
