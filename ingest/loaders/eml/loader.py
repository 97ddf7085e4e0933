"""E-mail (.eml, RFC 5322 and MIME): the main header fields, the body, and what is attached and can be read.

Nothing that a mail refers to is fetched, and no attachment is opened but by our own loaders.
"""

from __future__ import annotations

import tempfile
from email.message import Message
from pathlib import Path, PurePosixPath

from ingest.loaders.base import SUPPORTED_SUFFIXES, load
from ingest.loaders.eml.fields import day, field
from ingest.loaders.eml.parts import Attachment, Clock, Parts, content_of, message_in, parse, take_apart
from ingest.loaders.epub.text import JoinedText
from ingest.loaders.fields import pick_language, pick_title
from ingest.loaders.source import DEFAULT_MAX_BYTES, empty, read_source
from ragbot.documents import ParsedDocument
from ragbot.errors import LoaderError, RagbotError

MAX_MAIL = 64 * 1024 * 1024  # servers take 25 to 50; the parser holds some ten times a mail's size
MAX_SECONDS = 120  # a megabyte takes a tenth of one; pictures and scans that are attached take the most
MAX_NESTED = 5  # a mail forwarded in a mail forwarded in ...
MAX_READ = 100  # attachments whose text is read
MAX_NAMED = 200  # attachments whose names are listed
MAX_ATTACHMENT = 32 * 1024 * 1024
MAX_CHARACTERS = 20_000_000  # of all attachments
_MAX_FIELD = 2_000  # characters of a field that are shown: some 40 recipients
_MAX_UNREAD = 2_000
_SHOWN = ("From", "To", "Cc", "Date", "Subject")
# A text without any of these is no e-mail.
_EXPECTED = ("From", "Subject", "Date", "Message-ID", "Received", "MIME-Version")
# These hold files of their own: they are not opened, so that depth stays bounded here.
_CONTAINERS = frozenset((".eml", ".mbox", ".msg", ".zip"))
_SUFFIXES = {"text/plain": ".txt", "text/html": ".html", "text/csv": ".csv", "application/pdf": ".pdf"}


class EmlLoader:
    """Reads an e-mail: its fields as the first lines, its body, then each attachment under its name as a heading.

    ``metadata`` holds the sender as author, and the attachments that should have been readable but were not.
    """

    def __init__(self, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        self._max_bytes = max_bytes

    def load(self, path: Path) -> ParsedDocument:
        """See :meth:`ingest.loaders.base.Loader.load`."""
        data = read_source(path, "text", min(self._max_bytes, MAX_MAIL)).removeprefix(b"\xef\xbb\xbf").lstrip()
        if not data:
            raise empty(path)
        clock = Clock(MAX_SECONDS, path)
        message = parse(data, path, clock)
        if not any(message.get(name) for name in _EXPECTED):
            raise LoaderError(
                f"{path.name} is no e-mail (it has none of the fields {', '.join(_EXPECTED)}): save it again as .eml, "
                "or rename it to .txt"
            )
        text = _MailText(path, clock)
        text.add_message(message, take_apart(message, path, clock), 0)
        subject, sender = field(message, "Subject"), field(message, "From")[:300]
        metadata = {"author": sender} if sender else {}
        if text.unread:
            metadata["unread_attachments"] = "; ".join(text.unread)[:_MAX_UNREAD]
        return ParsedDocument(
            text=text.builder.text,
            title=pick_title(subject, (), path),
            type="eml",
            # The names and addresses on top are in nobody's language.
            language=pick_language(
                field(message, "Content-Language"), f"{subject}\n{text.builder.text[text.body_start :]}"
            ),
            date=day(message),
            headings=tuple(text.builder.headings),
            metadata=metadata,
        )


class _MailText:
    """The text of a mail as it grows, and what is left to be read of its attachments."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.builder = JoinedText()
        self.unread: list[str] = []
        self.body_start = 0
        self._path = path
        self._clock = clock
        self._reads = MAX_READ
        self._characters = MAX_CHARACTERS

    def add_message(self, message: Message, parts: Parts, depth: int) -> None:
        """Append a message that stands in ``depth`` others."""
        lines = [f"{name}: {_shortened(value)}" for name in _SHOWN if (value := field(message, name))]
        names = [attachment.name for attachment in parts.attached[:MAX_NAMED]]
        if len(parts.attached) > MAX_NAMED:
            names.append(f"... ({len(parts.attached) - MAX_NAMED:,} more)")
        if names:
            lines.append(f"Attachments: {', '.join(names)}")
        self.builder.add("\n".join(lines))
        self.body_start = self.body_start or self.builder.length
        for page in parts.body:
            self.builder.include(page.text, page.headings, depth)
        for attachment in parts.attached:
            try:
                self._clock.check()  # what was read so far counts, though the rest takes too long
                self._add_attachment(attachment, depth + 1)
            except RagbotError as error:
                self.unread.append(f"{attachment.name} ({error})")

    def _add_attachment(self, attachment: Attachment, depth: int) -> None:
        inner = message_in(attachment)
        if inner is not None:
            if depth > MAX_NESTED:
                raise LoaderError(f"messages in messages are read {MAX_NESTED} deep")
            self._count()
            message = parse(inner, self._path, self._clock) if isinstance(inner, bytes) else inner
            parts = take_apart(message, self._path, self._clock)
            self.builder.heading(attachment.name, depth)
            self.add_message(message, parts, depth)
            return
        suffix = PurePosixPath(attachment.name).suffix.lower() or _SUFFIXES.get(attachment.part.get_content_type(), "")
        if suffix in SUPPORTED_SUFFIXES - _CONTAINERS:
            self._count()
            document = self._read(content_of(attachment.part), suffix)
            self._characters -= len(document.text)
            if self._characters < 0:
                raise LoaderError(f"the attachments hold more than {MAX_CHARACTERS:,} characters")
            self.builder.heading(attachment.name, depth)
            self.builder.include(document.text, document.headings, depth)

    def _count(self) -> None:
        self._reads -= 1
        if self._reads < 0:
            raise LoaderError(f"at most {MAX_READ} attachments are read")

    def _read(self, data: bytes, suffix: str) -> ParsedDocument:
        """The text of an attachment, by the loader of its suffix; loaders read files, so it becomes one for a moment."""
        with tempfile.TemporaryDirectory(prefix="ragbot-") as folder:
            # The sender's name for it is no name for a file of ours.
            path = Path(folder, f"attachment{suffix}")
            try:
                path.write_bytes(data)
            except OSError as error:
                raise LoaderError(f"it cannot be written to a temporary file: {error.strerror}") from error
            return load(path, MAX_ATTACHMENT)


def _shortened(value: str) -> str:
    return value if len(value) <= _MAX_FIELD else f"{value[:_MAX_FIELD]} ..."
