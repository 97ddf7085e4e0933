"""``ragbot eval …`` and ``ragbot tune`` on the command line, on an embedder without weights."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from eval.runs import ROWS
from ragbot.models.testing import HashEmbedder
from tests.eval.tuning.test_tune import write_squad
from tests.ragbot.conftest import Cli

EN = "# Towers\n\nThe tower was finished in 1889. It stands in Paris and is 330 metres high.\n"
ZH = "# 长城\n\n长城东起山海关，西至嘉峪关。总长度超过两万公里。\n"
LINES = [
    {"id": "en-1", "question": "When was the tower finished?", "answers": ["1889"], "source": "en.md",
     "evidence": "The tower was finished in 1889."},
    {"id": "zh-1", "question": "长城西至哪里？", "answers": ["嘉峪关"], "source": "zh.md", "evidence": "长城东起山海关，西至嘉峪关。"},
    {"id": "no-1", "question": "Who built the moon?", "answerable": False, "language": "en"},
]  # fmt: skip


@pytest.fixture(autouse=True)
def _no_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eval.workbench.load_embedder", lambda spec, **options: HashEmbedder())
    monkeypatch.setattr("ragbot.models.registry.load_embedder", lambda spec, **options: HashEmbedder())


@pytest.fixture
def dataset(tmp_path: Path) -> tuple[str, ...]:
    """The words of a set with its documents, for a command line."""
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "en.md").write_text(EN, encoding="utf-8")
    (folder / "zh.md").write_text(ZH, encoding="utf-8")
    path = tmp_path / "set.jsonl"
    path.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in LINES), encoding="utf-8")
    return str(path), "--documents", str(folder)


def test_run_list_show_report(cli: Cli, dataset: tuple[str, ...], tmp_path: Path) -> None:
    result = cli("eval", "run", *dataset, "--name", "first", "--report", "r.html", "--markdown", "s.md")
    assert result.code == 0, result.err
    assert "3 questions over 2 documents" in result.out and "citation_recall" in result.out and "report:" in result.out
    folder = tmp_path / "data" / "eval" / "runs" / "first"
    assert {"run.json", ROWS, "report.html", "summary.md", "summary.json"} <= {path.name for path in folder.iterdir()}
    assert "长城西至哪里" in (tmp_path / "r.html").read_text(encoding="utf-8")
    assert (tmp_path / "s.md").read_text(encoding="utf-8").startswith("#")
    assert "first" in cli("eval", "list").out
    shown = cli("eval", "show", "latest", "--all").out
    assert "language_match" in shown and "language_match" not in cli("eval", "show", "first").out
    assert cli("eval", "report", "first", "-o", "again.html").out.strip() == "again.html"
    assert (tmp_path / "again.html").exists()


def test_json(cli: Cli, dataset: tuple[str, ...]) -> None:
    value = cli("eval", "run", *dataset, "--json", "--search-only").json
    assert value["run"]["mode"] == "search" and value["errors"] == 0
    figure = next(f for f in value["figures"] if f["metric"] == "mrr@10" and f["slice"] == "all")
    assert 0 < figure["interval"]["mean"] <= 1 and figure["interval"]["questions"] == 2
    assert cli("eval", "list", "--json").json["runs"][0]["name"] == value["run"]["name"]
    assert cli("eval", "compare", "latest", "latest", "--json").json["verdicts"]


def test_another_setting_for_one_run(cli: Cli, dataset: tuple[str, ...]) -> None:
    cli("eval", "run", *dataset, "--name", "a")
    cli("eval", "run", *dataset, "--name", "b", "--set", "generation.min_confidence=1")
    result = cli("eval", "compare", "a", "b", "--json").json
    judged = {v["metric"]: v["difference"]["difference"] for v in result["verdicts"] if v["slice"] == "all"}
    assert judged["answered"] == -1 and judged["refused"] == 1
    assert {flip["change"] for flip in result["flips"]} == {"gained", "lost"}
    text = cli("eval", "compare", "a", "b").out
    assert "2 documents can hardly decide anything" in text
    difference = cli("eval", "diff", "a", "b").out
    assert "settings.generation.min_confidence" in difference and "0.0" in difference and "1.0" in difference
    assert "no difference" in cli("eval", "diff", "a", "a").out
    assert cli("eval", "run", *dataset, "--set", "nonsense").code == 2
    assert "did you mean 'retrieval.top_k'" in cli("eval", "run", *dataset, "--set", "retrieval.topk=3").err


def test_the_gate(cli: Cli, dataset: tuple[str, ...], tmp_path: Path) -> None:
    assert cli("eval", "run", *dataset, "--save-baseline", "base.json").code == 0
    good = cli("eval", "run", *dataset, "--baseline", "base.json", "--fail-on", "drop")
    assert good.code == 0 and "identical" in good.out
    worse = ("--set", "generation.min_confidence=1", "--baseline", "base.json", "--fail-on")
    bad = cli("eval", "run", *dataset, *worse, "drop")
    assert bad.code == 1 and "worse:" in bad.out and "answered" in bad.out
    # So few documents cannot show a significant loss.
    assert cli("eval", "run", *dataset, *worse, "regression").code == 0
    assert cli("eval", "run", *dataset, *worse, "never").code == 0
    # What was found worse does not become what the next run is compared with.
    before = (tmp_path / "base.json").read_bytes()
    cli("eval", "run", *dataset, *worse, "drop", "--save-baseline", "base.json")
    assert (tmp_path / "base.json").read_bytes() == before
    missing = cli("eval", "run", *dataset, "--baseline", "gone.json")
    assert missing.code == 2 and "there is no run 'gone.json'" in missing.err


def test_a_significant_loss_fails_the_gate(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "invented.json"
    write_squad(path, 20)
    words = ("eval", "run", str(path), "--search-only", "--set", "chunking.chunk_tokens=32")
    assert cli(*words, "--set", "retrieval.dense_weight=0", "--save-baseline", "base.json").code == 0
    bad = cli(
        *words, "--set", "retrieval.dense_weight=1", "--baseline", "base.json", "--fail-on", "regression", "--json"
    )
    assert bad.code == 1 and "mrr@10" in bad.json["regressions"]
    assert cli("eval", "compare", "latest", "base.json", "--fail-on", "regression").code == 0  # the other way round


def test_resume(cli: Cli, dataset: tuple[str, ...], tmp_path: Path) -> None:
    cli("eval", "run", *dataset, "--name", "half")
    path = tmp_path / "data" / "eval" / "runs" / "half" / ROWS
    path.write_bytes(path.read_bytes()[:-30])
    manifest = path.with_name("run.json")
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "finished": ""}))
    assert "not finished" in cli("eval", "list").out and "--resume half" in cli("eval", "show", "half").out
    result = cli("eval", "run", *dataset, "--resume", "half", "--json")
    assert result.code == 0 and result.json["run"]["finished"] and result.json["run"]["name"] == "half"
    assert len(path.read_text(encoding="utf-8").splitlines()) == 3


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--kb", "x"), "either --documents"),
        (("--split-by", "question"), "only 'document' can be"),
        (("--part", "test"), "--split-by document"),
        (("--name", "../x"), "cannot name a run"),
        (("--resume", "gone"), "there is no run 'gone'"),
        (("--fail-on", "drop"), "--baseline"),
        (("--judge", "openai:x", "--search-only"), "no answers to judge"),
        (
            (
                "--judge",
                "nonsense:x",
            ),
            "nonsense",
        ),
        (("--save-baseline", "documents"), "is a folder"),
        (("--report", "set.jsonl/report.html"), "takes no files"),
        (("--name", "a", "--resume", "b"), "there is no run 'b'|keeps its name"),
        (("--name", "latest"), "cannot name a run"),
    ],
)
def test_what_a_person_gets_wrong(cli: Cli, dataset: tuple[str, ...], words: tuple[str, ...], says: str) -> None:
    result = cli("eval", "run", *dataset, *words)
    assert result.code == 2 and re.search(says, result.err), result.err


def test_no_such_set(cli: Cli) -> None:
    result = cli("eval", "run", "gone.jsonl")
    assert result.code == 2 and "gone.jsonl" in result.err
    assert cli("eval", "show", "latest").code == 2
    assert "make one: ragbot eval run" in cli("eval", "list").out


def test_a_set_of_ones_own(cli: Cli, folder: Path, tmp_path: Path) -> None:
    result = cli("eval", "init", str(folder), "--count", "6")
    assert result.code == 0, result.err
    assert "ragbot eval run questions.jsonl" in result.out
    records = [json.loads(line) for line in (tmp_path / "questions.jsonl").read_text(encoding="utf-8").splitlines()]
    assert records and {record["source"] for record in records if record["answerable"]} <= {"lora.md", "bpe.md"}
    again = cli("eval", "init", str(folder))
    assert again.code == 2 and "--force" in again.err
    assert cli("eval", "init", str(folder), "--force", "--count", "6").code == 0
    assert cli("eval", "run", "questions.jsonl", "--documents", str(folder)).code == 0
    (tmp_path / "empty").mkdir()
    assert cli("eval", "init", str(tmp_path / "empty"), "-o", "x.jsonl").code == 2


def test_tune(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "invented.json"
    write_squad(path, 24)
    (tmp_path / "ragbot.toml").write_text("[retrieval]\ndense_weight = 1.0\n[chunking]\nchunk_tokens = 32\n")
    words = ("tune", str(path), "--metric", "mrr@10", "--only", "retrieval", "--trials", "5", "--budget", "5m")
    result = cli(*words, "--output", "better.toml", "--name", "mine")
    assert result.code == 0, result.err
    assert "recommended" in result.out and "dense_weight" in (tmp_path / "better.toml").read_text()
    report = tmp_path / "data" / "eval" / "tuning" / "mine" / "report.md"
    assert report.read_text(encoding="utf-8").startswith("# Tuning for mrr@10")
    assert cli(*words, "--output", "better.toml").code == 2  # what is there stays as it is
    assert "--resume mine" in cli(*words, "--name", "mine").err
    assert "there are: mine" in cli(*words, "--resume", "other").err
    again = cli(*words, "--resume", "mine", "--json").json
    assert again["recommended"] and again["trials"] >= 3 and again["settings"].endswith("ragbot.toml")
    assert cli(*words, "--budget", "soon").code == cli(*words, "--budget", "0s").code == 2
    assert "leave out --kb" in cli(*words, "--kb", "x").err
