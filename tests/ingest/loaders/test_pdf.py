"""PDF: whole sentences, pages, headings; and what is not read, with the reason. Chinese and English throughout."""

from __future__ import annotations

import io
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from pypdf import PdfReader, PdfWriter

from ingest.loaders import load
from ingest.loaders.pdf import loader as pdf
from ragbot.documents import ParsedDocument
from ragbot.errors import LoaderError
from tests.ingest.loaders.pdf_pages import Text, lines, make_pdf

CORPUS = Path(__file__).resolve().parents[3] / "data" / "corpus"
Read = Callable[..., ParsedDocument]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def save_and_load(pages: list[list[Text]], **options: object) -> ParsedDocument:
        path = tmp_path / "my-file.pdf"
        path.write_bytes(make_pdf(pages, **options))  # type: ignore[arg-type]
        return load(path)

    return save_and_load


def test_english_lines_are_joined_with_spaces_and_chinese_ones_without(read: Read) -> None:
    english = ["A sentence that runs over the end of the line is", "whole again.", "Another."]
    chinese = ["大语言模型的推理分为预填充与解码两个阶段，预填", "充阶段一次处理整个提示词。"]
    document = read([[*lines(english), *lines(chinese, y=600), *lines(["另一段。"], y=550)]])
    assert document.text.replace("\n\n", "\n").split("\n") == [
        "A sentence that runs over the end of the line is whole again.",
        "Another.",
        "大语言模型的推理分为预填充与解码两个阶段，预填充阶段一次处理整个提示词。",
        "另一段。",
    ]


def test_hyphens(read: Read) -> None:
    body = [
        "The word evaluation is used in this text, and eval-",
        "uation is the same; state-of-the-art stays state-of-the-",
        "art, as does the DDR4-3200 memory that we call DDR4-",
        "3200, while unique hyphen-",
    ]
    text = read([lines([*body, "ation goes."])]).text
    assert "and evaluation is the same; state-of-the-art stays state-of-the-art, as" in text
    assert "call DDR4-3200, while" in text and "\n" not in text[: text.index("while")]


def test_mixed_text_follows_the_documents_spacing(read: Read) -> None:
    spaced = ["这里用 vLLM 与 Ray 两个系统来部署模型服务，也用", "Chroma 存储。"]
    assert "也用 Chroma 存储" in read([lines(spaced)]).text
    dense = ["这里用vLLM与Ray两个系统来部署模型服务，还可以也用", "Chroma存储。"]
    assert "也用Chroma存储" in read([lines(dense)]).text


def test_indentation_and_short_lines_begin_paragraphs(read: Read) -> None:
    first = ["第一段的第一行文字很长一直到达这一行的末尾为止，", "第一段到此。"]
    page = [*lines(first), Text(92, 672, "第二段开头缩进两个字，写到这一行的末尾为止啊啊"), Text(72, 658, "第二段完。")]
    assert read([page]).text.replace("\n\n", "\n").split("\n") == [
        "第一段的第一行文字很长一直到达这一行的末尾为止，第一段到此。",
        "第二段开头缩进两个字，写到这一行的末尾为止啊啊第二段完。",
    ]


def test_list_items_stay_apart_and_their_lines_together(read: Read) -> None:
    page = [
        *lines(["A line before that sets the margin of this page out here"], y=770),
        *lines(["• First item that is so long that it needs a second", "line"], y=700),
        *lines(["• Second item"], y=672),
        *lines(["1. Numbered.", "2. Again."], y=640),
    ]
    page[2] = Text(82, 686, "line")
    assert read([page]).text.split("\n\n", 1)[1] == (
        "• First item that is so long that it needs a second line\n• Second item\n\n1. Numbered.\n2. Again."
    )


def test_table_rows(read: Read) -> None:
    rows = [("Format", "Bytes", "方法"), ("FP16", "2", "量化"), ("INT8", "1", "截断")]
    page = [
        Text(72 + 120 * column, 700 - 18 * row, cell)
        for row, cells in enumerate(rows)
        for column, cell in enumerate(cells)
    ]
    assert read([page]).text == "Format | Bytes | 方法\nFP16 | 2 | 量化\nINT8 | 1 | 截断"


def test_cells_of_several_lines(read: Read) -> None:
    page = [
        Text(72, 750, "A long line of text that stands above the table and is the margin of the page."),
        *lines(["FP16 or", "BF16"], x=72, y=700),
        *lines(["two bytes for each", "parameter"], x=200, y=700),
        *lines(["14 GB"], x=350, y=700),
        *lines(["INT8"], x=72, y=660),
        *lines(["one byte"], x=200, y=660),
        *lines(["7 GB"], x=350, y=660),
    ]
    assert read([page]).text.split("\n\n", 1)[1].split("\n") == [
        "FP16 or BF16 | two bytes for each parameter | 14 GB",
        "INT8 | one byte | 7 GB",
    ]


def test_a_paragraph_goes_on_in_the_next_column(read: Read) -> None:
    left = [f"column one line {number:02d} of it is" for number in range(30)]
    right = [f"column two line {number:02d} of it is" for number in range(30)]
    text = read([lines(left, x=60, y=740) + lines(right, x=320, y=740)]).text
    assert text == " ".join([*left, *right])


def test_pages_are_joined_by_an_empty_line_and_counted(read: Read) -> None:
    document = read([lines(["Page one."]), [], lines(["第三页。"])])
    assert document.text == "Page one.\n\n\n\n第三页。"
    assert document.pages == (0, 11, 13)
    assert [document.text[a:b] for a, b in zip(document.pages, [*document.pages[1:], None], strict=True)] == [
        "Page one.\n\n", "\n\n", "第三页。",
    ]  # fmt: skip


def test_running_headers_and_page_numbers_are_left_out(read: Read) -> None:
    pages = [
        [
            Text(72, 770, f"Handbook, chapter {n}"),
            *lines([f"Content {n * n} of it.", "More of it."]),
            Text(300, 30, f"- {n} -"),
        ]
        for n in range(1, 5)
    ]
    text = read(pages).text
    assert "Handbook" not in text and "- 1 -" not in text
    assert [line for line in text.split("\n") if line] == [
        line for n in range(1, 5) for line in (f"Content {n * n} of it.", "More of it.")
    ]
    assert read([[*lines(["Only page."]), Text(300, 30, "1 / 3")]]).text == "Only page."
    assert "\n42" in read([lines(["The answer is", "42"])]).text, "a number that does not stand apart is text"


def test_headings_come_from_the_outline(read: Read) -> None:
    page = [*lines(["1. 引言"], size=14), *lines(["引言的正文。", "Results", "The results are good."], y=670)]
    document = read([page, lines(["总结"])], outline=[("引言", 0), ("Results", 0), ("not there", 0), ("总结", 1)])
    assert [heading.text for heading in document.headings] == ["1. 引言", "Results", "总结"]
    assert {heading.level for heading in document.headings} == {1}
    assert all(document.text[heading.start :].startswith(heading.text) for heading in document.headings)
    assert document.text.split("\n\n")[:2] == ["1. 引言", "引言的正文。"]
    assert read([page]).headings == ()


def test_fields(read: Read) -> None:
    pages = [lines(["标题在此", "这是一段中文的文字。"])]
    document = read(pages, title="元数据标题", language="en-GB")
    assert (document.title, document.language) == ("元数据标题", "en")
    assert (document.date, document.type) == ("2024-05-01", "pdf")
    assert read(pages).language == "zh"
    assert read(pages, title="Microsoft Word - draft.doc").title == "标题在此"
    assert read(pages, outline=[("这是一段中文的文字。", 0)]).title == "这是一段中文的文字。"
    assert read([lines(["x" * 90 + " " + "y" * 90])]).title == "my file"


def test_titles_that_are_no_unicode_cost_no_text(read: Read) -> None:
    pages = [
        [*lines(["标题在此"], size=14), *lines(["这是一段中文的文字。", "Results", "The results are good."], y=670)]
    ]
    document = read(pages, title="\ud800A", outline=[("\udc00标题在此", 0), ("Results", 0)])
    assert "这是一段中文的文字。" in document.text
    assert document.title == "Results" and [heading.text for heading in document.headings] == ["Results"]
    assert document.date == "2024-05-01"


def test_radicals_and_ligatures_become_the_characters_they_stand_for(read: Read) -> None:
    assert read([lines(["⼤语⾔模型 the ﬁrst\u00a0one"])]).text == "大语言模型 the first one"


@pytest.mark.parametrize("rotate", [90, 180, 270])
def test_rotated_pages_are_read(read: Read, rotate: int) -> None:
    assert "Some text." in read([lines(["Some text."])], rotate=rotate).text


def test_blank(read: Read) -> None:
    with pytest.raises(LoaderError, match=r"no text layer, and no picture of text.*nothing in it to read"):
        read([[], []])


def test_encrypted(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    for user, message in (("secret", "password protected"), ("", "")):
        writer = PdfWriter(clone_from=PdfReader(io.BytesIO(make_pdf([lines(["Some text."])]))))
        writer.encrypt(user, "owner", algorithm="RC4-128")
        writer.write(path)
        if message:
            with pytest.raises(LoaderError, match=message) as caught:
                load(path)
            assert caught.value.__cause__ is not None
        else:  # an owner's password alone only forbids to print or copy: everyone may read it
            assert load(path).text == "Some text."


@pytest.mark.parametrize("keep", [0.02, 0.3], ids=["header", "a third"])
def test_damaged(tmp_path: Path, keep: float) -> None:
    data = make_pdf([lines(["Some text."])])
    path = tmp_path / "a.pdf"
    path.write_bytes(data[: max(20, int(len(data) * keep))])
    with pytest.raises(LoaderError, match="is damaged") as caught:
        load(path)
    assert caught.value.__cause__ is not None


def _bomb(mebibytes: int) -> bytes:
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(bytes(1024 * 1024)) for _ in range(mebibytes)) + packer.flush()


def test_decompression_bomb(read: Read) -> None:
    started = time.monotonic()
    with pytest.raises(LoaderError, match="decompression bomb"):
        read([lines(["Some text."])], extra=_bomb(20))
    assert time.monotonic() - started < 5


def test_bomb_packed_twice(tmp_path: Path) -> None:
    data = make_pdf([lines(["Some text."])], extra=zlib.compress(_bomb(20), 9))
    path = tmp_path / "a.pdf"
    path.write_bytes(data.replace(b"/Filter/FlateDecode>>stream", b"/Filter[/FlateDecode/FlateDecode]>>stream"))
    with pytest.raises(LoaderError, match="decompression bomb"):
        load(path)


def test_a_stream_that_packs_well_is_no_bomb(read: Read) -> None:
    assert read([lines(["Some text."])], extra=_bomb(10)).text == "Some text."


def test_too_many_pages_and_characters(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "MAX_PAGES", 2)
    with pytest.raises(LoaderError, match="3 pages, at most 2"):
        read([lines(["a"])] * 3)
    monkeypatch.setattr(pdf, "MAX_CHARACTERS", 10)
    with pytest.raises(LoaderError, match="more than 10 characters"):
        read([lines(["some more text"])])


def test_threads_may_load_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(make_pdf([lines([f"Line {number} of the page."]) for number in range(20)]))
    texts: list[str] = []
    threads = [threading.Thread(target=lambda: texts.append(load(path).text)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(texts) == 8 and len(set(texts)) == 1


@pytest.mark.parametrize("path", sorted(CORPUS.glob("*/*.pdf")), ids=lambda path: path.stem)
def test_our_own_documents_lose_nothing_in_print(path: Path) -> None:
    """Each paragraph and heading of the source stands, whole, on a line of what is read from the printed PDF."""
    source = CORPUS.parent / "sources" / path.parent.name / f"{path.stem}.md"
    printed = load(path)
    read_lines = set(printed.text.split("\n"))
    plain = [
        line
        for line in source.read_text("utf-8").split("\n")
        if line and line[0] not in "#|-*>`0123456789" and not set(line) & set("`*[")
    ]
    assert plain and [line for line in plain if " ".join(line.split()) not in read_lines and "  " not in line] == []
    assert [(h.level, h.text) for h in printed.headings] == [(h.level, h.text) for h in load(source).headings]
