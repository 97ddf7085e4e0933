"""Parser processes: what one file does to its process costs that file and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

import ingest.parsing.pool as module
from ingest.loaders import load
from ingest.parsing import Limits, ParserPool
from ragbot.documents import Heading, ParsedDocument
from ragbot.errors import LoaderError

Parse = Callable[..., Future[ParsedDocument]]
STRANGE = "tests.ingest.parsing.strange_worker"


@pytest.fixture
def parse(tmp_path: Path) -> Iterator[Parse]:
    """Has one process parse a file with these words in it."""
    number = 0
    with ParserPool(1, Limits(seconds=20, memory_mb=400), STRANGE) as pool:

        def submit(words: str) -> Future[ParsedDocument]:
            nonlocal number
            number += 1
            path = tmp_path / f"{number}.txt"
            path.write_text(words, encoding="utf-8")
            return pool.submit(path, 1 << 20)

        yield submit


def test_a_document_comes_back_whole(parse: Parse) -> None:
    assert parse("read 正文 text\U0001f600").result() == ParsedDocument(
        "正文 text\U0001f600", title="标题", pages=(0, 1), headings=(Heading(0, 1, "甲"),), metadata={"a": "b"},
        date="2026-01-01",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("refuse", "not of this kind"),
        ("defect", "unexpected error in its loader: IndexError: list index out of range"),
        ("segfault", r"makes its parser crash \(SIGSEGV\)"),
        ("exit", r"makes its parser crash \(exit code 3\)"),
        ("eat 2000", "takes more than 400 MiB to read"),
        ("read \n ", "is empty"),
    ],
)
def test_what_happens_to_one_file_happens_to_no_other(parse: Parse, words: str, reason: str) -> None:
    bad, good = parse(words), parse("read fine")
    with pytest.raises(LoaderError, match=reason):
        bad.result()
    assert good.result().text == "fine"


def test_a_file_may_take_memory_within_its_bound(parse: Parse) -> None:
    assert parse("eat 100").result().text == "ate 100"


def test_a_parser_that_hangs_is_ended(tmp_path: Path) -> None:
    for name in ("hang", "read"):
        (tmp_path / name).write_text(f"{name} on")
    with ParserPool(1, Limits(seconds=1.5), STRANGE) as pool:
        hanging, good = pool.submit(tmp_path / "hang", 100), pool.submit(tmp_path / "read", 100)
        with pytest.raises(LoaderError, match=r"hang takes longer than 1\.5 s to read"):
            hanging.result(timeout=30)
        assert good.result(timeout=30).text == "on"


def test_what_a_library_prints_is_no_frame(parse: Parse) -> None:
    assert parse("print loud").result().text == "loud"
    assert parse("read quiet").result().text == "quiet"


def test_a_process_is_used_again_and_then_replaced(parse: Parse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETIREMENT", 3)
    pids = [parse("pid").result().text for _ in range(6)]
    assert len(set(pids[:3])) == 1 and len(set(pids)) == 2


def test_closing_gives_up_what_is_under_way(tmp_path: Path) -> None:
    (tmp_path / "hang").write_text("hang")
    pool = ParserPool(2, Limits(), STRANGE)
    results = [pool.submit(tmp_path / "hang", 100) for _ in range(3)]
    time.sleep(0.5)
    started = time.monotonic()
    pool.close()
    assert time.monotonic() - started < 10
    assert all(not result.done() or result.exception() for result in results)


def test_files_are_parsed_at_the_same_time(tmp_path: Path) -> None:
    (tmp_path / "pid").write_text("pid")
    (tmp_path / "hang").write_text("hang")
    with ParserPool(2, Limits(seconds=30), STRANGE) as pool:
        pool.submit(tmp_path / "hang", 100)
        assert pool.submit(tmp_path / "pid", 100).result(timeout=20).text.isdigit()


def test_the_real_thing(tmp_path: Path) -> None:
    corpus = Path(__file__).parents[3] / "data" / "corpus"
    files = [path for path in sorted(corpus.rglob("*")) if path.is_file()][:6]
    with ParserPool(2, Limits()) as pool:
        results = [pool.submit(path, 1 << 28) for path in files]
        assert [result.result() for result in results] == [load(path) for path in files]
        with pytest.raises(LoaderError, match="cannot be read"):
            pool.submit(tmp_path / "gone.pdf", 100).result()


def test_nothing_is_imported_from_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "json.py").write_text("import os; os._exit(9)")
    (tmp_path / "a.html").write_text("<p>Fine.</p>")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    with ParserPool(1, Limits()) as pool:
        assert pool.submit(tmp_path / "a.html", 1000).result().text.strip() == "Fine."


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_and_a_kill_leave_no_process_behind(tmp_path: Path) -> None:
    (tmp_path / "pid").write_text("pid")
    code = (
        "import sys, time; from pathlib import Path; from ingest.parsing import Limits, ParserPool\n"
        f"with ParserPool(1, Limits(), {STRANGE!r}) as pool:\n"
        f"    print(pool.submit(Path({str(tmp_path / 'pid')!r}), 100).result().text, flush=True)\n"
        "    time.sleep(60)\n"
    )
    root = Path(__file__).parents[3]
    for number in (signal.SIGINT, signal.SIGKILL):
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=root,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        assert process.stdout
        parser = int(process.stdout.readline())
        process.send_signal(number)
        process.wait(20)
        process.stdout.close()
        deadline = time.monotonic() + 20
        while _alive(parser) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not _alive(parser)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"
