"""JSON and JSON Lines: every value is there, every record can be cited, and nothing can be made to run away."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from ingest.loaders.json.blocks import MAX_RECORDS
from ingest.loaders.json.loader import JsonLoader
from ragbot.documents import ParsedDocument, heading_path
from ragbot.errors import LoaderError


def read(folder: Path, source: str | bytes, name: str = "data.json") -> ParsedDocument:
    path = folder / name
    path.write_bytes(source if isinstance(source, bytes) else source.encode())
    return JsonLoader().load(path)


def path_of(document: ParsedDocument, words: str) -> tuple[str, ...]:
    return heading_path(document.headings, document.text.index(words))


def test_object(tmp_path: Path) -> None:
    value = {
        "title": "实验记录",
        "language": "zh-Hans",
        "date": "2024-05-01T10:00:00Z",
        "model": {"name": "e5", "layers": [{"size": 384}, {"size": 768}], "tags": ["small", "multilingual"]},
        "count": 3,
        "done": True,
        "missing": None,
        "empty": {},
    }
    document = read(tmp_path, json.dumps(value, ensure_ascii=False))
    assert document.text == (
        "title: 实验记录\nlanguage: zh-Hans\ndate: 2024-05-01T10:00:00Z\ncount: 3\ndone: true\nmissing: null\n"
        "empty: {}\n\nmodel\n\nmodel.name: e5\nmodel.layers[0].size: 384\nmodel.layers[1].size: 768\n"
        "model.tags: small, multilingual"
    )
    assert (document.title, document.language, document.date) == ("实验记录", "zh", "2024-05-01")
    assert document.type == "json" and document.metadata == {"encoding": "utf-8"}
    assert path_of(document, "384") == ("model",) and path_of(document, "count") == ()


def test_records_are_named(tmp_path: Path) -> None:
    value = [{"Name": "张三", "id": 7}, {"id": 8, "text": "second\nline"}, {"x": [1, 2]}, "plain"]
    document = read(tmp_path, json.dumps(value))
    assert [(h.level, h.text) for h in document.headings] == [(1, "[0] 张三"), (1, "[1] 8"), (1, "[2]"), (1, "[3]")]
    assert all(document.text[heading.start :].startswith(heading.text) for heading in document.headings)
    assert "[1] 8\n\nid: 8\ntext:\nsecond\nline\n\n[2]\n\nx: 1, 2\n\n[3]\n\nplain" in document.text


def test_records_below_a_key(tmp_path: Path) -> None:
    document = read(tmp_path, '{"version": "1.1", "data": [{"title": "A"}, {"title": "B", "n": {"m": 1}}]}')
    assert path_of(document, "n.m: 1") == ("data", "[1] B")
    assert document.text.startswith("version: 1.1\n\ndata\n\n[0] A\n\ntitle: A")
    assert document.title == "data"


def test_numbers_and_repeated_keys_stand_as_they_were_written(tmp_path: Path) -> None:
    huge = "9" * 5_000
    document = read(tmp_path, f'{{"a": 1.50, "a": 1e400, "b": NaN, "c": -Infinity, "d": {huge}}}')
    assert document.text == f"a: 1.50\na: 1e400\nb: NaN\nc: -Infinity\nd: {huge}"


def test_long_strings_are_whole_and_text_is_clean(tmp_path: Path) -> None:
    document = read(tmp_path, '{"s": "%s", "bad\\u0000key": "lone \\ud800 and nul \\u0000."}' % ("长" * 100_000))
    assert document.text == "s: " + "长" * 100_000 + "\nbadkey: lone  and nul ."


def test_lines(tmp_path: Path) -> None:
    source = '{"title": "First"}\n\n{"n": {"m": "a\\u2028b"}}\r\n[1, 2]'
    for name in ("a.jsonl", "a.ndjson", "a.json"):
        document = read(tmp_path, source, name)
        assert document.text == "[1] First\n\ntitle: First\n\n[3]\n\nn.m: a\u2028b\n\n[4]\n\n1, 2"
        assert [heading.text for heading in document.headings] == ["[1] First", "[3]", "[4]"]


def test_encodings(tmp_path: Path) -> None:
    source = '{"内容": "这是一段中文的文字，用来测试编码。"}'
    for encoding in ("utf-8-sig", "gb18030", "utf-16"):
        assert read(tmp_path, source.encode(encoding)).text == "内容: 这是一段中文的文字，用来测试编码。"


@pytest.mark.parametrize(
    ("source", "name", "message"),
    [
        ('{"a": 1,}', "a.json", r"a\.json is no valid JSON \(line 1, column \d"),
        ('{"a": 1', "a.json", "no valid JSON"),
        ('{"a": 1} x', "a.json", "Extra data"),
        ('{"a": 1}\n\n{"a": 2\n', "a.jsonl", r"line 3 of a\.jsonl is no valid JSON"),
        ("plain words", "a.json", "no valid JSON"),
        (" \n", "a.json", "is empty"),
        ("", "a.jsonl", "is empty"),
        (b"\x89PNG\r\n\x1a\n\x00", "a.json", "looks like binary"),
        (b"{\x00\x01\x02}", "a.json", "looks like binary"),
    ],
)
def test_broken(tmp_path: Path, source: str | bytes, name: str, message: str) -> None:
    with pytest.raises(LoaderError, match=message):
        read(tmp_path, source, name)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("[" * 100_000, "nested too deeply"),
        ("[" * 100_000 + "]" * 100_000, "nested too deeply"),
        ('{"a":' * 120 + "1" + "}" * 120, "nested too deeply"),
        ("[" + "1," * 2_100_000 + "1]", "more than 2,000,000 values"),
        ('{"' + "k" * 200 + '":{"' + "k" * 200 + '":[' + '{"x":""},' * 200_000 + "1]}}", "text of more than 64"),
    ],
    ids=["open", "closed", "objects", "values", "paths"],
)
def test_bombs(tmp_path: Path, source: str, message: str) -> None:
    started = time.monotonic()
    with pytest.raises(LoaderError, match=message):
        read(tmp_path, source)
    assert time.monotonic() - started < 15


def test_too_many_records(tmp_path: Path) -> None:
    with pytest.raises(LoaderError, match="more than 100,000 records"):
        read(tmp_path, "1\n" * (MAX_RECORDS + 1), "a.jsonl")


def test_a_million_values_and_a_long_line_are_read(tmp_path: Path) -> None:
    started = time.monotonic()
    assert read(tmp_path, "[" + "1," * 999_999 + "1]").text.endswith("[999999]: 1")
    assert len(read(tmp_path, json.dumps({"s": "x, " * 3_400_000})).text) == 3 + 3 * 3_400_000 - 1
    assert time.monotonic() - started < 20
