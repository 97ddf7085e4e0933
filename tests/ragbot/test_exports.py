"""The public surface grows only on purpose."""

from __future__ import annotations

import ast
from pathlib import Path

import ragbot


def test_every_public_name_is_listed_once_and_sorted() -> None:
    assert list(ragbot.__all__) == sorted(set(ragbot.__all__))
    assert set(ragbot.__all__) == set(ragbot._EXPORTS)


def test_public_names_exist_and_are_defined_where_the_table_says() -> None:
    for name, module in ragbot._EXPORTS.items():
        assert getattr(ragbot, name).__module__ == module, name


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse(Path(ragbot.__file__).read_text(encoding="utf-8"))
    seen = {
        alias.asname or alias.name: node.module
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == ragbot._EXPORTS


def test_nothing_else_is_public() -> None:
    assert [name for name in dir(ragbot) if not name.startswith("_")] == list(ragbot.__all__)


def test_unknown_name() -> None:
    try:
        ragbot.RagBott  # noqa: B018
    except AttributeError as error:
        assert "RagBott" in str(error)
    else:
        raise AssertionError
