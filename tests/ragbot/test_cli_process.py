"""The command line as a process: what only a process has (imports, pipes, signals, exit codes)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = {
    "torch",
    "numpy",
    "pydantic",
    "langchain_core",
    "onnxruntime",
    "faiss",
    "rich.progress",
    "rich.console",
    "gradio",
}
#: An embedder that needs no weights, and as long as it takes for a signal.
SLOW = """
import os, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a suite in the background inherits that it is ignored
import ingest.pipeline, ragbot.bot
from ragbot.models.testing import HashEmbedder

class Slow(HashEmbedder):
    def encode_documents(self, texts, progress=None):
        print("embedding", file=sys.stderr, flush=True)
        time.sleep(float(os.environ.get("NAP", "0")))
        return super().encode_documents(texts, progress)

ingest.pipeline.BATCH = 1
ragbot.bot.load_embedder = lambda *_, **__: Slow()
from ragbot.cli import main
sys.exit(main())
"""


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "RAGBOT_DATA_DIR": str(tmp_path / "data"), "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}


def run(env: dict[str, str], *words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ragbot", *words], env=env, cwd=cwd, capture_output=True, encoding="utf-8", timeout=120
    )


def test_the_help_imports_nothing_heavy(env: dict[str, str]) -> None:
    code = (
        "import sys; from ragbot.cli import main; code = main(['--help']); "
        f"print(sorted(set(sys.modules) & {HEAVY!r}), file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, encoding="utf-8", timeout=60)
    assert done.returncode == 0
    assert "ingest" in done.stdout
    assert done.stderr.strip() == "[]"


def test_the_main_job_with_the_bundled_embedder(env: dict[str, str], tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "lora.md").write_text(
        "# 微调与 LoRA\n\nLoRA 冻结原有权重，只训练两个低秩矩阵。矩阵 B 初始化为全零，所以训练开始时模型的输出不变。\n",
        encoding="utf-8",
    )
    (docs / "bpe.txt").write_text("Byte-pair encoding was published by Philip Gage in 1994.\n", encoding="utf-8")
    done = run(env, "ingest", "docs", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["added"]) == 2
    asked = run({**env, "RAGBOT_GENERATION__MIN_CONFIDENCE": "0"}, "ask", "LoRA 的矩阵 B 初始化为什么？", cwd=tmp_path)
    assert asked.returncode == 0, asked.stderr
    assert "全零" in asked.stdout
    assert "来源\n[1] 微调与 LoRA (lora.md)" in asked.stdout
    assert "\x1b" not in asked.stdout + asked.stderr
    found = json.loads(run(env, "search", "who invented byte-pair encoding", "--json", cwd=tmp_path).stdout)
    assert found["hits"][0]["chunk"]["document"]["source"] == str(docs / "bpe.txt")


def test_exit_codes_of_a_process(env: dict[str, str], tmp_path: Path) -> None:
    wrong = run(env, "ask", "x", "--kb", "nope", "--json", cwd=tmp_path)
    assert wrong.returncode == 2
    assert json.loads(wrong.stdout)["error"]["type"] == "SourceError"
    assert run(env, "--version").returncode == 0


@pytest.mark.parametrize("words", [("config", "show"), ("config", "show", "--json"), ("--help",)], ids=" ".join)
def test_a_reader_that_leaves_gets_no_traceback(env: dict[str, str], words: tuple[str, ...]) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "ragbot", *words], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout and process.stderr
    process.stdout.close()  # long before it prints
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(60) == 1


@pytest.mark.skipif(os.name == "nt", reason="sends SIGINT")
def test_ctrl_c_during_an_ingestion(env: dict[str, str], tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    for number in range(9):
        (docs / f"{number:02}.md").write_text(f"# Part {number}\n\nText number {number}.\n", encoding="utf-8")
    command = [sys.executable, "-c", SLOW, "ingest", str(docs)]
    process = subprocess.Popen(
        command,
        env={**env, "NAP": "0.5"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
    )
    assert process.stderr
    for _ in range(3):  # the third batch is being embedded: two documents are committed
        assert process.stderr.readline() == "embedding\n"
    time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    assert "stopped after 2 of 9 files; what was committed is kept, and the same command goes on from there" in err
    assert "Traceback" not in err
    info = json.loads(run(env, "kb", "info", "--json").stdout)
    assert info["documents"] == 2
    rest = subprocess.run([*command, "--json"], env=env, capture_output=True, encoding="utf-8", timeout=120)
    report = json.loads(rest.stdout)
    assert (len(report["skipped"]), len(report["added"])) == (2, 7)


def test_bytes_that_are_no_text_are_no_reason_to_stop(env: dict[str, str], tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "a.md").write_text("# A\n\nByte-pair encoding.\n", encoding="utf-8")
    subprocess.run([sys.executable, "-c", SLOW, "ingest", str(docs)], env=env, check=True, capture_output=True)
    chat = subprocess.run(
        [sys.executable, "-c", SLOW, "chat"], env=env, input=b"encoding \xff\xfe?\n", capture_output=True, timeout=60
    )
    assert chat.returncode == 0, chat.stderr
    asked = subprocess.run(
        [sys.executable.encode(), b"-c", SLOW.encode(), b"ask", b"encoding \xff?", b"--json"],
        env={**env, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        timeout=60,
    )
    assert asked.returncode == 0, asked.stderr
    assert json.loads(asked.stdout)["language"] == "en"
