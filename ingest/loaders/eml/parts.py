"""The parts of an e-mail (RFC 2045 to 2049, 5322): which of them are its body, which are attached."""

from __future__ import annotations

import dataclasses
import email.parser
import time
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import Message
from email.policy import Compat32
from pathlib import Path

from ingest.loaders.cleaning import clean
from ingest.loaders.eml.fields import decode_bytes, decode_words, field
from ingest.loaders.epub.page import Page, read_page
from ragbot.errors import LoaderError

MAX_FIELD = 16 * 1024  # characters of a header field that are kept (with one more line at most): some 300 recipients
MAX_PARAMETERS = 2 * 1024  # of one with parameters, whose parser takes the square of their number
MAX_DEPTH = 50  # of parts in parts; real mail has three or four
MAX_PARTS = 20_000
MAX_NAME = 200
_BLOCK = 16 * 1024  # bytes between two looks at the clock
# A plain version this short beside a page this much longer is the note that there is a page.
_STUB, _STUB_RATIO = 200, 5
_TEXTS = frozenset(("text/plain", "text/html"))
_MESSAGES = frozenset(("message/rfc822", "message/global"))
_SIGNATURES = frozenset(
    ("application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature")
)  # fmt: skip
_ENCRYPTED = frozenset(("multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime"))


class _Bounded(Compat32):
    """The standard library's policy, with each field's length bounded before anything looks into it, and its bytes kept."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name = sourcelines[0].partition(":")[0]
        limit = MAX_PARAMETERS if name.lower().startswith("content-") else MAX_FIELD
        kept, length = [], 0
        for line in sourcelines:
            kept.append(line[: limit + len(name) + 1])
            length += len(line)
            if length > limit:
                break
        return super().header_source_parse(kept)

    def header_fetch_parse(self, name: str, value: str) -> str:
        return value  # the original replaces every byte beyond ASCII


class Clock:
    """What is left of the time that one file may take."""

    def __init__(self, seconds: float, path: Path) -> None:
        self._seconds = seconds
        self._path = path
        self._deadline = time.monotonic() + seconds

    def check(self) -> None:
        """Raise LoaderError where the time is over."""
        if time.monotonic() > self._deadline:
            raise LoaderError(
                f"{self._path.name} takes more than {self._seconds:g} seconds to read, which no real e-mail does: "
                "save its text or its attachments instead"
            )


@dataclass(frozen=True, slots=True)
class Attachment:
    """A part that is attached, and the name that it goes by: a message's without a file name is its subject."""

    part: Message
    name: str


@dataclass(slots=True)
class Parts:
    """A message taken apart: the pieces of its body in order, and what is attached to it."""

    body: list[Page] = dataclasses.field(default_factory=list)
    attached: list[Attachment] = dataclasses.field(default_factory=list)


def parse(data: bytes, path: Path, clock: Clock) -> Message:
    """The message as a tree of parts.

    Raises:
        LoaderError: its parts are nested too deeply, or it takes too long.
    """
    parser = email.parser.BytesFeedParser(policy=_Bounded())
    try:
        for start in range(0, len(data), _BLOCK):
            parser.feed(data[start : start + _BLOCK])
            clock.check()
        return parser.close()
    except RecursionError as error:
        raise _too_deep(path) from error


def take_apart(message: Message, path: Path, clock: Clock) -> Parts:
    """Which parts are the body, and which are attached.

    Of alternatives, plain text is preferred, as it is what the sender's program thinks the words are; a page is taken
    where there is no plain text, or only a note that there is a page.

    Raises:
        LoaderError: the parts are too many or nested too deeply, it is encrypted, or a page in it is hostile.
    """
    if message.get_content_type() in _ENCRYPTED and message.get_param("smime-type") != "signed-data":
        raise LoaderError(f"{path.name} is encrypted: open it in a mail program and save it decrypted")
    parts = Parts()
    pages: dict[int, Page] = {}
    count = 0
    # Each part with its depth, whether it belongs to a page (pictures), and whether its text is the one chosen.
    stack: list[tuple[Message, int, bool, bool]] = [(message, 0, False, True)]
    while stack:
        part, depth, related, chosen = stack.pop()
        count += 1
        clock.check()
        if count > MAX_PARTS:
            raise LoaderError(f"{path.name} holds more than {MAX_PARTS:,} parts: save its attachments instead")
        if depth > MAX_DEPTH:
            raise _too_deep(path)
        kind = part.get_content_type()
        if kind.startswith("multipart/"):
            children = _children(part)
            best = _best(children, pages, path) if kind == "multipart/alternative" and chosen else None
            for child in reversed(children):
                stack.append((child, depth + 1, kind == "multipart/related", chosen and (best or child) is child))
        elif _is_text(part):
            if chosen:
                parts.body.append(_read_text(part, pages, path))
        elif kind not in _SIGNATURES and not (related and _is_inline_picture(part, kind)):
            parts.attached.append(Attachment(part, _name_of(part)))
    return parts


def content_of(part: Message) -> bytes:
    """The bytes of an attachment."""
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def message_in(attachment: Attachment) -> Message | bytes | None:
    """The message that is attached, or its bytes where they were packed; None where it is none."""
    part = attachment.part
    if part.get_content_type() not in _MESSAGES:
        return content_of(part) if attachment.name.lower().endswith(".eml") else None
    inner = next(iter(_children(part)), None)
    encoding = str(part.get("content-transfer-encoding", "")).strip().lower()
    if inner is None or inner.keys() or encoding not in ("base64", "quoted-printable"):
        return inner
    packed = Message()  # against RFC 2046, section 5.2.1, and met with
    packed["Content-Transfer-Encoding"] = encoding
    packed.set_payload(inner.get_payload())
    return content_of(packed)


def _name_of(part: Message) -> str:
    raw = part.get_filename() or ""
    # Only the name itself: what folder it lay in, and whether that leads out of ours, does not matter.
    name = decode_words(" ".join(raw.split())).replace("\\", "/").rpartition("/")[2].strip()
    if not name and part.get_content_type() in _MESSAGES and (children := _children(part)):
        name = field(children[0], "Subject")
    return name[-MAX_NAME:] or f"({clean(part.get_content_type())[:MAX_NAME]})"


def _children(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [child for child in payload if isinstance(child, Message)] if isinstance(payload, list) else []


def _is_text(part: Message) -> bool:
    return (
        part.get_content_type() in _TEXTS and not part.get_filename() and part.get_content_disposition() != "attachment"
    )


def _is_inline_picture(part: Message, kind: str) -> bool:
    return kind.startswith("image/") and part.get_content_disposition() != "attachment"


def _best(children: Sequence[Message], pages: dict[int, Page], path: Path) -> Message | None:
    """The version of the text to be read."""
    found: dict[str, tuple[int, Message]] = {}
    for child in sorted(children, key=lambda child: child.get_content_type() != "text/plain"):
        text = _first_text(child)
        if text is None:
            continue
        kind = text.get_content_type()
        if kind not in found and found.get("text/plain", (0, None))[0] < _STUB:
            length = len(_read_text(text, pages, path).text.strip())
            if length:
                found[kind] = (length, child)
    plain, html = found.get("text/plain"), found.get("text/html")
    if plain and html and html[0] > _STUB_RATIO * plain[0]:
        return html[1]
    return (plain or html or (0, None))[1]


def _first_text(part: Message) -> Message | None:
    """The part itself, or the text that it begins with."""
    for _ in range(MAX_DEPTH):
        if _is_text(part):
            return part
        children = _children(part)
        if not children:
            return None
        part = children[0]
    return None


def _read_text(part: Message, pages: dict[int, Page], path: Path) -> Page:
    """The text of a part; ``pages`` keeps those that were read to choose between alternatives."""
    if id(part) not in pages:
        text = decode_bytes(content_of(part), str(part.get_content_charset("")))
        if part.get_content_type() == "text/html":
            pages[id(part)] = read_page(text, path)
        elif str(part.get_param("format", "")).lower() == "flowed":
            pages[id(part)] = Page(unflowed(text, str(part.get_param("delsp", "")).lower() == "yes"), ())
        else:
            pages[id(part)] = Page(text, ())
    return pages[id(part)]


def unflowed(text: str, delete_space: bool) -> str:
    """Lines of ``format=flowed`` put together again to paragraphs (RFC 3676)."""
    lines: list[str] = []
    open_depth = -1  # how deep the quote is that the last line, which flows on, stands in
    for line in text.split("\n"):
        quoted = line.lstrip(">")
        depth = len(line) - len(quoted)
        quoted = quoted.removeprefix(" ")
        flows = quoted.endswith(" ") and quoted != "-- "  # the line above a signature stands for itself
        kept = quoted[:-1] if flows and delete_space else quoted
        if depth == open_depth and quoted != "-- ":
            lines[-1] += kept
        else:
            lines.append(">" * depth + (" " if depth else "") + kept)
        open_depth = depth if flows else -1
    return "\n".join(lines)


def _too_deep(path: Path) -> LoaderError:
    return LoaderError(
        f"{path.name} is nested too deeply (parts in parts, more than {MAX_DEPTH}), which no real e-mail is: "
        "save its text or its attachments instead"
    )
