"""The documentation cannot rot: its commands exist, its examples run, its tables list every setting and metric."""

from __future__ import annotations

import json
import os
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

from eval.datasets.jsonl import read_jsonl
from eval.metrics.table import METRICS
from eval.runs import RunStore
from ingest.chunkers.registry import CHUNKERS
from ragbot.console.eval_commands import eval_app
from ragbot.console.kb_commands import kb_app
from ragbot.models.testing import HashEmbedder
from ragbot.settings import Settings, walk

ROOT = Path(__file__).parents[1]
READMES = [ROOT / "README.md", ROOT / "README.zh-CN.md"]
GUIDES = [ROOT / "docs" / "evaluation.md", ROOT / "docs" / "evaluation.zh-CN.md"]
KB_GUIDES = [ROOT / "docs" / "knowledge-bases.md", ROOT / "docs" / "knowledge-bases.zh-CN.md"]
MEASUREMENTS = [ROOT / "docs" / "measurements.md", ROOT / "docs" / "measurements.zh-CN.md"]
#: The commands that the guides have to show.
EVALUATION = {f"eval {command.name}" for command in eval_app.registered_commands} | {"tune"}
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(
    r"^[ ]*(?:- run: )?(?:\S*/)?ragbot ((?:kb |models |config |eval )?[a-z]+)(.*(?:\n[ ]+--.*)*)", re.MULTILINE
)
_OPTION = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")
_NUMBER = re.compile(r"[+-]?(?:\d+(?:,\d{3})*(?:\.\d+)?|\.\d+)")


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.name)
def test_every_setting_is_documented(readme: Path) -> None:
    table = re.search(r"<!-- settings -->(.*?)<!-- /settings -->", readme.read_text(encoding="utf-8"), re.DOTALL)
    assert table
    documented = re.findall(r"^\| `([^`]+)` \| ([^|]*) \| [^|]+ \|$", table.group(1), re.MULTILINE)
    assert [key for key, _ in documented] == [key for key, _ in walk(Settings)]
    for key, default in documented:
        expected = _default(key)
        assert default.strip("` ") == expected, key


def _default(key: str) -> str:
    field, model = None, Settings
    for part in key.split("."):
        field = model.model_fields[part]
        model = field.annotation  # type: ignore[assignment]
    assert field is not None
    if key == "data_dir":
        return "…/ragbot"  # another on each system
    return str(field.default) if str(field.default).strip("*") else ""


@pytest.mark.parametrize("page", READMES + GUIDES, ids=lambda path: path.name)
def test_commands_exist(page: Path) -> None:
    commands = list(_commands(page))
    needed = (
        EVALUATION if page in GUIDES else {"ingest", "ask", "search", "chat", "ui", "kb info", "models list", "doctor"}
    )
    assert needed | {"eval init", "eval review", "eval run", "tune"} <= {command for command, _ in commands}
    for command, options in commands:
        assert set(options) <= _options(command), command


@pytest.mark.parametrize("page", KB_GUIDES, ids=lambda path: path.name)
def test_commands_of_the_guide_to_knowledge_bases(page: Path) -> None:
    commands = list(_commands(page))
    all_of_them = {f"kb {command.name}" for command in kb_app.registered_commands}
    assert all_of_them - {"kb info", "kb list", "kb documents", "kb remove"} <= {command for command, _ in commands}
    for command, options in commands:
        assert set(options) <= _options(command), command
    table = re.findall(r"^\| `([a-z]+)` \|", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(table) == sorted(CHUNKERS)
    assert KB_GUIDES[0].name in READMES[0].read_text(encoding="utf-8")


@pytest.mark.parametrize("page", GUIDES, ids=lambda path: path.name)
def test_options_in_the_text_exist(page: Path) -> None:
    known = set[str]().union(*map(_options, EVALUATION))
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    named = {option for code in re.findall(r"`([^`\n]+)`", text) for option in re.findall(r"--[a-z-]+", code)}
    assert {"--set", "--fail-on", "--leave-out"} <= named <= known


def _blocks(page: Path, *languages: str) -> list[str]:
    """The fenced blocks of a page in some languages, in order."""
    return [body for language, body in _FENCE.findall(page.read_text(encoding="utf-8")) if language in languages]


def _commands(page: Path) -> Iterator[tuple[str, list[str]]]:
    """Each ``ragbot`` command of a page with its options."""
    for block in _blocks(page, "sh", "yaml"):
        for command, rest in _COMMAND.findall(re.sub(r"\s+# .*", "", block)):
            yield command, _OPTION.findall(re.sub(r'"[^"]*"', "", rest))


@cache
def _options(command: str) -> frozenset[str]:
    """The options of a command; fails where there is none of this name."""
    result = subprocess.run(
        [sys.executable, "-m", "ragbot", *command.split(), "--help"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, (command, result.stderr)
    return frozenset(_OPTION.findall(result.stdout))


@pytest.mark.parametrize("page", READMES + GUIDES + KB_GUIDES + MEASUREMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"<!--.*?-->", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    links = re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)", text)
    assert links
    for target, anchor in links:
        path = page.parent / target if target else page
        assert path.exists(), target
        if anchor:
            assert anchor in _anchors(path), (target, anchor)


def _anchors(page: Path) -> set[str]:
    """What the headings of a page can be reached by: lower case, hyphens for blanks, no punctuation."""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", GUIDES, ids=lambda path: path.name)
def test_every_metric_is_documented(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    table = re.search(r"<!-- metrics -->(.*?)<!-- /metrics -->", text, re.DOTALL)
    assert table
    documented = re.findall(r"^\| `([^`]+)` \| [^|]+ \| [^|]*\|$", table.group(1), re.MULTILINE)
    families = [
        re.sub(r"^(answer_recall)@\d+$", r"\1@n", re.sub(r"^(hit|recall|precision)@\d+$", r"\1@k", name))
        for name in METRICS
    ]
    assert sorted(documented) == sorted(set(families))
    headline = re.search(r"(?:Headline metrics: |主要指标：)((?:`[^`]+`[,、]?\s*)+)", text)
    assert headline
    assert re.findall(r"`([^`]+)`", headline.group(1)) == [metric.name for metric in METRICS.values() if metric.primary]


@pytest.mark.parametrize("pages", [GUIDES, KB_GUIDES], ids=lambda pages: pages[0].name)
def test_the_guides_show_the_same_code(pages: list[Path]) -> None:
    for language in ("sh", "yaml", "jsonl", "python"):
        english, chinese = ([re.sub(r"\s+# .*", "", block) for block in _blocks(page, language)] for page in pages)
        assert english == chinese, language


def test_the_measurements_have_the_same_figures() -> None:
    english, chinese = map(_figures, MEASUREMENTS)
    assert any(number for row in english for cell in row for number in cell)
    assert english == chinese


def _figures(page: Path) -> list[list[list[str]]]:
    """The numbers in each cell of each row of the tables of a page, in order."""
    rows = re.findall(r"^\|.*\|$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return [[_NUMBER.findall(cell) for cell in row.split("|")] for row in rows]


def test_the_workflow_is_yaml() -> None:
    assert all(yaml.safe_load(block)["jobs"] for block in _blocks(GUIDES[0], "yaml"))


def test_the_question_sets_load(tmp_path: Path) -> None:
    (block,) = _blocks(GUIDES[0], "jsonl")
    for line in block.splitlines():
        json.loads(line)
    path = tmp_path / "questions.jsonl"
    path.write_text(block, encoding="utf-8")
    questions = read_jsonl(path, ROOT / "data" / "corpus").questions
    assert [question.answerable for question in questions] == [True, True, False, True]
    assert all(question.gold for question in questions if question.document != question.id)
    assert questions[-1].calls


def test_a_plain_function_is_scored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _run_example(0, tmp_path, monkeypatch)
    printed = capsys.readouterr().out.splitlines()
    shown = next(block for block in _blocks(GUIDES[0], "text") if "citation_precision" in block and "(n=" in block)
    assert [line for line in shown.splitlines() if line != "…" and line not in printed] == []


def test_a_langchain_retriever_is_scored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "ragbot.models.registry.load_embedder", lambda spec: HashEmbedder()
    )  # the real one takes minutes
    monkeypatch.setenv("RAGBOT_DATA_DIR", str(tmp_path))
    _run_example(1, tmp_path, monkeypatch)
    run = RunStore(tmp_path / "eval" / "runs").load("langchain")
    assert len(run.rows) == run.manifest["dataset"]["questions"] and not run.errors
    assert all("mrr@10" in row.metrics for row in run.rows if row.question.answerable)
    assert any(row.metrics["answer_recall@1000"] for row in run.rows if row.question.answerable)


def _run_example(number: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)  # the paths of the examples begin at the project
    path = folder / "example.py"
    path.write_text(_blocks(GUIDES[0], "python")[number], encoding="utf-8")
    runpy.run_path(str(path))


def test_the_example_runs(tmp_path: Path) -> None:
    example = re.search(r"```python\n(.*?)```", READMES[0].read_text(encoding="utf-8"), re.DOTALL)
    assert example
    (tmp_path / "data").symlink_to(ROOT / "data")  # it makes a folder where it stands
    result = subprocess.run(
        [sys.executable, "-c", example.group(1)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert result.returncode == 0, result.stderr
    assert re.match(r"\d\d documents, 0 failed\n", result.stdout)
    assert "RMSNorm" in result.stdout
