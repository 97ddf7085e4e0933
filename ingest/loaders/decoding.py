"""From bytes to text: which encoding a file without a declaration is in.

charset-normalizer needs some length to be sure; on a line or two of Chinese it answers Korean or Shift-JIS. So the
encodings of East Asia are judged here, by how many of the decoded characters are common ones in that encoding, and
charset-normalizer is asked only for the single-byte ones.
"""

from __future__ import annotations

import codecs
import logging
import re
from dataclasses import dataclass

from charset_normalizer import from_bytes

from ingest.loaders.east_asian import best_east_asian

_SAMPLE = 64 * 1024
# The longer marks first: UTF-32's begins with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# What pages declare, and the superset that they are really written in (WHATWG Encoding, section 4.2).
_SUPERSETS = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "iso8859-1": "cp1252",
    "ascii": "utf-8",
}
_SINGLE_BYTE = frozenset(
    "cp1250 cp1251 cp1253 cp1254 cp1255 cp1256 iso8859_2 iso8859_5 iso8859_7 koi8_r koi8_u".split()
)
_CONTROL = re.compile(r"[\x00-\x07\x0e-\x1a\x1c-\x1f]")
_PLAUSIBLE = re.compile(
    r"[\t\n\r -~\u00a0-\u024f\u0370-\u04ff\u2010-\u203b\u3000-\u30ff\u4e00-\u9fff\uac00-\ud7a3\uff00-\uffef]"
)
# Damage that is put up with: one bad sequence in a hundred characters that are not ASCII.
_MAX_DAMAGE = 0.01


class BinaryContentError(ValueError):
    """The bytes are no text in any encoding."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """Text, the encoding that it was in, and how many sequences were replaced by U+FFFD as they were damaged."""

    text: str
    encoding: str
    damaged: int = 0


def decode(data: bytes, declared: str = "") -> Decoded:
    """Decode ``data``: byte order mark, then the ``declared`` encoding, then UTF-8, then by what the bytes look like.

    Raises:
        BinaryContentError: NUL bytes outside UTF-16 and UTF-32, or too many control characters.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            marked = _tolerant(data[len(mark) :], encoding)
            if marked is None or "\x00" in marked.text:
                raise BinaryContentError(f"a byte order mark of {encoding}, but not its text")
            return marked
    if b"\x00" in data:
        return _wide_without_mark(data)
    decoded = _declared(data, declared) or _tolerant(data, "utf-8") or _east_asian(data) or _single_byte(data)
    sample = decoded.text[:_SAMPLE]
    if len(_CONTROL.findall(sample)) > max(4, 0.02 * len(sample)):
        raise BinaryContentError("too many control characters")
    return decoded


#: Codecs of Python's that no text is in; the time of punycode grows with the square of the length.
NO_CHARSETS = frozenset({"punycode", "idna", "undefined", "unicode_escape", "raw_unicode_escape"})


def _declared(data: bytes, declared: str) -> Decoded | None:
    try:
        name = codecs.lookup(declared.strip()).name if declared.strip() else ""
    except (LookupError, ValueError):
        return None
    # A page that was read as bytes of one-byte units cannot be in UTF-16, whatever it says.
    if not name or name in NO_CHARSETS or name.startswith(("utf-16", "utf-32")):
        return None
    name = _SUPERSETS.get(name, name)
    if name == "cp1252" and data.isascii() is False:
        # Servers and templates declare Latin-1 by default; bytes that are UTF-8 are hardly ever anything else.
        return _strict(data, "utf-8") or _tolerant(data, name)
    try:
        return _tolerant(data, name)
    except (LookupError, UnicodeError):  # a codec of Python's that is none for text, such as base64
        return None


def _strict(data: bytes, encoding: str) -> Decoded | None:
    try:
        return Decoded(data.decode(encoding), encoding)
    except UnicodeDecodeError:
        return None


def _tolerant(data: bytes, encoding: str) -> Decoded | None:
    strict = _strict(data, encoding)
    if strict is not None:
        return strict
    text = data.decode(encoding, errors="replace")
    damaged = text.count("\ufffd")
    foreign = sum(1 for character in text if character > "\x7f")
    return Decoded(text, encoding, damaged) if damaged <= _MAX_DAMAGE * foreign else None


def _east_asian(data: bytes) -> Decoded | None:
    encoding = best_east_asian(data[:_SAMPLE])
    return _tolerant(data, encoding) if encoding else None


def _single_byte(data: bytes) -> Decoded:
    logging.getLogger("charset_normalizer").addHandler(logging.NullHandler())
    western = data[:_SAMPLE].decode("cp1252", errors="ignore")
    encoding = "cp1252"
    # With curly quotes, dashes and currency signs alone there is no language to tell an alphabet by.
    if any(character > "\x7f" and character.isalpha() for character in western):
        guess = from_bytes(data[:_SAMPLE]).best()
        encoding = guess.encoding if guess is not None and guess.encoding in _SINGLE_BYTE else encoding
    # Latin-1 maps every byte, so this always ends.
    return _strict(data, encoding) or _strict(data, "cp1252") or Decoded(data.decode("latin-1"), "latin-1")


def _wide_without_mark(data: bytes) -> Decoded:
    for encoding, width in (("utf-32-le", 4), ("utf-32-be", 4), ("utf-16-le", 2), ("utf-16-be", 2)):
        if len(data) % width:
            continue
        decoded = _strict(data, encoding)
        sample = decoded.text[:_SAMPLE] if decoded else ""
        if decoded and "\x00" not in decoded.text and len(_PLAUSIBLE.findall(sample)) >= 0.97 * len(sample):
            return decoded
    raise BinaryContentError("NUL bytes")
