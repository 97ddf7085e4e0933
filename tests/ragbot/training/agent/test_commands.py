"""``ragbot train agent-dataset`` and ``ragbot train agent``: from nothing to an adapter, and what is refused."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

torch = pytest.importorskip("torch")

from ragbot.cli import app  # noqa: E402

# What peft asks a model has another name in transformers by now.
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def ragbot(*words: Any) -> Result:
    return CliRunner().invoke(app, ["train", *map(str, words)])


def test_from_nothing_to_an_adapter(tiny_gemma: Path, tmp_path: Path) -> None:
    made = ragbot("agent-dataset", "-o", tmp_path / "data", "--runs", 6, "--held-out", 2)
    assert made.exit_code == 0, made.output
    assert "samples.md" in made.stdout and "ragbot train agent" in made.stdout and "calculator" in made.stdout
    value = json.loads(ragbot("agent-dataset", "-o", tmp_path / "other", "--runs", 6, "--held-out", 2, "--json").stdout)
    assert value["parts"]["train"]["runs"] == 6
    same = [(tmp_path / name / "train.jsonl").read_text(encoding="utf-8") for name in ("data", "other")]
    assert same[0] == same[1]  # drawn by the seed alone
    quick = [
        "--base",
        tiny_gemma,
        "--epochs",
        1,
        "--packs",
        2,
        "--limit",
        9000,
        "--rank",
        4,
        "--no-compile",
        "--threads",
        1,
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trained = ragbot("agent", tmp_path / "data", "-o", tmp_path / "run", *quick)
    assert trained.exit_code == 0, trained.output
    assert "right word for word" in trained.stdout and "eval.benchmarks.agent_tasks" in trained.stdout
    assert (tmp_path / "run" / "best" / "adapter_model.safetensors").is_file()


def test_what_cannot_be(tiny_gemma: Path, tmp_path: Path) -> None:
    missing = ragbot("agent", tmp_path / "none", "-o", tmp_path / "run", "--base", tiny_gemma)
    assert missing.exit_code and "ragbot train agent-dataset" in missing.output.replace("\n", " ")
    (tmp_path / "file").write_text("x", encoding="utf-8")
    assert "is a file" in ragbot("agent-dataset", "-o", tmp_path / "file").output
