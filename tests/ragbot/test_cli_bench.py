"""``ragbot models bench``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ragbot.console import bench as module
from ragbot.console.bench_labels import BENCH_LABELS
from ragbot.errors import ModelNotFoundError
from ragbot.models.benchmark import EmbedderSpeed, LanguageSpeed
from ragbot.models.benchmark_peak import MatrixWork
from ragbot.models.benchmark_threads import ThreadSpeed
from ragbot.models.rerankers.base import Floats, Reranker
from ragbot.models.testing import HashEmbedder
from tests.ragbot.conftest import Cli


class Flat(Reranker):
    name = "flat"
    closed = False

    def score(self, question: str, passages: Sequence[str]) -> Floats:
        return np.zeros(len(passages), np.float32)

    def close(self) -> None:
        Flat.closed = True


@pytest.fixture(autouse=True)
def _models(monkeypatch: pytest.MonkeyPatch) -> None:
    def embedder(spec: str, **_: Any) -> HashEmbedder:
        if spec == "broken":
            raise ModelNotFoundError("'broken' names no embedder")
        return HashEmbedder()

    monkeypatch.setattr("ragbot.models.registry.load_embedder", embedder)
    monkeypatch.setattr("ragbot.models.registry.load_reranker", lambda spec, **_: Flat())


def kinds(found: Any) -> list[tuple[str, str]]:
    return [(model["kind"], model["spec"]) for model in found["models"]]


def test_the_settings_say_what_is_measured(cli: Cli, tmp_path: Path) -> None:
    assert kinds(cli("models", "bench", "--seconds", "0.01", "--json").json) == [
        ("embedder", "bundled"),
        ("reranker", "bundled"),
    ]
    (tmp_path / "ragbot.toml").write_text('[retrieval]\nreranker = "onnx:x"\nrerank_candidates = 7\n', encoding="utf-8")
    found = cli("models", "bench", "--seconds", "0.01", "--json").json
    assert kinds(found) == [("embedder", "bundled"), ("reranker", "onnx:x")]
    assert found["models"][1]["speed"]["candidates"] == 7
    assert Flat.closed


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--embedder", "a/b"], [("embedder", "a/b")]),
        (["--reranker", "c/d"], [("reranker", "c/d")]),
        (["--embedder", "a/b", "--reranker", "c/d"], [("embedder", "a/b"), ("reranker", "c/d")]),
    ],
)
def test_what_is_named_is_measured_and_nothing_else(cli: Cli, options: list[str], expected: Any) -> None:
    assert kinds(cli("models", "bench", *options, "--seconds", "0.01", "--json").json) == expected


def test_json_has_the_figures(cli: Cli) -> None:
    found = cli("models", "bench", "--seconds", "0.02", "--json").json
    assert found["cores"] >= 1
    model, _ = found["models"]
    assert [row["language"] for row in model["speed"]["languages"]] == ["zh", "en"]
    for row in model["speed"]["languages"]:
        assert row["tokens_per_second"] > 0
        assert 0 < row["query_ms_p50"] <= row["query_ms_p95"]
    assert model["speed"]["share"] is None
    assert model["load_seconds"] >= 0
    assert model["advice"]


def test_people_read_a_table_and_what_it_means(cli: Cli) -> None:
    result = cli("models", "bench", "--reranker", "flat", "--seconds", "0.01")
    assert result.code == 0
    assert "Reranker: flat" in result.out
    for word in ("Chinese", "English", "tokens/s", "P95", "20 passages", "retrieval.rerank_candidates"):
        assert word in result.out


def test_in_chinese(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGBOT_LANGUAGE", "zh")
    result = cli("models", "bench", "--seconds", "0.01")
    for word in ("嵌入模型", "中文", "英文", "一百万字符"):
        assert word in result.out
    assert "passages" not in result.out


def test_a_model_that_is_not_there(cli: Cli) -> None:
    result = cli("models", "bench", "--embedder", "broken", "--json")
    assert result.code == 2
    assert result.json["error"]["type"] == "ModelNotFoundError"


@pytest.mark.parametrize("seconds", ["0", "-1", "soon"])
def test_seconds_are_checked(cli: Cli, seconds: str) -> None:
    assert cli("models", "bench", "--seconds", seconds).code == 2


def test_ctrl_c_stops_it(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(self: HashEmbedder, text: str) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(HashEmbedder, "encode_query", stop)
    result = cli("models", "bench", "--seconds", "0.01")
    assert result.code == 130
    assert "stopped" in result.err
    assert result.out == ""


def test_a_busy_machine_is_told(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_load", lambda: 99.0)
    assert "load 99.0" in cli("models", "bench", "--seconds", "0.01").out
    monkeypatch.setattr(module, "_load", lambda: 0.1)
    assert "busy" not in cli("models", "bench", "--seconds", "0.01").out
    monkeypatch.setattr(module, "_load", lambda: None)
    assert cli("models", "bench", "--seconds", "0.01", "--json").json["load"] is None


def speed_of(threads: int, kind: str, device: str = "cpu") -> EmbedderSpeed:
    rows = tuple(LanguageSpeed(name, 10.0, 1000.0, 2000.0, 5.0, 9.0, 50) for name in ("zh", "en"))
    return EmbedderSpeed(
        name="model",
        device=device,
        precision=kind,
        threads=threads,
        by_threads=(ThreadSpeed(threads, 1000.0),),
        languages=rows,
        gops=30.0,
        peak_gops=120.0,
        share=0.25,
        work=MatrixWork(10, 384, 1536, kind, device),
    )


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_advice_fits_what_was_found(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ragbot.models.cpu.cores", lambda: 8)
    words = BENCH_LABELS[language]

    def advice(threads: int, kind: str) -> str:
        return "\n".join(module._advice(speed_of(threads, kind), words))

    assert "taskset -c 0-3" in advice(4, "int8")
    assert "OMP_NUM_THREADS=4" in advice(4, "float32")
    assert "GPU" in advice(4, "float32")
    assert "taskset" not in advice(8, "int8")
    assert "8 min 20 s" in advice(8, "int8")  # a million characters at 2,000 a second
    (tried, share) = module._notes(speed_of(4, "int8"), words)
    assert "1,000" in tried
    assert "25%" in share and "384 × 1536" in share and "120" in share
