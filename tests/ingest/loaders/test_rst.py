"""reStructuredText: the structure that docutils finds, Sphinx's markup by its text, and nothing read or run."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ingest.loaders.rst.loader import RstLoader, underlined
from ragbot.documents import ParsedDocument
from ragbot.errors import LoaderError


def read(folder: Path, source: str) -> ParsedDocument:
    path = folder / "guide.rst"
    path.write_text(source, "utf-8")
    return RstLoader().load(path)


DOCUMENT = """
========
用户指南
========

:Author: Li Lei
:Date: 2024-05-01

第一段文字分成
两行，含 *强调* 与 ``代码``。

Install
-------

Run this [#note]_ first, see `the site <https://example.com>`_::

    pip install x

1. one
2. two

   - nested *item*

   still two

term : kind
    What it means.

Options
~~~~~~~

-v, --verbose  Say more.

.. [#note] A footnote.

.. note:: Careful with |this|.

.. |this| replace:: that **thing**

.. A comment, for nobody.

.. image:: a.png
   :alt: A picture
"""


def test_document(tmp_path: Path) -> None:
    document = read(tmp_path, DOCUMENT)
    assert document.text == (
        "用户指南\n\nAuthor: Li Lei\nDate: 2024-05-01\n\n第一段文字分成两行，含 强调 与 代码。\n\nInstall\n\n"
        "Run this [1] first, see the site:\n\n```\npip install x\n```\n\n1. one\n2. two\n  - nested item\n"
        "  still two\n\nterm : kind\n  What it means.\n\nOptions\n\n-v, --verbose: Say more.\n\n[1] A footnote.\n\n"
        "Note:\n\nCareful with that thing.\n\nA picture"
    ).replace("Author:", "author:").replace("Date:", "date:")
    assert [(h.level, h.text) for h in document.headings] == [(1, "用户指南"), (2, "Install"), (3, "Options")]
    assert all(document.text[heading.start :].startswith(heading.text) for heading in document.headings)
    assert (document.title, document.type, document.date) == ("用户指南", "rst", "2024-05-01")
    assert document.metadata == {"encoding": "utf-8", "author": "Li Lei"}


def test_sections_without_one_title(tmp_path: Path) -> None:
    document = read(tmp_path, "One\n===\n\ntext\n\nTwo\n===\n\nSub\n---\n\nmore of the text\n")
    assert [(h.level, h.text) for h in document.headings] == [(1, "One"), (1, "Two"), (2, "Sub")]
    assert document.title == "One"


GRID = """
+-----+-----+-----+
| 列  | B   | C   |
+=====+=====+=====+
| a   | b and c   |
+-----+-----+-----+
| d   | e   | f   |
+     +-----+-----+
|     | g   | - h |
|     |     | - i |
+-----+-----+-----+
"""


def test_every_cell_of_a_table(tmp_path: Path) -> None:
    expected = "| 列 | B | C |\n| --- | --- | --- |\n| a | b and c |  |\n| d | e | f |\n|  | g | h i |"
    assert read(tmp_path, GRID).text == expected
    simple = "=====  ===\nA      B\n=====  ===\nx      1\ny\n=====  ===\n"
    assert read(tmp_path, simple).text == "| A | B |\n| --- | --- |\n| x | 1 |\n| y |  |"
    listed = ".. list-table:: Caption\n   :header-rows: 1\n\n   * - A\n     - B\n   * - 1\n     - :kbd:`2`\n"
    assert read(tmp_path, listed).text == "Caption\n\n| A | B |\n| --- | --- |\n| 1 | 2 |"
    assert read(tmp_path, '.. csv-table::\n\n   a, "b, c"\n   1, 2\n').text == "| a | b, c |\n| --- | --- |\n| 1 | 2 |"


def test_code_keeps_its_language(tmp_path: Path) -> None:
    source = (
        ".. code-block:: python\n   :linenos:\n   :caption: x.py\n\n   def f():\n       return '```'\n\n>>> 1 + 1\n2\n"
    )
    assert read(tmp_path, source).text == "````python\ndef f():\n    return '```'\n````\n\n```python\n>>> 1 + 1\n2\n```"


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (":py:class:`~a.B` and :ref:`the text <label>` and :doc:`/x`", "a.B and the text and /x"),
        (".. versionadded:: 1.2 Some *text*.\n   And more.", "versionadded: 1.2 Some text. And more."),
        (
            ".. py:function:: f(*args)\n   :noindex:\n\n   Does *it*.\n\n   - one",
            "py:function: f(*args)\n\nDoes it.\n\n- one",
        ),
        (".. toctree::\n   :maxdepth: 2\n\n   intro\n   usage", "- intro\n- usage"),
        (".. seealso::\n\n   .. unknown:: deep\n\n      The *inner* text.", "unknown: deep\n\nThe inner text."),
        (".. automodule:: a.b\n   :members:", "automodule: a.b"),
        (".. note::\n   Text |of| it.", "Note:\n\nText of it."),
    ],
)
def test_sphinx_loses_no_text(tmp_path: Path, source: str, text: str) -> None:
    assert read(tmp_path, source).text == text


def test_nothing_is_read_or_let_through(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("secret,words")
    source = (
        "Text.\n\n.. include:: secret.txt\n\n.. literalinclude:: secret.txt\n\n.. csv-table::\n   :file: secret.txt\n\n"
        ".. raw:: html\n   :file: secret.txt\n\n.. figure:: secret.txt\n   :figwidth: image\n\n   Caption\n"
    )
    text = read(tmp_path, source.replace("secret.txt", str(secret))).text
    assert "words" not in text and text.startswith(f"Text.\n\ninclude: {secret}") and text.endswith("Caption")


def test_a_role_of_one_document_is_none_of_the_next(tmp_path: Path) -> None:
    from docutils.parsers.rst import roles

    before = dict(roles._roles)
    assert read(tmp_path, ".. role:: mine\n.. default-role:: mine\n\n:mine:`x` `y` and words").text == "x y and words"
    assert roles._roles == before


def test_broken_markup_keeps_its_text(tmp_path: Path) -> None:
    source = "Title\n==\n\n*unclosed and `more\n\n+---+\n| a |\n+--\n\n  odd indent\nback_\n"
    text = read(tmp_path, source).text
    for words in ("Title", "*unclosed and `more", "| a |", "odd indent", "back"):
        assert words in text
    with pytest.raises(LoaderError, match="is empty"):
        read(tmp_path, ".. only a comment\n")
    path = tmp_path / "a.rst"
    path.write_bytes(b"\x89PNG\r\n\x1a\n\x00")
    with pytest.raises(LoaderError, match="looks like binary"):
        RstLoader().load(path)


def test_substitutions_do_not_explode(tmp_path: Path) -> None:
    laughs = "".join(f".. |a{i}| replace:: {f'|a{i + 1}| ' * 12}\n" for i in range(60))
    started = time.monotonic()
    assert (
        len(read(tmp_path, f"{laughs}.. |a60| replace:: lol\n\n|a0| |a0|\n\n|b|\n\n.. |b| replace:: |b|\n").text)
        < 50_000
    )
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("Title\n=====\n\n" + "x" * 10_000_000, "xxxx"),
        ("Title\n=====\n\n" + "- " * 4_000 + "deep", "deep"),
        ("Title\n=====\n\n" + "some text\n\n" * 60_000, "some text"),
        (
            "Title\n=====\n\n" + "".join("   " * i + ".. unknown::\n\n" for i in range(200)) + "   " * 200 + "deep",
            "deep",
        ),
        ("Title\n=====\n\n" + ("`" * 9_000 + "\n") * 20, "```"),
    ],
    ids=["line", "nested", "large", "directives", "quotes"],
)
def test_bombs_are_read_as_they_stand(tmp_path: Path, source: str, words: str) -> None:
    started = time.monotonic()
    document = read(tmp_path, source)
    assert words in document.text and [heading.text for heading in document.headings] == ["Title"]
    assert time.monotonic() - started < 20


def test_titles_by_their_lines() -> None:
    found = underlined("====\n书名\n====\n\ntext\n\nPart\n----\n\n----\n\nx\n\nNext\n====\n")
    assert [(h.level, h.text) for h in found] == [(1, "书名"), (2, "Part"), (1, "Next")]
