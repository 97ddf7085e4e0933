"""Markdown: the text is the file's, headings and front matter are found where they are, and only there."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ingest.loaders import load
from ingest.loaders.front_matter import parse_front_matter
from ingest.loaders.markdown import find_headings


def headings(text: str) -> list[tuple[int, str]]:
    return [(heading.level, heading.text) for heading in find_headings(text)]


def test_the_text_is_the_files_own(tmp_path: Path) -> None:
    source = "---\r\ntitle: T\r\n---\r\n# 标题 “一”\r\n\r\n正文\u00a0，`code`。\r\n"
    path = tmp_path / "a.md"
    path.write_bytes(source.encode("gb18030"))
    document = load(path)
    assert document.text == source.replace("\r\n", "\n")
    (heading,) = document.headings
    assert document.text[heading.start :].startswith("# 标题 “一”\n")
    assert (heading.level, heading.text, document.type, document.language) == (1, "标题 “一”", "md", "zh")


def test_front_matter_is_used_and_left_out_of_headings(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text(
        "---\n# comment\ntitle: 'A: title # kept'\ndate: 2024-05-01 # day\nlanguage: zh-CN\nauthor: Li\n---\n"
        "# H\ntext in English\n"
    )
    document = load(path)
    assert (document.title, document.date, document.language) == ("A: title # kept", "2024-05-01", "zh")
    assert document.metadata["author"] == "Li"
    assert [heading.text for heading in document.headings] == ["H"]


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("tags: LLM, 训练 # two", '["llm", "训练"]'),
        ("Tags: [LLM, '训练', \"a b\"]", '["llm", "训练", "a b"]'),
        ("tags:\n  - LLM\n- 训练 # two\nother: x", '["llm", "训练"]'),
        ("keywords: a\nlayout:\n  - no tag", '["a"]'),
        ("tags: []", None),
        ("tags:", None),
        ("title: tags", None),
    ],
)
def test_tags(tmp_path: Path, field: str, expected: str | None) -> None:
    path = tmp_path / "a.md"
    path.write_text(f"---\n{field}\n---\nText.\n\n- tags: none\n", encoding="utf-8")
    assert load(path).metadata.get("tags") == expected


def test_tags_stand_in_front_matter_only(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text("tags: a, b\n\nText.\n")
    assert "tags" not in load(path).metadata


def test_title_rule(tmp_path: Path) -> None:
    path = tmp_path / "my-own_notes.md"
    path.write_text("## Second\n\n# First\n")
    assert load(path).title == "First"
    path.write_text("## Second only\n")
    assert load(path).title == "my own notes"


@pytest.mark.parametrize(
    "text", ["---\ntitle: x\nno end", "--- \ntext", "---title: x\n---\n", "text\n---\ntitle: x\n---\n", "---", ""]
)
def test_no_front_matter(text: str) -> None:
    expected = ({}, 0)
    fields, end = parse_front_matter(text)
    assert (dict(fields), end) == expected


def test_front_matter_reads_scalars_only() -> None:
    matter = "---\na: [1, 2]\nb: &anchor x\nc: !!python/object y\nd: |\n  long\nE: ok\n---\n"
    fields, end = parse_front_matter(matter + "rest")
    assert dict(fields) == {"a": "", "b": "", "c": "", "d": "", "e": "ok"}
    assert end == len(matter)


def test_atx_headings() -> None:
    assert headings("# One\n   ### Three ###\n#Not\n    # code\n####### seven\n# \n## C#\n> # quote\n") == [
        (1, "One"),
        (3, "Three"),
        (2, "C#"),
    ]


def test_setext_headings() -> None:
    assert headings("One\n===\n\nTwo\nlines\n---\n\n- item\n---\n\n| a |\n---\n\n***\n---\n\ntext\n\n---\n") == [
        (1, "One"),
        (2, "Two lines"),
    ]


def test_setext_heading_starts_with_its_first_line() -> None:
    text = "intro\n\nTwo\nlines\n---\n"
    assert [text[heading.start :] for heading in find_headings(text)] == ["Two\nlines\n---\n"]


def test_fenced_code_and_comments_hold_no_headings() -> None:
    text = "```sh\n# no\n```\n~~~~\n# no\n~~~\n# no\n~~~~\n<!--\n# no\n-->\n# yes\n"
    text += "``` a`b\n# also\n```\n# never closed\n"
    assert headings(text) == [(1, "yes"), (1, "also")]


def test_markup_is_taken_off_the_headings_words() -> None:
    assert headings("# The `load` **method** of [Doc](http://x) and __init__\n") == [
        (1, "The load method of Doc and __init__")
    ]


@pytest.mark.parametrize(
    "text",
    [
        "x" * 10_000_000,
        "# " + "*" * 1_000_000,
        "#" * 1_000_000,
        "`" * 1_000_000,
        "> " * 500_000,
        "a\n" * 200_000 + "---",
        "# " + "[" * 9_000,
        "# " + "**a" * 3_000,
        "---\n" * 100_000,
        "<!--" * 300_000,
    ],
    ids=range(10),
)
def test_hostile_text_takes_no_time(text: str) -> None:
    started = time.monotonic()
    assert len(find_headings(text, parse_front_matter(text)[1])) <= 1
    assert time.monotonic() - started < 3
