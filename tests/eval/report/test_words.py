"""English and Chinese say the same things, and say all that is asked for."""

from __future__ import annotations

import re
from pathlib import Path

import eval.report.html as page
from eval.metrics.table import METRICS
from eval.report.words import Words, texts

HERE = Path(page.__file__).parent


def names(text: str) -> list[str]:
    return sorted(re.findall(r"\{(\w+)\}", text))


def test_both_languages_have_the_same_keys_and_names() -> None:
    english, chinese = texts("en"), texts("zh")
    data = ("metric.", "value.", "key.")  # what the table of metrics and the sets say in English themselves
    assert {key for key in english if not key.startswith(data)} == {key for key in chinese if not key.startswith(data)}
    for key in english.keys() & chinese.keys():
        assert names(english[key]) == names(chinese[key]), key
    for key, text in chinese.items():
        assert re.search("[一-鿿]", text) or key in {"slice_name"}, key


def test_every_metric_has_a_chinese_title() -> None:
    say = Words("zh")
    for name in METRICS:
        assert re.search("[一-鿿]", say.metric(name)), name
        assert "{" not in say.metric(name)
    assert Words("en").metric("hit@5") == METRICS["hit@5"].title
    assert "5" in say.metric("hit@5")


def test_every_string_is_used() -> None:
    script, template = (HERE / "report.js").read_text("utf-8"), (HERE / "report.html").read_text("utf-8")
    code = template + "".join(path.read_text("utf-8") for path in HERE.glob("*.py"))
    composed = ("metric.", "value.", "key.", "slice.", "fact.", "mode.", "kind.", "judgement.", "change.", "outcome.")
    for key in texts("en"):
        if key.startswith("js."):
            name = key.removeprefix("js.")
            assert f'"{name}"' in script or name in {"right", "wrong", "refused", "error", "unjudged"}, key
        elif not key.startswith(composed):
            assert f'"{key}"' in code or f"'{key}'" in code, key
    for name in re.findall(r'\bsay\("(\w+)"', script):
        assert f"js.{name}" in texts("en"), name


def test_slices() -> None:
    assert Words("en").slice("all") == "all"
    assert Words("en").slice("language=zh") == "language: Chinese"
    assert Words("zh").slice("language=zh") == "语言：中文"
    assert Words("zh").slice("topic=a=b{x}") == "topic：a=b{x}"
