"""The table of loaders, and what every loader refuses before it parses anything."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ingest.loaders import SUPPORTED_SUFFIXES, load
from ragbot.errors import LoaderError

ROOT = Path(__file__).resolve().parents[3]


def write(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def test_supported_suffixes_are_lower_case_and_hold_the_promised_ones() -> None:
    assert {".txt", ".text", ".log", ".md", ".markdown", ".html", ".htm", ".pdf", ".docx"} <= SUPPORTED_SUFFIXES
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in SUPPORTED_SUFFIXES)


def test_the_table_has_every_suffix_of_code() -> None:
    from ingest.loaders.base import _CODE_SUFFIXES
    from ingest.loaders.code.loader import SYNTAXES

    assert set(SYNTAXES) == set(_CODE_SUFFIXES)


def test_suffix_is_taken_in_any_case(tmp_path: Path) -> None:
    assert load(write(tmp_path, "A.TXT", b"hello there")).text == "hello there"


def test_parsers_are_imported_only_when_used() -> None:
    code = "import sys, ingest.loaders; print([m for m in ('docx', 'pptx', 'pypdfium2', 'selectolax', 'docutils', 'tree_sitter', 'PIL') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("name", "advice"), [("a.doc", "save it as .docx"), ("a.xyz", "supported are .bash"), ("README", "'(none)'")]
)
def test_unsupported_suffix_says_what_to_do(tmp_path: Path, name: str, advice: str) -> None:
    with pytest.raises(LoaderError, match="no loader reads") as caught:
        load(write(tmp_path, name, b"text"))
    assert advice in str(caught.value) and name in str(caught.value)


PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"


@pytest.mark.parametrize("name", ["notes.txt", "notes.md", "notes.html"])
@pytest.mark.parametrize(
    ("data", "message"),
    [
        (PNG, r"looks like binary \(PNG image\), not text"),
        # The time would stand in the header, and so in the names of the tests, which each worker makes itself.
        (gzip.compress(b"text", mtime=0), r"looks like binary \(gzip archive\)"),
        (b"\x7fELF\x02\x01\x01", r"looks like binary \(ELF program\)"),
        (b"{\\rtf1 hello}", r"looks like binary \(RTF document\)"),
        (b"%PDF-1.7\n1 0 obj", r"PDF document\), not text: rename it to notes\.pdf"),
        (b"abc\x00def\x01\x02\x03 and some more bytes", r"looks like binary \(NUL bytes\)"),
        (bytes(range(1, 9)) * 20, r"looks like binary \(too many control characters\)"),
    ],
)
def test_binary_content_under_a_text_name(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    with pytest.raises(LoaderError, match=message):
        load(write(tmp_path, name, data))


def test_docx_under_a_text_name_is_told_its_right_name(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("word/document.xml", "<x/>")
    with pytest.raises(LoaderError, match=r"Word document\), not text: rename it to letter\.docx"):
        load(path)


@pytest.mark.parametrize("suffix", ["pdf", "docx"])
def test_text_under_the_name_of_a_binary_format(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(LoaderError, match=f"is not a {suffix.upper()} file"):
        load(write(tmp_path, f"a.{suffix}", b"just some words"))


def test_pdf_and_docx_exchanged(tmp_path: Path) -> None:
    with pytest.raises(LoaderError, match=r"PDF document.*rename it to a\.pdf"):
        load(write(tmp_path, "a.docx", b"%PDF-1.7\n"))
    with pytest.raises(LoaderError, match="PNG image"):
        load(write(tmp_path, "a.pdf", PNG))


def test_a_text_that_speaks_of_pdf_is_text(tmp_path: Path) -> None:
    text = "A PDF begins with %PDF-1.7 in its first bytes."
    assert load(write(tmp_path, "a.txt", text.encode())).text == text


@pytest.mark.parametrize("suffix", sorted(SUPPORTED_SUFFIXES))
def test_empty_file(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(LoaderError, match="is empty"):
        load(write(tmp_path, f"a{suffix}", b""))


@pytest.mark.parametrize("suffix", [".txt", ".md", ".html"])
def test_only_white_space_is_empty(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(LoaderError, match="is empty"):
        load(write(tmp_path, f"a{suffix}", b" \n\t\r\n"))


def test_size_bound(tmp_path: Path) -> None:
    path = write(tmp_path, "a.txt", b"x" * 101)
    assert load(path, max_bytes=101).text == "x" * 101
    with pytest.raises(LoaderError, match=r"too large.*max_bytes"):
        load(path, max_bytes=100)


def test_missing_file_folder_and_pipe(tmp_path: Path) -> None:
    with pytest.raises(LoaderError, match="cannot be read") as caught:
        load(tmp_path / "none.txt")
    assert isinstance(caught.value.__cause__, FileNotFoundError)
    (tmp_path / "folder.txt").mkdir()
    with pytest.raises(LoaderError, match="not a regular file"):
        load(tmp_path / "folder.txt")
    os.mkfifo(tmp_path / "pipe.txt")
    with pytest.raises(LoaderError, match="not a regular file"):
        load(tmp_path / "pipe.txt")
