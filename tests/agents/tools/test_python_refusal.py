"""Where programs cannot be kept apart, none is run."""

from __future__ import annotations

import sys

import pytest

from agents.tools import python as python_tool
from agents.tools import python_sandbox
from agents.tools.python import python
from agents.tools.python_sandbox import NotIsolatedError, PythonLimits, run
from ragbot.errors import SettingsError


def test_the_tool_cannot_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(python_tool, "isolation", lambda: "this system has no namespaces")
    with pytest.raises(SettingsError, match=r"cannot keep programs apart.*no namespaces"):
        python()


def test_no_program_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(python_sandbox.shutil, "which", lambda name: None)
    with pytest.raises(NotIsolatedError):
        run("print(1)", PythonLimits())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limits for processes")
def test_the_person_can_say_that_limits_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(python_sandbox.shutil, "which", lambda name: None)
    made = python(limits=PythonLimits(seconds=5), isolated=False)
    assert made.invoke({"code": "print(1)"}) == "1"
