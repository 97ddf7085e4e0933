"""The words of the app: both languages say the same things, and every word that is used is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from apps.gradio_ui.text import LANGUAGES, texts

ROOT = Path(__file__).parents[3]
MODULES = sorted([*(ROOT / "apps" / "gradio_ui").glob("*.py"), *(ROOT / "apps").glob("gradio_*.py")])


def test_both_languages_say_the_same_things() -> None:
    first, *others = (
        {key: set(re.findall(r"{(\w+)}", text)) for key, text in texts(name).items()} for name in LANGUAGES
    )
    assert all(other == first for other in others)


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_every_word_is_there(module: Path) -> None:
    tree = ast.parse(module.read_text(encoding="utf-8"))
    own = any(
        isinstance(node, ast.ImportFrom)
        and node.module == "apps.gradio_ui.text"
        and any(a.name == "say" for a in node.names)
        for node in ast.walk(tree)
    )
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
            key = (
                node.args[-1 if node.func.id == "label" else 1]
                if node.func.id == "label" or len(node.args) > 1
                else None
            )
            wanted = node.func.id == "label" or (node.func.id == "say" and own)
            if wanted and isinstance(key, ast.Constant):
                assert key.value in texts("en"), f"{module.name}:{node.lineno}: {key.value}"


def test_no_word_is_unused() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in MODULES)
    made = tuple(re.findall(r'f"(\w+_){', code)) + tuple(f"{end}" for end in re.findall(r'}(_\w+)"', code))
    begins, ends = tuple(one for one in made if one.endswith("_")), tuple(one for one in made if one.startswith("_"))
    unused = [
        key
        for key in texts("en")
        # What is said of one stands beside what is said of several.
        if f'"{key.removesuffix("_one")}"' not in code and not key.startswith(begins) and not key.endswith(ends)
    ]
    assert unused == []
