"""The app has no logic of its own: it lays out, calls the library, and shows; nothing in it is long."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[3] / "apps" / "gradio_ui"
MODULES = sorted(FOLDER.glob("*.py"))
#: What search, storage and models are made of: reached through the library alone.
MACHINERY = {
    "faiss",
    "sqlite3",
    "numpy",
    "pandas",
    "torch",
    "onnxruntime",
    "langchain",
    "langchain_core",
    "bm25s",
    "chromadb",
}
#: Lines of a function, those of the functions inside of it not counted: what lays a tab out lists its components.
LONGEST = 80


def imported(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])
    return names


def own_lines(node: ast.AST) -> int:
    inner = [child for child in ast.walk(node) if isinstance(child, ast.FunctionDef) and child is not node]
    assert isinstance(node, ast.FunctionDef)
    lines = set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    for child in inner:
        lines -= set(range(child.lineno, (child.end_lineno or child.lineno) + 1))
    return len(lines)


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_a_module_lays_out_and_calls(module: Path) -> None:
    tree = ast.parse(module.read_text(encoding="utf-8"))
    assert imported(tree).isdisjoint(MACHINERY)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert [(one.name, own_lines(one)) for one in functions if own_lines(one) > LONGEST] == []
    assert len(module.read_text(encoding="utf-8").splitlines()) <= 300
