"""Notebooks: text, code and results of every cell, under its number; images and floods of output stay out."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from ingest.loaders.notebook.cells import MAX_OUTPUT
from ingest.loaders.notebook.loader import NotebookLoader
from ragbot.documents import ParsedDocument, heading_path
from ragbot.errors import LoaderError


def notebook(*cells: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": list(cells)}


def code(source: str | list[str], *outputs: dict[str, Any]) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": {}, "execution_count": 1, "source": source, "outputs": list(outputs)}


def markdown(source: str | list[str]) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def stream(text: str | list[str]) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": text}


def read(folder: Path, value: object) -> ParsedDocument:
    path = folder / "analysis_1.ipynb"
    path.write_text(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), "utf-8")
    return NotebookLoader().load(path)


def path_of(document: ParsedDocument, words: str) -> tuple[str, ...]:
    return heading_path(document.headings, document.text.index(words))


def test_cells(tmp_path: Path) -> None:
    document = read(
        tmp_path,
        notebook(
            markdown(["# 数据分析\n", "\n", "这个笔记本读取数据。\n", "## 读取\n", "先读文件。"]),
            code(["import math\n", "math.pi"], stream(["hello\n", "world\n"])),
            code(""),
            markdown("Only words."),
            {"cell_type": "raw", "metadata": {}, "source": "raw text"},
            kernelspec={"language": "python", "name": "python3"},
            authors=[{"name": "Li"}, {"name": "Wang"}],
        ),
    )
    assert document.text == (
        "# 数据分析\n\n这个笔记本读取数据。\n## 读取\n先读文件。\n\nCell 2\n\n```python\nimport math\nmath.pi\n```\n\n"
        "Output:\n\n```text\nhello\nworld\n```\n\nCell 4\n\nOnly words.\n\nCell 5\n\n```\nraw text\n```"
    )
    assert path_of(document, "这个笔记本") == ("数据分析", "Cell 1")
    assert path_of(document, "先读文件") == ("数据分析", "读取", "Cell 1")
    assert path_of(document, "math.pi") == ("数据分析", "读取", "Cell 2")
    assert path_of(document, "raw text") == ("数据分析", "读取", "Cell 5")
    assert (document.title, document.type, document.language) == ("数据分析", "ipynb", "zh")
    assert document.metadata == {"encoding": "utf-8", "syntax": "python", "author": "Li, Wang"}


def test_outputs(tmp_path: Path) -> None:
    plot = {"output_type": "display_data", "data": {"image/png": "iVBORw0KGgo=", "text/plain": ["<Figure>"]}}
    result = {"output_type": "execute_result", "data": {"text/html": "<b>1</b>", "text/plain": "1"}}
    failed = {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["\x1b[0;31mE\x1b[0m: v"]}
    bar = stream("10%\r50%\r100%\ndone\r\n")
    text = read(tmp_path, notebook(code("x", plot, result, failed, bar))).text
    assert "```text\n<Figure>\n```\n\n[Output left out: image/png]" in text and "iVBOR" not in text
    assert "Output:\n\n```text\n1\n```" in text and "<b>" not in text
    assert "Error:\n\n```text\nE: v\n```" in text
    assert "```text\n100%\ndone\n```" in text


def test_a_fence_in_the_code_does_not_close_the_fence(tmp_path: Path) -> None:
    assert "````\nprint('```')\n````" in read(tmp_path, notebook(code("print('```')"))).text


def test_nbformat_3(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "heading", "level": 2, "source": ["Old"]},
        {
            "cell_type": "code",
            "language": "python",
            "input": ["print 1"],
            "outputs": [
                {"output_type": "stream", "stream": "stdout", "text": ["1\n"]},
                {"output_type": "pyout", "text": "2", "png": "AAAA"},
                {"output_type": "pyerr", "ename": "ValueError", "evalue": "bad", "traceback": []},
            ],
        },
    ]
    value = {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [{"cells": cells}]}
    document = read(tmp_path, value)
    assert document.text == (
        "## Old\n\nCell 2\n\n```python\nprint 1\n```\n\nOutput:\n\n```text\n1\n```\n\nOutput:\n\n```text\n2\n```\n\n"
        "[Output left out: image/png]\n\nError:\n\n```text\nValueError: bad\n```"
    )
    assert path_of(document, "print 1") == ("Old", "Cell 2")


def test_what_has_no_place_in_the_format_is_passed_over(tmp_path: Path) -> None:
    value = notebook(markdown("words \ud800\x00 here"), code("x", {"output_type": "display_data", "data": []}))
    value["cells"] += [3, {"cell_type": "code", "source": 5, "outputs": "x"}, {}]
    value["metadata"] = ["odd"]
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps(value))
    assert NotebookLoader().load(path).text == "Cell 1\n\nwords  here\n\nCell 2\n\n```\nx\n```"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ('{"cells": [', r"no valid notebook \(line 1, column 12"),
        ('{"a": 1}', r"is no notebook.*rename it to \.json"),
        ("[1]", "is no notebook"),
        ('{"nbformat": 2, "worksheets": []}', "nbformat 2, 3 and 4 are read"),
        ('{"nbformat": 4, "cells": []}', "is empty"),
        ("", "is empty"),
        ("[" * 100_000, "nested too deeply"),
        ('{"nbformat": 4, "x": [' + "0," * 2_100_000 + "0]}", "more than 2,000,000 values"),
    ],
)
def test_broken(tmp_path: Path, source: str, message: str) -> None:
    with pytest.raises(LoaderError, match=message):
        read(tmp_path, source)


def test_a_flood_of_output_is_cut_and_says_so(tmp_path: Path) -> None:
    started = time.monotonic()
    document = read(tmp_path, notebook(code("x", stream("first\n" + "1,2\n" * 12_500_000 + "last\n"))))
    assert "first\n" in document.text and "last" in document.text
    assert "[… 49,996,0" in document.text and len(document.text) < 2 * MAX_OUTPUT
    text = read(tmp_path, notebook(code("x", *[stream("line\n")] * 1000))).text
    assert text.count("line") == 50 and "further outputs left out" in text
    assert time.monotonic() - started < 20
