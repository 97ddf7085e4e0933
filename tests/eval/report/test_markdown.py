"""The summary for a pull request."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from eval.contrast import contrast
from eval.records import Run
from eval.report import write_markdown
from eval.report.markdown import escape
from eval.summary import summarize

Maker = Callable[..., Run]


def test_figures_verdicts_and_flips(make_run: Maker, tmp_path: Path) -> None:
    before, after = make_run(40, shift=1, name="old"), make_run(40, name="new")
    found = contrast(before, after, rounds=50)
    text = write_markdown(after, summarize(after.rows, 50), tmp_path / "out" / "report.md", found)
    assert (tmp_path / "out" / "report.md").read_text(encoding="utf-8") == text
    assert text.startswith("## new\n")
    assert "| `contains` | answer holds a gold answer word for word | 0." in text
    assert "### Against old" in text
    assert "| `f1` | all |" in text
    assert len(found.flips) > 10
    assert sum(line.startswith(("- ▲", "- ▼")) for line in text.splitlines()) == 10
    assert f"- and {len(found.flips) - 10} more" in text
    assert "Question set: teas (test)" in text
    for line in text.splitlines():
        if line.startswith("| `"):
            assert line.count(" | ") in (3, 7)


def test_chinese(make_run: Maker) -> None:
    run = make_run()
    text = write_markdown(run, summarize(run.rows, 50), None, contrast(make_run(shift=1), run, rounds=50), "zh")
    assert "| 指标 | 含义 | 均值 | 95% 区间 |" in text
    assert "与 small 对比" in text


def test_nothing_was_asked(make_run: Maker) -> None:
    text = write_markdown(make_run(0), [], None)
    assert "There are no figures" in text
    assert "|" not in text


def test_what_a_question_says_is_not_markdown(make_run: Maker, hostile: str) -> None:
    run = make_run(12, name=f"a|b\n# {hostile}")
    text = write_markdown(run, summarize(run.rows, 50), None)
    assert "\n# " not in text
    assert "<img" not in text.replace("\\<img", "")
    assert escape("a|b [x](y) <b> `c` *d* _e_\n@f") == r"a\|b \[x\](y) \<b\> \`c\` \*d\* \_e\_ \@f"
