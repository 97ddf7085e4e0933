"""``ragbot ingest --watch`` as a process, and ``--reader``: exit codes, lines, signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ragbot.index.lock import writer_lock
from tests.ragbot.conftest import Cli

pytestmark = pytest.mark.skipif(os.name == "nt", reason="sends SIGINT")

ROOT = Path(__file__).parents[2]
PLAIN = "tests.ingest.strange_readers:Plain"
#: An embedder that needs no weights, and as long as it takes for a signal; a lock that is soon given up.
SCRIPT = """
import os, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a suite in the background inherits that it is ignored
import ingest.watching, ragbot.bot
from ragbot.index.knowledge_base import KnowledgeBase
from ragbot.models.testing import HashEmbedder

class Slow(HashEmbedder):
    def encode_documents(self, texts, progress=None):
        print("embedding", file=sys.stderr, flush=True)
        time.sleep(float(os.environ.get("NAP", "0")))
        return super().encode_documents(texts, progress)

real = KnowledgeBase.writing
KnowledgeBase.writing = lambda self: real(self, 0.1)
ingest.watching.RETRY = 0.2
ragbot.bot.load_embedder = lambda *_, **__: Slow()
from ragbot.cli import main
sys.exit(main())
"""


class Watching:
    """The process; :meth:`line` is the next one that it prints."""

    def __init__(self, folder: Path, *words: str, nap: float = 0) -> None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, "ingest", *words, "--watch"],
            env={**environment, "RAGBOT_DATA_DIR": str(folder / "data"), "NAP": str(nap)},
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            start_new_session=True,
        )

    def line(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().rstrip("\n")

    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.line())
        return found

    def until(self, words: str) -> str:
        """The line on standard error that holds ``words``."""
        assert self.process.stderr
        while words not in (line := self.process.stderr.readline()):
            assert line, f"it ended without saying {words!r}"
        return line

    def interrupt(self) -> tuple[int, str, str]:
        self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err


Start = Callable[..., Watching]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts ``ragbot ingest … --watch`` in a folder of its own."""
    started: list[Watching] = []

    def begin(*words: str, nap: float = 0) -> Watching:
        started.append(Watching(tmp_path, *words, nap=nap))
        return started[-1]

    yield begin
    for one in started:
        one.process.kill()
        one.process.communicate()


def put(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text, encoding="utf-8")


def test_a_line_for_each_run_and_ctrl_c_is_the_ordinary_end(start: Start, folder: Path) -> None:
    watching = start("docs", "--sync")
    assert watching.line().startswith("2 added, 0 updated, 0 skipped, 0 failed in ")
    watching.until("following what changes; Ctrl-C ends it")
    put(folder, "新.md", "新的文字。")
    while (line := watching.line())[2:3] != ":":
        assert line
    assert line[8:].startswith("  1 added, 0 updated, 0 skipped, 0 failed in ")
    put(folder, "bad.pdf", "no PDF at all")
    assert "0 added, 0 updated, 0 skipped, 1 failed" in watching.line()
    assert watching.line().startswith(f"failed: {folder / 'bad.pdf'}: bad.pdf is not a PDF file")
    (folder / "bpe.md").unlink()
    assert "1 removed" in watching.line()
    code, out, err = watching.interrupt()
    assert (code, out) == (0, "")
    assert "stopped" in err and "Traceback" not in err


def test_json_is_one_object_a_line(start: Start, folder: Path) -> None:
    watching = start("docs", "--json")
    first = watching.json()
    assert len(first["added"]) == 2 and first["time"].startswith("20")
    with writer_lock(folder.parent / "data" / "kb" / "default"):
        put(folder, "new.md", "New.")
        error = watching.json()["error"]
        assert error["type"] == "LockedError" and "is being written by process" in error["message"]
    assert watching.json()["added"] == [str(folder / "new.md")]
    assert watching.interrupt()[:2] == (0, "")


def test_ctrl_c_in_the_first_run_is_an_interruption(start: Start, folder: Path) -> None:
    watching = start("docs", nap=5)
    watching.until("embedding")
    time.sleep(0.05)
    code, out, err = watching.interrupt()
    assert (code, out) == (130, "")
    assert "the same command goes on from there" in err and "Traceback" not in err


def test_ctrl_c_in_a_later_run_is_the_ordinary_end(start: Start, folder: Path) -> None:
    watching = start("docs", nap=1.5)
    watching.until("following")
    put(folder, "new.md", "New.")
    watching.until("embedding")
    time.sleep(0.05)
    code, _, err = watching.interrupt()
    assert code == 0 and "Traceback" not in err


def test_what_cannot_be_followed(cli: Cli, folder: Path) -> None:
    assert cli("ingest", "nope", "--watch").code == 2
    assert "pages of the web do not tell" in cli("ingest", "https://example.org/", "--watch").err
    result = cli("ingest", "nope", "--watch", "--json")
    assert result.out.count("\n") == 1 and result.json["error"]["type"] == "SourceError"


# -- readers ---------------------------------------------------------------------------------------------------------


def test_a_reader_for_the_file_that_is_named(cli: Cli, folder: Path) -> None:
    put(folder, "a.HWP", "韩文处理器的文字。")
    assert cli("ingest", "docs/a.HWP").code == 1
    assert cli("ingest", "docs/a.HWP", "--reader", PLAIN).code == 0
    (document,) = cli("kb", "documents", "--json").json["documents"]
    assert (document["type"], document["metadata"]) == ("hwp", {"reader": PLAIN})


def test_a_reader_for_a_suffix_in_folders(cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(folder, "a.hwp", "Words.")
    put(folder, "b.wri", "Other words.")
    monkeypatch.setenv("RAGBOT_INGEST__READERS", json.dumps({".wri": PLAIN}))
    assert len(cli("ingest", "docs", "--json").json["added"]) == 3
    assert len(cli("ingest", "docs", "--reader", f".HWP={PLAIN}", "--json").json["added"]) == 1


def test_a_folder_of_nothing_else(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "only").mkdir()
    put(tmp_path / "only", "a.hwp", "Words.")
    assert cli("ingest", "only").code == 2
    assert cli("ingest", "only", "--reader", f".hwp={PLAIN}").code == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["docs", "--reader", "json"], "names no class: write MODULE:CLASS"),
        (["docs", "--reader", "hwp=a.b:C"], "names no class"),
        (["docs", "--reader", "a.b:C()"], "names no class"),
        (["docs", "--reader", "a.b:C"], "write --reader .SUFFIX=a.b:C"),
        (["docs/lora.md", "docs/x.hwp", "--reader", "a.b:C"], "does not say which files"),
        (["docs/x.hwp", "--reader", "a.b:C"], "there is no module a.b"),
        (["docs/x.hwp", "--reader", "llama_index.readers.file:HWPReader"], "pip install llama-index-readers-file"),
        (["docs", "--reader", ".zip=a.b:C"], ".zip files are archives"),
    ],
)
def test_a_reader_that_is_none(cli: Cli, folder: Path, words: list[str], message: str) -> None:
    put(folder, "x.hwp", "Words.")
    result = cli("ingest", *words)
    assert result.code == 2
    assert message in result.err
