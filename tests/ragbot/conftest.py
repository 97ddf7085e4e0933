"""The command line in this process, on an embedder without weights."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import ragbot.bot
from ragbot.cli import main
from ragbot.console.logs import OURS, TerminalHandler
from ragbot.models.testing import HashEmbedder

LORA_ZH = (
    "# 微调与 LoRA\n\nLoRA 冻结原有权重，只训练两个低秩矩阵。矩阵 B 初始化为全零。\n\n## 秩\n\n秩通常取八到六十四。\n"
)
LORA_EN = "# Tokenization\n\nByte-pair encoding was published by Philip Gage in 1994.\n\n## Merges\n\nIt merges frequent pairs.\n"


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Cli = Callable[..., Result]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Cli]:
    """Runs a command line; every answer is confident enough, and "bundled" is an embedder without weights."""
    monkeypatch.delenv("RAGBOT_CONFIG")
    monkeypatch.setenv("RAGBOT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("RAGBOT_GENERATION__MIN_CONFIDENCE", "0")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    real = ragbot.bot.load_embedder
    monkeypatch.setattr(
        "ragbot.bot.load_embedder",
        lambda spec, **options: HashEmbedder() if spec == "bundled" else real(spec, **options),
    )
    levels = {name: logging.getLogger(name).level for name in ["", *OURS, "ragbot.models.bundled"]}

    def run(*words: str, stdin: str = "") -> Result:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        capsys.readouterr()
        code = main(words)
        return Result(code, *capsys.readouterr())

    yield run
    logging.captureWarnings(False)
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, TerminalHandler)]:
        root.removeHandler(handler)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two documents."""
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "lora.md").write_text(LORA_ZH, encoding="utf-8")
    (docs / "bpe.md").write_text(LORA_EN, encoding="utf-8")
    return docs
