"""E-mail, made with the standard library, and by hand where senders do not keep to the standards."""

from __future__ import annotations

import base64
import io
import time
import zipfile
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import docx
import pytest

from ingest.loaders import base
from ingest.loaders.eml import loader as eml
from ingest.loaders.eml import parts as eml_parts
from ingest.loaders.eml.loader import EmlLoader
from ragbot.documents import ParsedDocument
from ragbot.errors import LoaderError

Read = Callable[[EmailMessage | bytes], ParsedDocument]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def save_and_load(message: EmailMessage | bytes) -> ParsedDocument:
        path = tmp_path / "a-mail.eml"
        path.write_bytes(message if isinstance(message, bytes) else message.as_bytes())
        return EmlLoader().load(path)

    return save_and_load


def mail(body: str = "正文。\n", subject: str = "季度报告 Q3", **options: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = "李雷 <li@example.com>"
    message["To"] = "Han <han@example.com>, 王芳 <wang@example.com>"
    message["Date"] = "Wed, 01 May 2024 23:30:00 +0800"
    message["Subject"] = subject
    message.set_content(body, **options)
    return message


TOP = (
    "From: 李雷 <li@example.com>\nTo: Han <han@example.com>, 王芳 <wang@example.com>\n"
    "Date: Wed, 01 May 2024 23:30:00 +0800\nSubject: 季度报告 Q3"
)


@pytest.mark.parametrize("cte", ["base64", "quoted-printable", "8bit"])
@pytest.mark.parametrize("charset", ["utf-8", "gb18030", "gb2312", "big5"])
def test_fields_and_plain_body(read: Read, charset: str, cte: str) -> None:
    body = "這是正文，第一段。\n\n> 引用的回覆\n\nOn Monday, A wrote:\n> quoted\n"
    if charset == "gb2312":
        body = "这是正文，第一段。\n\n> 引用的回复\n\nOn Monday, A wrote:\n> quoted\n"
    document = read(mail(body, charset=charset, cte=cte))
    assert document.text == f"{TOP}\n\n{body.strip()}"
    assert (document.title, document.date, document.type, document.language) == (
        "季度报告 Q3",
        "2024-05-01",
        "eml",
        "zh",
    )
    assert document.metadata == {"author": "李雷 <li@example.com>"} and document.headings == ()


def word(text: str, charset: str, encoding: str = "B", declared: str = "") -> str:
    data = text.encode(charset)
    packed = base64.b64encode(data).decode() if encoding == "B" else "".join(f"={byte:02X}" for byte in data)
    return f"=?{declared or charset}?{encoding}?{packed}?="


SPLIT = "会议纪要".encode("gbk")
LEFT, RIGHT = (base64.b64encode(part).decode() for part in (SPLIT[:3], SPLIT[3:]))


@pytest.mark.parametrize(
    ("raw", "subject"),
    [
        (word("会议纪要", "gbk"), "会议纪要"),
        (word("會議紀要", "big5", "Q"), "會議紀要"),
        (word("会议㐀", "gb18030"), "会议㐀"),
        (word("镕喆", "gbk", declared="gb2312"), "镕喆"),
        (f"=?GBK?B?{LEFT}?=\r\n =?gbk?B?{RIGHT}?=", "会议纪要"),
        (f"Re: {word('回复', 'utf-8', 'q')} {word('：', 'gbk')} now", "Re: 回复： now"),
        ("Fwd:" + word("中文", "utf-8") + "tail", "Fwd:中文tail"),
        ("=?utf-8?Q?a b_c?=", "a b c"),
        ("=?x-none?B?5Lit5paH?=", "中文"),
        ("=?punycode?B?5Lit5paH?=", "中文"),
        ("=?utf-8?B?A?= rest", "=?utf-8?B?A?= rest"),
        ("=?iso-8859-7*el?B?4w==?=", "γ"),
        ("会议的纪要和文字", "会议的纪要和文字"),
    ],
)
def test_subjects(read: Read, raw: str, subject: str) -> None:
    assert read(f"Subject: {raw}\r\n\r\nx".encode()).title == subject


def test_fields_in_bytes_of_no_declared_charset(read: Read) -> None:
    name = "数据的文件.txt"
    data = f'Subject: 这是会议的纪要\nContent-Disposition: attachment; filename="{name}"\n\n文件的正文。'.encode("gbk")
    document = read(data)
    assert document.title == "这是会议的纪要" and f"Attachments: {name}" in document.text
    assert document.text.endswith(f"{name}\n\n文件的正文。")


@pytest.mark.parametrize(
    ("raw", "day"),
    [
        ("Wed, 1 May 2024 00:30:00 +0800", "2024-05-01"),
        ("2024-05-01 10:00", "2024-05-01"),
        ("2024年5月1日", "2024-05-01"),
        ("Fri, 99 May 2024 00:30:00", None),
        ("Wed, 1 May 2024 00:30:00 +99999999999", "2024-05-01"),
        ("soon", None),
        ("", None),
    ],
)
def test_dates(read: Read, raw: str, day: str | None) -> None:
    assert read(f"Subject: s\nDate: {raw}\n\nx".encode()).date == day


@pytest.mark.parametrize(
    ("charset", "data"),
    [
        ("us-ascii", "这是一段中文的文字。".encode()),
        ("utf-8", "这是一段中文的文字。".encode("gbk")),
        ("no-such", "这是一段中文的文字。".encode("gb18030")),
        ("base64", "这是一段中文的文字。".encode()),
        ("gb2312", "这是一段中文的文字。".encode("gbk") + b"\x00"),
    ],
)
def test_wrong_charsets_survive(read: Read, charset: str, data: bytes) -> None:
    document = read(b"Subject: s\nContent-Type: text/plain; charset=" + charset.encode() + b"\n\n" + data)
    assert "\x00" not in document.text and "\ud800" not in document.text
    assert document.text.startswith("Subject: s\n\n")
    if b"\x00" not in data:
        assert document.text == "Subject: s\n\n这是一段中文的文字。"


def alternative(plain: str, html: str) -> EmailMessage:
    message = mail(plain)
    message.add_alternative(html, subtype="html")
    return message


PAGE = (
    "<html><body><style>p{}</style><h2>标题</h2>"
    + "<p>网页的<b>正文</b>。</p>" * 30
    + "<blockquote>旧</blockquote></body></html>"
)


def test_plain_text_is_preferred(read: Read) -> None:
    document = read(alternative("平" * 50, PAGE))
    assert document.text == f"{TOP}\n\n{'平' * 50}"


@pytest.mark.parametrize("plain", [" \n", "Please use a program that shows HTML."])
def test_the_page_is_read_where_plain_text_says_nothing(read: Read, plain: str) -> None:
    document = read(alternative(plain, PAGE))
    assert document.text.startswith(f"{TOP}\n\n标题\n\n网页的正文。\n\n") and document.text.endswith("\n\n旧")
    assert plain.strip() not in document.text or not plain.strip()
    (heading,) = document.headings
    assert (heading.text, heading.level) == ("标题", 2) and document.text.startswith("标题", heading.start)


def test_a_page_with_its_pictures_and_a_file(read: Read) -> None:
    message = mail("ignored")
    message.add_alternative(PAGE, subtype="html")
    page = message.get_payload()[1]  # type: ignore[index]
    page.add_related(b"\x89PNG", "image", "png", cid="<logo>")  # type: ignore[union-attr]
    message.add_attachment(b"?", "application", "x-odd", filename="照片.odd")
    document = read(message)
    assert f"{TOP}\nAttachments: 照片.odd\n\n标题\n\n" in document.text
    assert document.text.count("标题") == 1 and document.metadata.get("unread_attachments") is None


def test_flowed_lines_become_paragraphs(read: Read) -> None:
    data = (
        "Subject: s\nContent-Type: text/plain; charset=utf-8; format=flowed; delsp={}\n\n"
        "one \ntwo\n> q \n> r\n> s\n\nx \n> y\n-- \nsig"
    )
    joined = "Subject: s\n\none two\n> q r\n> s\n\nx \n> y\n-- \nsig"
    assert read(data.format("no").encode()).text == joined
    chinese = "Subject: s\nContent-Type: text/plain; charset=utf-8; format=flowed; delsp=yes\n\n中 \n文\n"
    assert read(chinese.encode()).text == "Subject: s\n\n中文"


def word_file(text: str) -> bytes:
    document = docx.Document()
    document.add_heading("小节", 1)
    document.add_paragraph(text)
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def test_attachments_are_read_as_sections(read: Read) -> None:
    message = mail("见附件。")
    message.add_attachment(word_file("预算为三百万。"), "application", "octet-stream", filename="../预算 表.DOCX")
    message.add_attachment("# Notes\n\nwords\n", subtype="markdown", filename="notes.md")
    message.add_attachment(b"PK", "application", "zip", filename="C:\\x\\all.zip")
    document = read(message)
    assert document.text == (
        f"{TOP}\nAttachments: 预算 表.DOCX, notes.md, all.zip\n\n见附件。\n\n"
        "预算 表.DOCX\n\n小节\n\n预算为三百万。\n\nnotes.md\n\n# Notes\n\nwords"
    )
    assert [(heading.level, heading.text) for heading in document.headings] == [
        (1, "预算 表.DOCX"), (2, "小节"), (1, "notes.md"), (2, "Notes"),
    ]  # fmt: skip
    assert all(
        document.text[heading.start :].removeprefix("# ").startswith(heading.text) for heading in document.headings
    )
    assert document.metadata == {"author": "李雷 <li@example.com>"}


def test_attachments_without_a_name(read: Read) -> None:
    head = (
        "Subject: s\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nbody\n--b\nContent-Disposition: attachment\n"
    )
    document = read(f"{head}\ntext of it\n--b\nContent-Type: application/x-odd\n\n?\n--b--".encode())
    assert (
        document.text
        == "Subject: s\nAttachments: (text/plain), (application/x-odd)\n\nbody\n\n(text/plain)\n\ntext of it"
    )


@pytest.mark.parametrize("packed", [word("预算.txt", "gbk"), "budget.txt"], ids=["RFC 2047", "plain"])
def test_names_in_encoded_words(read: Read, packed: str) -> None:
    document = read(f'Subject: s\nContent-Type: text/plain; name="{packed}"\n\nwords'.encode())
    assert document.text.split("\n")[1] == f"Attachments: {'预算.txt' if '=?' in packed else packed}"


def test_names_after_rfc_2231(read: Read) -> None:
    data = b"Subject: s\nContent-Disposition: attachment;\n filename*0*=gbk''%D4%A4;\n filename*1*=%CB%E3.txt\n\nwords"
    assert "Attachments: 预算.txt" in read(data).text


def test_an_attachment_that_cannot_be_read_does_no_harm(read: Read) -> None:
    message = mail("见附件。")
    message.add_attachment(b"no word file", "application", "octet-stream", filename="a.docx")
    message.add_attachment(b"fine", "text", "plain", filename="b.txt")
    document = read(message)
    assert document.text.endswith("Attachments: a.docx, b.txt\n\n见附件。\n\nb.txt\n\nfine")
    assert document.metadata["unread_attachments"].startswith("a.docx (attachment.docx is not a DOCX file")


def test_forwarded_messages(read: Read) -> None:
    inner = mail("原来的话。", "原信")
    inner.add_attachment("附件的字", filename="x.txt")
    outer = mail("请看。")
    outer.add_attachment(inner)
    document = read(outer)
    assert document.text.startswith(f"{TOP}\nAttachments: 原信\n\n请看。\n\n原信\n\nFrom: 李雷 ")
    assert document.text.endswith("Subject: 原信\nAttachments: x.txt\n\n原来的话。\n\nx.txt\n\n附件的字")
    assert [(heading.level, heading.text) for heading in document.headings] == [(1, "原信"), (2, "x.txt")]


@pytest.mark.parametrize("kind", ["message/rfc822", "application/octet-stream; name=f.eml"])
def test_forwarded_messages_in_base64(read: Read, kind: str) -> None:
    packed = base64.encodebytes(mail("里面的话。", "内信").as_bytes()).decode()
    head = "Subject: s\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Transfer-Encoding: base64\n"
    document = read(f"{head}Content-Type: {kind}\n\n{packed}\n--b--".encode())
    assert document.text.endswith("Subject: 内信\n\n里面的话。") and len(document.headings) == 1


def test_messages_in_messages_are_read_to_a_depth(read: Read) -> None:
    message = mail("level 0", "m0")
    for level in range(1, 9):
        outer = mail(f"level {level}", f"m{level}")
        outer.add_attachment(message)
        message = outer
    document = read(message)
    assert "level 3" in document.text and "level 2" not in document.text
    assert "messages in messages are read 5 deep" in document.metadata["unread_attachments"]


def test_the_loaders_of_other_mail_are_not_asked(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path] = []
    monkeypatch.setattr(eml, "SUPPORTED_SUFFIXES", frozenset((".eml", ".msg", ".zip", ".mbox", ".txt")))
    monkeypatch.setattr(eml, "load", lambda path, limit: asked.append(path) or ParsedDocument("x"))
    message = mail("x")
    for name in ("a.msg", "a.zip", "a.mbox", "a.txt"):
        message.add_attachment(b"x", "application", "octet-stream", filename=name)
    read(message)
    assert [path.suffix for path in asked] == [".txt"] and not asked[0].parent.exists()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"just some words, with a colon: here", "is no e-mail"),
        (b"<html>", "is no e-mail"),
        (b" \n", "is empty"),
        (b"\x89PNG\r\n\x1a\n", "PNG image"),
        (b"Subject: s\nContent-Type: multipart/encrypted; boundary=b\n\n--b\n\nx\n--b--", "is encrypted"),
        (b"Subject: s\nContent-Type: application/pkcs7-mime; smime-type=enveloped-data\n\nMIIB", "is encrypted"),
        (b"Subject: s\nContent-Type: text/html\n\n" + b"<div>" * 20_000, "nested too deeply"),
    ],
)
def test_no_mail_and_unreadable_mail(read: Read, data: bytes, message: str) -> None:
    with pytest.raises(LoaderError, match=message):
        read(data)


def test_a_broken_mail_is_read_as_far_as_it_goes(read: Read) -> None:
    message = alternative("正文，纯文本的一段。" * 30, PAGE)
    message.add_attachment(b"x" * 3000, "application", "pdf", filename="a.pdf")
    data = message.as_bytes()
    document = read(data[: data.index(b"a.pdf") + 300])
    assert "纯文本的一段" in document.text and "a.pdf" in document.metadata["unread_attachments"]


def test_a_mark_and_empty_lines_on_top(read: Read) -> None:
    assert read(b"\xef\xbb\xbf\r\n\r\nSubject: s\r\n\r\nx\r\n").text == "Subject: s\n\nx"


# -- what is made to hang ---------------------------------------------------------------------------------------------


def nested(depth: int) -> bytes:
    opening = "".join(f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(depth))
    return f"Subject: s\n{opening}\nthe end\n".encode()


@pytest.mark.parametrize("depth", [60, 400, 5_000])
def test_deeply_nested_parts(read: Read, depth: int) -> None:
    started = time.monotonic()
    with pytest.raises(LoaderError, match="nested too deeply"):
        read(nested(depth))
    assert time.monotonic() - started < 5
    assert read(nested(20)).text.endswith("the end")


def test_deeply_nested_messages(read: Read) -> None:
    started = time.monotonic()
    with pytest.raises(LoaderError, match="nested too deeply"):
        read(b"Subject: s\n" + b"Content-Type: message/rfc822\n\n" * 5_000)
    assert time.monotonic() - started < 5


def test_ten_thousand_attachments(read: Read) -> None:
    part = "--b\nContent-Type: text/plain\nContent-Disposition: attachment; filename=f{}.txt\n\nwords\n"
    data = "Subject: s\nContent-Type: multipart/mixed; boundary=b\n\n" + "".join(part.format(n) for n in range(10_000))
    started = time.monotonic()
    document = read(f"{data}--b--".encode())
    assert time.monotonic() - started < 8
    assert "f199.txt, ... (9,800 more)" in document.text and len(document.headings) == eml.MAX_READ
    assert len(document.text) < 10_000 and len(document.metadata["unread_attachments"]) <= 2_000


def test_bounds_on_parts_and_attached_text(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    message = mail("x")
    for name in ("a.txt", "b.txt"):
        message.add_attachment(b"y" * 600, "text", "plain", filename=name)
    monkeypatch.setattr(eml, "MAX_CHARACTERS", 1_000)
    document = read(message)
    assert document.text.endswith("\n\na.txt\n\n" + "y" * 600)
    assert document.metadata["unread_attachments"] == "b.txt (the attachments hold more than 1,000 characters)"
    monkeypatch.setattr(eml, "MAX_ATTACHMENT", 500)
    assert "too large" in read(message).metadata["unread_attachments"]
    monkeypatch.setattr(eml_parts, "MAX_PARTS", 2)
    with pytest.raises(LoaderError, match="more than 2 parts"):
        read(message)
    monkeypatch.setattr(eml, "MAX_MAIL", 100)
    with pytest.raises(LoaderError, match="too large"):
        read(message)


def test_time_is_bounded(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eml, "MAX_SECONDS", -1)
    with pytest.raises(LoaderError, match="more than -1 seconds"):
        read(mail("x"))


def test_attachments_for_which_no_time_is_left(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    message = mail("正文。")
    for name in ("a.txt", "b.txt"):
        message.add_attachment("文件", filename=name)
    now = time.monotonic()
    monkeypatch.setattr(
        eml, "load", lambda path, limit: monkeypatch.setattr(eml_parts, "time", late) or ParsedDocument("x")
    )

    class late:
        @staticmethod
        def monotonic() -> float:
            return now + 1000

    document = read(message)
    assert document.text.endswith("正文。\n\na.txt\n\nx")
    assert document.metadata["unread_attachments"].startswith("b.txt (a-mail.eml takes more than 120 seconds")


def test_nested_compression(read: Read) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", bytes(20 << 20))
    message = mail("见附件。")
    message.add_attachment(buffer.getvalue(), "application", "octet-stream", filename="bomb.docx")
    document = read(message)
    assert "decompression bomb" in document.metadata["unread_attachments"] and document.text.endswith("见附件。")


MEGABYTES = 10 * 1000 * 1000


@pytest.mark.parametrize(
    "data",
    [
        b"Subject: s\n\n" + b"x " * (MEGABYTES // 2),
        b"Subject: " + b"x " * (MEGABYTES // 2) + b"\n\nx",
        b"Subject: " + b"=?utf-8?q?a?= " * (MEGABYTES // 14) + b"\n\nx",
        b"Subject: s\nTo: " + b"(" * MEGABYTES + b"\n\nx",
        b"Subject: s\nTo: " + b"a@b.c,\n " * (MEGABYTES // 8) + b"\n\nx",
        b"Subject: s\nContent-Type: text/plain" + b';a="\\' * (MEGABYTES // 5) + b"\n\nx",
        b"Subject: s\n" + b"A: b\n" * (MEGABYTES // 25) + b"\nx",
        b"Subject: s\nContent-Transfer-Encoding: base64\n\n" + b"QUJD" * (MEGABYTES // 4),
        b"Subject: s\nContent-Transfer-Encoding: quoted-printable\n\n" + b"=41" * (MEGABYTES // 3),
        b"Subject: s\nContent-Type: text/plain; charset=punycode\n\n" + b"a-" + b"b9" * (MEGABYTES // 20),
        b"Subject: s\nContent-Type: text/html\n\n" + b"<a " * 300_000,
    ],
    ids="line subject words comments recipients parameters fields base64 quoted punycode tags".split(),
)
def test_hostile_sizes(read: Read, data: bytes) -> None:
    started = time.monotonic()
    document = read(data)
    assert time.monotonic() - started < 8
    assert document.text.startswith(("Subject: ", "To: "))


def test_many_parts_with_costly_parameters(read: Read) -> None:
    part = "--b\nContent-Type: application/x-odd" + ';a="\\' * 400 + "\n\nx\n"
    started = time.monotonic()
    read(f"Subject: s\nContent-Type: multipart/mixed; boundary=b\n\n{part * 1_000}--b--".encode())
    assert time.monotonic() - started < 8


def test_an_ordinary_megabyte_takes_no_time(read: Read) -> None:
    message = mail("这是一段普通的文字，and some English words.\n" * 8_000)
    message.add_attachment(bytes(range(256)) * 2_000, "application", "x-odd", filename="a.odd")
    started = time.monotonic()
    assert len(read(message).text) > 250_000
    assert time.monotonic() - started < 3


def test_the_table_of_loaders_is_what_attachments_are_read_by() -> None:
    assert eml.SUPPORTED_SUFFIXES is base.SUPPORTED_SUFFIXES and eml.load is base.load
