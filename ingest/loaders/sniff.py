"""What a file is, by its first bytes: enough to refuse a picture named notes.txt with a message that says so."""

from __future__ import annotations

import io
import struct
import zipfile
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """A recognised binary format; ``suffix`` is set where a loader of ours reads it under that suffix."""

    name: str
    suffix: str = ""


_PDF = Kind("PDF document", ".pdf")
_DOCX = Kind("Word document", ".docx")
_EPUB = Kind("EPUB book", ".epub")

# (offset, magic bytes, kind). Only signatures that no ordinary text can begin with, "{\rtf" and "%PDF" excepted:
# those are text by bytes but not by content.
_MAGIC: tuple[tuple[int, bytes, Kind], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", Kind("PNG image", ".png")),
    (0, b"\xff\xd8\xff", Kind("JPEG image", ".jpg")),
    (0, b"GIF87a", Kind("GIF image")),
    (0, b"GIF89a", Kind("GIF image")),
    (0, b"II*\x00", Kind("TIFF image", ".tif")),
    (0, b"MM\x00*", Kind("TIFF image", ".tif")),
    (8, b"WEBPVP8", Kind("WebP image", ".webp")),
    (8, b"WAVEfmt ", Kind("WAV audio")),
    (4, b"ftyp", Kind("MP4 video")),
    (0, b"ID3\x02", Kind("MP3 audio")),
    (0, b"ID3\x03", Kind("MP3 audio")),
    (0, b"ID3\x04", Kind("MP3 audio")),
    (0, b"OggS\x00", Kind("Ogg media")),
    (0, b"fLaC\x00", Kind("FLAC audio")),
    (0, b"\x1aE\xdf\xa3", Kind("Matroska video")),
    (0, b"\x1f\x8b\x08", Kind("gzip archive")),
    (0, b"BZh91AY&SY", Kind("bzip2 archive")),
    (0, b"\xfd7zXZ\x00", Kind("xz archive")),
    (0, b"7z\xbc\xaf\x27\x1c", Kind("7-Zip archive")),
    (0, b"Rar!\x1a\x07", Kind("RAR archive")),
    (0, b"(\xb5/\xfd", Kind("Zstandard archive")),
    (257, b"ustar", Kind("tar archive")),
    (0, b"\x7fELF", Kind("ELF program")),
    (0, b"MZ\x90\x00", Kind("Windows program")),
    (0, b"SQLite format 3\x00", Kind("SQLite database")),
    (0, b"PAR1\x15", Kind("Parquet table")),
    (0, b"{\\rtf", Kind("RTF document")),
)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_STREAM = "EncryptedPackage".encode("utf-16-le")


def sniff(data: bytes) -> Kind | None:
    """The kind that ``data``'s signature names, or None where it has none that we know (as text has none)."""
    for offset, magic, kind in _MAGIC:
        if data.startswith(magic, offset):
            return kind
    if data.startswith(b"PK\x03\x04") or data.startswith(b"PK\x05\x06"):
        return _zip_kind(data)
    if data.startswith(_OLE):
        encrypted = _ENCRYPTED_STREAM in data
        return Kind("encrypted Office document" if encrypted else "legacy Office document")
    # Readers accept up to 1 KiB before the header (ISO 32000-1, annex H.3.4.1), but a text that merely speaks of
    # "%PDF-" is no PDF: beyond the first bytes, the trailer must be there as well.
    if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"%PDF-"):
        return _PDF
    if b"%PDF-" in data[:1024] and b"%%EOF" in data[-2048:]:
        return _PDF
    return None


def _zip_kind(data: bytes) -> Kind:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, struct.error, ValueError, EOFError, OSError, NotImplementedError):
        return Kind("damaged ZIP archive")
    if "word/document.xml" in names:
        return _DOCX
    for part, kind in (
        ("xl/workbook.xml", Kind("Excel workbook", ".xlsx")),
        ("ppt/presentation.xml", Kind("PowerPoint presentation", ".pptx")),
    ):
        if part in names:
            return kind
    if any(name.lower() == "meta-inf/container.xml" for name in names):
        return _EPUB
    return _DOCX if "_rels/.rels" in names and "[Content_Types].xml" in names else Kind("ZIP archive")
