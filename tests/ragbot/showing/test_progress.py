"""How far work has come, its rate, and the time left."""

from __future__ import annotations

from itertools import pairwise

import pytest

from ingest.progress import Progress as Told
from ragbot.showing.progress import Progress, duration, line, progress_html, share, size
from ragbot.workspace.jobs_records import JobProgress
from tests.ragbot.showing.markup import Page


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_first_seconds_say_nothing() -> None:
    clock = Clock()
    meter = Progress(clock=clock)
    assert (meter.rate, meter.left, meter.share) == (0.0, None, 0.0)
    assert line(meter, "en") == "Preparing…"
    meter.update(files=0, total_files=10, total_bytes=1000)
    clock.now += 2
    meter.update(bytes=500)
    assert meter.left is None and meter.rate == 0.0 and meter.share == 0.5
    clock.now += 2
    meter.update(bytes=600)
    assert meter.rate > 0 and meter.left is not None


def test_steady_work_is_foretold_rightly() -> None:
    clock = Clock()
    meter = Progress(total_files=100, total_bytes=100_000, clock=clock)
    for second in range(1, 41):
        clock.now += 1
        meter.update(files=second, bytes=1000 * second)
    assert meter.rate == pytest.approx(1000, rel=0.03)
    assert meter.left == pytest.approx(60, rel=0.03)
    assert line(meter, "en") == "40 of 100 files · 1.0 kB/s · about 1 min left"
    assert line(meter, "zh") == "40 / 100 个文件 · 每秒 1.0 kB · 大约还需 1 分钟"


def test_it_follows_a_change_of_pace_without_jumping() -> None:
    clock = Clock()
    meter = Progress(total_bytes=1_000_000, clock=clock)
    done, rates = 0, []
    for pace in [1000] * 60 + [4000] * 60:
        clock.now += 1
        done += pace
        meter.update(bytes=done)
        rates.append(meter.rate)
    assert rates[61] < 1500 and rates[-1] > 3500
    assert max(b - a for a, b in pairwise(rates[25:])) < 300


def test_a_file_that_takes_long_slows_it_down_while_it_lasts() -> None:
    clock = Clock()
    meter = Progress(total_bytes=100_000, clock=clock)
    for n in range(1, 11):
        clock.now += 1
        meter.update(bytes=1000 * n)
    before = meter.left
    clock.now += 60
    after = meter.left
    assert before is not None and after is not None and after > 2 * before


def test_nothing_goes_back() -> None:
    meter = Progress()
    meter.update(files=5, total_files=10, bytes=500, total_bytes=1000, chunks=7, current="a")
    meter.update(files=3, total_files=8, bytes=100, total_bytes=900, chunks=1)
    assert (meter.files, meter.total_files, meter.bytes, meter.chunks, meter.current) == (5, 10, 500, 7, "a")
    meter.update(files=12)
    assert meter.total_files == 12


def test_what_was_skipped_took_no_time() -> None:
    clock = Clock()
    meter = Progress(clock=clock)
    meter(Told(0, 100, 0, 1_000_000, 0, "a", 0))
    clock.now += 5
    meter(Told(90, 100, 900_000, 1_000_000, 0, "b", 0, outcome="skipped"))
    assert meter.left is None, "nothing is known of what work costs"
    clock.now += 20
    meter(Told(91, 100, 950_000, 1_000_000, 9, "c", 50_000))
    assert meter.left == pytest.approx(25, rel=0.05)


def test_what_an_earlier_run_did_took_none_of_this_ones_time() -> None:
    clock = Clock()
    meter = Progress(total_files=100, clock=clock)
    meter.update(files=80)
    clock.now += 10
    meter.update(files=90)
    assert meter.rate == pytest.approx(1.0) and meter.left == pytest.approx(10)
    assert line(meter, "en") == "90 of 100 files · 1.0 a second · about 10 s left"


def test_whole_only_when_every_file_is_through() -> None:
    meter = Progress(total_files=2, total_bytes=100)
    meter.update(files=1, bytes=100)
    assert meter.share < 1
    meter.update(files=2)
    assert meter.share == 1 and "left" not in line(meter, "en")


def test_a_jobs_progress_is_shown_likewise() -> None:
    job = JobProgress(3, 12, 4_000_000, 10_000_000, 96, "/a/深度学习.pdf", 8.0, 500_000.0, 130.0)
    page = Page(progress_html(job, "en"))
    assert "3 of 12 files · 96 passages · 500 kB/s · about 2 min left" in page.text
    assert "Reading 深度学习.pdf" in page.text
    (bar,) = page.of_class("rb-progress")
    assert float(bar["value"]) == pytest.approx(0.4) and bar["aria-label"] == "Progress"


def test_a_bar_without_an_end() -> None:
    (bar,) = Page(progress_html(Progress(), "zh")).of_class("rb-progress")
    assert "value" not in bar


def test_share_of_nothing() -> None:
    assert share(Progress()) == 0.0


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (99_900, "99.9 kB"),
        (999_600, "1.0 MB"),
        (4.2e6, "4.2 MB"),
        (5e15, "5000 TB"),
    ],
)
def test_sizes(count: float, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize(
    ("seconds", "en", "zh"),
    [
        (0.2, "1 s", "1 秒"),
        (7.4, "7 s", "7 秒"),
        (43, "45 s", "45 秒"),
        (56, "1 min", "1 分钟"),
        (190, "3 min", "3 分钟"),
        (3590, "1 h 0 min", "1 小时 0 分钟"),
        (7850, "2 h 11 min", "2 小时 11 分钟"),
    ],
)
def test_durations(seconds: float, en: str, zh: str) -> None:
    assert (duration(seconds, "en"), duration(seconds, "zh")) == (en, zh)
