"""The commands ``ragbot train …``: what is said at the end, when stopped, and when something is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

torch = pytest.importorskip("torch")

from ragbot.cli import app  # noqa: E402
from ragbot.console.options import INTERRUPTED  # noqa: E402
from ragbot.models.testing import HashEmbedder  # noqa: E402
from ragbot.training.reader import looks  # noqa: E402
from ragbot.training.reader.contexts import Group  # noqa: E402
from ragbot.training.reader.dataset import write_groups  # noqa: E402

QUICK = ["--epochs", "1", "--packs", "2", "--held-out", "1", "--no-compile", "--threads", "1", "--rank", "4"]


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(looks, "LONGEST", 2)
    monkeypatch.setattr("eval.workbench.load_embedder", lambda *_, **__: HashEmbedder())
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def data(tmp_path: Path, groups: list[Group]) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    for part in ("train", "dev"):
        write_groups(folder / f"toy.{part}.jsonl", groups)
    return folder


def ragbot(*words: Any) -> Result:
    return CliRunner().invoke(app, ["train", *map(str, words)])


def test_questions_about_ones_own_documents_become_data(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    lines = []
    for i in range(20):
        name, year = f"basin{i}.txt" if i % 2 else f"港池{i}.txt", 1900 + i
        text = f"Basin {i} was opened in {year}." if i % 2 else f"第{i}号港池于{year}年开放。"
        (tmp_path / "docs" / name).write_text(text + "\n", encoding="utf-8")
        asked = f"When was basin {i} opened?" if i % 2 else f"第{i}号港池哪年开放？"
        lines.append({"id": i, "question": asked, "answers": [str(year)], "source": name, "evidence": text})
    path = tmp_path / "mine.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    words = ["dataset", path, "--documents", tmp_path / "docs", "--split-by", "document", "-o", tmp_path / "data"]
    found = ragbot(*words)
    assert found.exit_code == 0, found.output
    rows = [line.split() for line in found.stdout.splitlines() if line.startswith("mine.")]
    assert [row[0] for row in rows] == ["mine.train", "mine.dev"] and rows[0][1:3] == ["12", "12"]
    assert "samples.md" in found.stdout and "ragbot train lora" in found.stdout
    value = json.loads(ragbot(*words, "--json").stdout)
    assert value["parts"]["mine.dev"]["questions"] == 3
    words[-1] = tmp_path / "other"
    assert "--split-by" in ragbot(*words[:4], "-o", tmp_path / "other").output


def test_a_reader_is_trained_and_the_next_step_is_named(data: Path, tiny_gemma: Path, tmp_path: Path) -> None:
    words = ["lora", data, "-o", tmp_path / "run", "--base", tiny_gemma, *QUICK]
    found = ragbot(*words, "--share", "toy_zh=0.5")
    assert found.exit_code == 0, found.output
    assert "AUROC" in found.stdout and "toy_zh" in found.stdout
    assert f"--base {tiny_gemma}" in found.stdout.replace("\n", "") and "ragbot train promote" in found.stdout
    assert (tmp_path / "run" / "curves.png").is_file()
    again = ragbot(*words, "--share", "toy_zh=0.5", "--json")  # it is over: the same figures at once
    assert json.loads(again.stdout)["sets"].keys() == {"toy_en", "toy_zh"}
    other = ragbot(*words)
    assert other.exit_code == 2 and "other settings (shares" in other.output and "--output" in other.output


def test_ctrl_c_says_how_to_go_on(
    data: Path, tiny_gemma: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ragbot.training.reader.trainer.ReaderTraining.look", stop)
    found = ragbot("lora", data, "-o", tmp_path / "run", "--base", tiny_gemma, *QUICK)
    assert found.exit_code == INTERRUPTED and "the same command goes on" in found.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--method", "adapter"], "choose one of lora, qlora"),
        (["--method", "qlora"], "NVIDIA GPU"),
        (["--share", "toy"], "such as squad=2.5"),
        (["--share", "toy=many"], "such as squad=2.5"),
        (["--clause", "toy=2"], "such as squad=0.5"),
        (["--share", "nothing=2"], "no such set"),
        (["--clause", "nothing=1"], "no such set"),
        (["--base", "./nothing"], "--base bundled"),
        (["--packs", "999"], "a step takes 999"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_trained(
    data: Path, tiny_gemma: Path, tmp_path: Path, words: list[str], said: str
) -> None:
    found = ragbot("lora", data, "-o", tmp_path / "run", "--base", tiny_gemma, *QUICK, *words)
    assert found.exit_code == 2 and said in " ".join(found.output.split()), found.output


def test_wrong_places_are_said(data: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    for words, said in (
        (["lora", data, "-o", tmp_path / "file"], "is a file"),
        (["dpo", data, "--adapter", data, "-o", tmp_path / "x"], "holds no adapter"),
        (["export", data, "-o", tmp_path / "x"], "holds no adapter"),
        (["export", data, "-o", data], "is there already"),
        (["export", data, "-o", tmp_path / "x", "--format", "onnx"], "merged, gguf"),
        (["dataset", tmp_path / "none.json", "-o", tmp_path / "x"], "no question set"),
        (["embedder", tmp_path / "none.json", "-o", tmp_path / "x"], "no question set"),
    ):
        found = ragbot(*words)
        assert found.exit_code == 2 and said in " ".join(found.output.split()), (words, found.output)


def test_of_several_processes_one_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    from ragbot.console.options import Options
    from ragbot.console.training_readers import _of_the_main_process

    assert not _of_the_main_process(Options()).quiet
    monkeypatch.setenv("RANK", "1")
    assert _of_the_main_process(Options()).quiet
