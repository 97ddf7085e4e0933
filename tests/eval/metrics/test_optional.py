from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from eval.metrics.optional import needed


def test_gives_the_module() -> None:
    assert needed("json.decoder", "x") is importlib.import_module("json.decoder")


def test_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "not_installed", None)
    with pytest.raises(
        ModuleNotFoundError, match=r'ROUGE-L needs .*not_installed.*pip install "ragbot\[eval\]"'
    ) as error:
        needed("not_installed.part", "ROUGE-L")
    assert error.value.name == "not_installed"


def test_what_an_installed_package_lacks_is_not_blamed_on_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "half_there.py").write_text("import not_there_at_all\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="No module named 'not_there_at_all'"):
        needed("half_there", "ROUGE-L")
