"""Header fields of an e-mail as people wrote them: encoded words, bytes without a declared charset, dates.

The standard library's modern header parser (``policy.default``) is not used: it takes the square of a long field's
length, raises whatever its grammar did not foresee, and loses Chinese subjects whose characters are split between two
encoded words or go beyond the GB 2312 that they declare, as most senders' do.
"""

from __future__ import annotations

import binascii
import codecs
import datetime
import email.utils
import re
from email.message import Message

from ingest.loaders.cleaning import clean
from ingest.loaders.decoding import BinaryContentError, decode
from ingest.loaders.fields import iso_day

# Codecs of Python's that no mail is in; the work of punycode grows with the square of the length.
_NO_CHARSETS = frozenset("punycode idna undefined unicode_escape raw_unicode_escape".split())
# White space inside an encoded word, or none around it, is against RFC 2047 (section 5), and common.
_ENCODED_WORD = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?\n]*+)\?=")


def field(message: Message, name: str) -> str:
    """The decoded field ``name`` on one line, "" where there is none."""
    return decode_words(raw_field(message, name))


def raw_field(message: Message, name: str) -> str:
    """The field ``name`` unfolded and not decoded; bytes beyond ASCII are lone surrogates, as the parser left them."""
    return " ".join(str(message.get(name, "")).split())


def decode_words(raw: str) -> str:
    """RFC 2047's encoded words, and bytes without any declaration, as text on one line."""
    parts: list[str] = []
    charset, pending = "", b""  # neighbours of one charset are joined before they are decoded
    end = 0
    for match in _ENCODED_WORD.finditer(raw):
        between = raw[end : match.start()]
        end = match.end()
        name = match[1].partition("*")[0].lower()
        if between.strip() or not pending or name != charset:
            parts.append(decode_bytes(pending, charset))
            # White space between two encoded words only keeps them apart.
            parts.append(_undeclared(between) if between.strip() or not pending else "")
            charset, pending = name, b""
        pending += _unpacked(match[2].lower(), match[3]) or _bytes(match[0])
    parts.append(decode_bytes(pending, charset))
    parts.append(_undeclared(raw[end:]))
    return " ".join("".join(parts).split())


def decode_bytes(data: bytes, charset: str) -> str:
    """``data`` as clean text in whatever charset it is really in; damage becomes U+FFFD, NULs are dropped."""
    if not data:
        return ""
    declared = charset.strip().strip("\"'")
    try:
        if codecs.lookup(declared).name in _NO_CHARSETS:
            declared = ""
    except (LookupError, ValueError):
        declared = ""
    try:
        text = decode(data, declared).text
    except BinaryContentError:
        text = data.replace(b"\0", b"").decode("utf-8", errors="replace")
    return clean(text)


def day(message: Message) -> str | None:
    """The day of the Date field where the sender was, in ISO 8601."""
    parsed = email.utils.parsedate(raw_field(message, "Date"))
    try:
        return datetime.date(*parsed[:3]).isoformat() if parsed else iso_day(field(message, "Date"))
    except (ValueError, OverflowError):
        return None


def _unpacked(encoding: str, packed: str) -> bytes:
    data = _bytes(packed)
    try:
        return binascii.a2b_qp(data, header=True) if encoding == "q" else binascii.a2b_base64(data + b"==")
    except binascii.Error:
        return b""


def _undeclared(part: str) -> str:
    return decode_bytes(_bytes(part), "")


def _bytes(part: str) -> bytes:
    return part.encode("utf-8", errors="surrogateescape")
