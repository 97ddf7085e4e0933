"""Plain text: every encoding that people have, and a text that equals the file's."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ingest.loaders import load
from ingest.loaders.cleaning import clean
from ingest.loaders.decoding import decode
from ingest.loaders.fields import iso_day, pick_language, sensible_title
from ragbot.errors import LoaderError

ZH = "大语言模型的推理分为预填充与解码两个阶段。"
TW = "臺灣的人工智慧產業正在快速發展，許多公司投入研究。"
JA = "これは日本語のテストです。東京は日本の首都です。"


@pytest.mark.parametrize(
    ("text", "encoding", "expected"),
    [
        (ZH, "utf-8", "utf-8"),
        (ZH, "utf-8-sig", "utf-8"),
        (ZH, "utf-16", "utf-16-le"),
        (ZH, "utf-32", "utf-32-le"),
        ("Plain ASCII in UTF-16 without a mark.\n", "utf-16-le", "utf-16-le"),
        ("第一行\n第二行 with words\n", "utf-16-be", "utf-16-be"),
        (ZH, "gb18030", "gb18030"),
        (ZH, "gbk", "gb18030"),
        ("生僻字\U00020000与𠮷野家都在四字节区。", "gb18030", "gb18030"),
        (TW, "big5", "big5hkscs"),
        (TW, "gbk", "gb18030"),
        (JA, "shift_jis", "cp932"),
        (JA, "euc_jp", "euc_jp"),
        ("안녕하세요 세계", "euc_kr", "cp949"),
        ("Le café est très bon. L'été, nous allons à la plage.", "latin-1", "cp1252"),
        ("“Quoted” – it’s 5 €", "cp1252", "cp1252"),
        ("Привет, мир. Это проверка кодировки текста.", "cp1251", "cp1251"),
    ],
)
def test_encodings(tmp_path: Path, text: str, encoding: str, expected: str) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(text.encode(encoding))
    document = load(path)
    assert document.text == text
    assert document.metadata["encoding"] == expected


@pytest.mark.parametrize(
    "text",
    [
        "你好",
        "你好，世界。",
        "知识库",
        "发票",
        "春眠不觉晓",
        "姓名,年龄\n张三,30\n李四,25",
        "V2.0：修复问题",
        "“测试”……",
    ],
)
def test_short_chinese_in_gb18030(text: str) -> None:
    assert decode(text.encode("gb18030")).text == text


@pytest.mark.parametrize("text", ["résumé", "naïveté où ça", "Größe", "Übergrößenträger für Äpfel"])
def test_short_western_text_is_not_taken_for_chinese(text: str) -> None:
    assert decode(text.encode("latin-1")).text == text


def test_a_damaged_byte_is_replaced_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    for encoding in ("utf-8", "gb18030"):
        data = (ZH * 50).encode(encoding)
        path.write_bytes(data + b"\n\xff" + data)
        document = load(path)
        assert document.text.startswith(ZH) and document.text.endswith(ZH)
        assert document.metadata == {"encoding": encoding, "damaged_characters": "1"}


def test_only_line_ends_and_control_characters_change(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("a\r\nb\rc\x07d\te\u00a0ｆ“ｇ”\u3000ﬁ\x0ch".encode())
    assert load(path).text == "a\nb\ncd\te\u00a0ｆ“ｇ”\u3000ﬁ\nh"


def test_clean_drops_lone_surrogates() -> None:
    assert clean("a\ud800b\udfffc\x00d\x85e\U0001f600") == "abcd\ne\U0001f600"


def test_fields(tmp_path: Path) -> None:
    path = tmp_path / "meeting-notes_2024.txt"
    path.write_text(ZH, "utf-8")
    document = load(path)
    assert (document.title, document.type, document.language) == ("meeting notes 2024", "txt", "zh")
    assert document.pages == () and document.headings == () and document.date is None


def test_utf16_mark_before_binary_is_binary(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xff\xfe\x00\x00\x01\x00\x00\x00abc")
    with pytest.raises(LoaderError, match="looks like binary"):
        load(path)


def test_ten_megabytes_on_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(("很长的一行，" * 600_000).encode("gb18030"))
    started = time.monotonic()
    assert len(load(path).text) == 3_600_000
    assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    ("value", "day"),
    [
        ("2024-05-01", "2024-05-01"),
        ("2024-05-01T23:59:59+08:00", "2024-05-01"),
        ("发布于2024年5月1日", "2024-05-01"),
        ("2024/5/1", "2024-05-01"),
        ("20240501", "2024-05-01"),
        ("20240501120000+00'00'", "2024-05-01"),
        ("2024-13-01", None),
        ("2024-02-30", None),
        ("1234567890", None),
        ("2024", None),
        ("", None),
    ],
)
def test_iso_day(value: str, day: str | None) -> None:
    assert iso_day(value) == day


def test_language_and_title_of_fields() -> None:
    assert [pick_language(tag, "") for tag in ("zh-Hans-CN", "EN_us", "zho", "中文", "English", "und", "x" * 50)] == [
        "zh", "en", "zh", "zh", "en", "", "",
    ]  # fmt: skip
    assert pick_language("", ZH) == "zh"
    for placeholder in ("Untitled", "Microsoft Word - a.doc", "Document1", "无标题", "report.pdf", " -- "):
        assert sensible_title(placeholder) == ""
    assert sensible_title("A  Report\non Things") == "A Report on Things"
