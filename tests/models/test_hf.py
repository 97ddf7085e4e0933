"""Where models run and in which precision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ragbot.models import hf


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        ("processor : 0\nflags\t\t: fpu avx512f avx512_bf16 vnni\n", False),  # no matrix units
        ("flags : fpu amx_bf16 amx_tile\n", True),
        ("Features : fp asimd bf16 i8mm\n", True),
        ("flags : fpu avx2 avx512f\n", False),
        ("model name : a CPU with bf16\nflags : fpu\n", False),
        ("", False),
    ],
)
def test_bfloat16_is_used_where_the_cpu_has_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, info: str, expected: bool
) -> None:
    import torch

    path = tmp_path / "cpuinfo"
    path.write_text(info, encoding="utf-8")
    monkeypatch.setattr(hf, "CPU_INFO", path)
    assert hf.pick_dtype("cpu") is (torch.bfloat16 if expected else torch.float32)


def test_float32_that_would_fill_the_memory_gives_way(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import torch

    monkeypatch.setattr(hf, "cpu_has_bfloat16", lambda: False)
    monkeypatch.setattr(hf, "MEMORY_INFO", tmp_path / "meminfo")
    assert hf.pick_dtype("cpu", 10**12) is torch.float32  # nobody knows
    (tmp_path / "meminfo").write_text("MemTotal: 99 kB\nMemAvailable:    8000000 kB\n", encoding="utf-8")
    assert hf.pick_dtype("cpu", 900_000_000) is torch.float32
    assert hf.pick_dtype("cpu", 1_100_000_000) is torch.bfloat16


def test_no_cpuinfo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(hf, "CPU_INFO", tmp_path / "missing")
    assert hf.cpu_has_bfloat16() is False


def test_a_device_that_is_named_is_taken() -> None:
    assert hf.pick_device("cuda:1") == "cuda:1"
    assert hf.pick_device("auto") in {"cuda", "mps", "cpu"}


def test_an_unreachable_hub_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, endpoint: Any, tmp_path: Path) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", endpoint.url)
    assert hf.local_only("owner/name") is False
    assert hf.local_only(str(tmp_path)) is True
    endpoint.close()
    assert hf.local_only("owner/name") is True


def test_surrogates_are_replaced() -> None:
    assert hf.encodable("a\ud800上\U0001f600") == "a?上\U0001f600"
