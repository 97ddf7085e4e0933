"""A line in front of each chunk that says what it is about within its document, written by a chat model.

What a chunk leaves unsaid (whom "the company" means, which product a figure belongs to) is added to what is embedded
and indexed; it is never shown and never quoted. The idea is Anthropic's "contextual retrieval" (2024); the model is
shown the title, the headings and the text around the chunk rather than the whole document, so that an edit costs the
lines of the chunks near it, and that no line can keep what was deleted elsewhere in the document.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Event, Thread
from typing import TYPE_CHECKING

from ingest.prompts import render
from ragbot.documents import ParsedDocument
from ragbot.errors import RagbotError, SettingsError
from ragbot.index.records import NewChunk
from ragbot.models.registry import is_chat_model

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

log = logging.getLogger(__name__)

#: Raised when the prompts, or what is shown of a document, change: documents are then cut and described again.
PROMPT_VERSION = 1
#: Characters that are shown before and after the chunk.
BEFORE, AFTER = 600, 300
#: Characters of a line at most: what the prompt asks for, with room. Han characters say more each.
LONGEST, LONGEST_HAN = 300, 120
#: Characters of a reply, its thoughts left out, that are looked at: the time that it takes grows with their square.
_LOOKED_AT = 4_000
#: After so many failures one after another the model is not asked any more in this run.
PATIENCE = 5

_THOUGHTS = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL | re.IGNORECASE)
_THOUGHTS_END = re.compile(r"</think(?:ing)?>", re.IGNORECASE)
_OUR_TAGS = re.compile(r"<(\s*/?\s*(?:title|before|passage|after))", re.IGNORECASE)
_TAG = re.compile(r"</?[A-Za-z][^<>\n]{0,80}>")
_LINK = re.compile(r"!?\[([^\]\n]*)\]\([^)\n]*\)")
_LEAD = re.compile(r"\A(?:[#>*+•-]+|\d{1,2}[.)、])\s+")
_EMPHASIS = re.compile(r"\*{1,3}|_{2,3}|`+|~~")
_QUOTES = ('""', "''", "“”", "‘’", "「」", "『』", "«»")
_HAN = re.compile(r"[\u3400-\u9fff]")
_STOP = re.compile(r"[。！？]|[.!?](?=\s|$)")


def require_model(context: str, llm: object) -> None:
    """Refuse lines of a chat model where there is none.

    Raises:
        SettingsError: ``context`` is ``model``, and ``llm`` is no chat model.
    """
    if context == "model" and not is_chat_model(llm):
        raise SettingsError(
            f"chunking.context = 'model' has a chat model write a line about each chunk, and llm = {llm!r} is "
            "none: name one with --llm MODEL (`ragbot models list` shows which can be used), or take --context title"
        )


@dataclass(frozen=True, slots=True)
class Request:
    """What the model is asked about one chunk, and the key under which its line is kept."""

    key: bytes
    prompt: str


class ContextWriter:
    """Asks a chat model for the lines of a run.

    Args:
        load: makes the model; called when the first line is wanted, so that a run without changes loads none.
        spec: names the model: lines of another one are not taken over.
        parallel: requests at a time; 1 for a model in this process.
    """

    def __init__(self, load: Callable[[], BaseChatModel], spec: str, parallel: int = 1) -> None:
        self._load = load
        self._spec = spec
        self._parallel = parallel
        self._model: BaseChatModel | None = None
        self._failures = 0

    @property
    def signature(self) -> str:
        """Names model and prompt: documents are described again when it changes."""
        return f"model-{PROMPT_VERSION}:{self._spec}"

    def requests(self, document: ParsedDocument, chunks: Sequence[NewChunk]) -> list[Request]:
        """What there is to ask about the chunks of a document."""
        return [self._request(document, chunk) for chunk in chunks]

    def write(self, requests: Sequence[Request]) -> Iterator[tuple[bytes, str | None]]:
        """Keys and lines, as they come: an empty line if the model says nothing, None if it fails.

        Raises:
            ModelNotFoundError: the model cannot be had.
        """
        if not requests:
            return
        model = self._model = self._model or self._load()
        if self._parallel == 1:
            # In the main thread: Ctrl-C stops a model that runs in this process at its next token.
            for request in requests:
                yield request.key, self._line(model, request)
            return
        left = deque(requests)
        lines: SimpleQueue[tuple[bytes, str | None]] = SimpleQueue()
        over = Event()
        for _ in range(min(self._parallel, len(requests))):
            # Not a pool of executors: Python waits for its threads when it ends, and a slow server for minutes.
            Thread(target=self._ask, args=(model, left, lines, over), name="context", daemon=True).start()
        try:
            for _ in requests:
                yield lines.get()
        finally:
            over.set()

    def _ask(
        self,
        model: BaseChatModel,
        left: deque[Request],
        lines: SimpleQueue[tuple[bytes, str | None]],
        over: Event,
    ) -> None:
        """What one thread does: take requests until there is none, or nobody waits for the lines any more."""
        while not over.is_set():
            try:
                request = left.popleft()
            except IndexError:
                return
            line = None
            try:
                line = self._line(model, request)
            finally:  # whatever happens, somebody waits for as many lines as there are requests
                lines.put((request.key, line))

    def _request(self, document: ParsedDocument, chunk: NewChunk) -> Request:
        text = document.text
        language = "zh" if document.language == "zh" else "en"
        parts = {
            "title": " > ".join(dict.fromkeys([document.title, *chunk.headings])).removeprefix(" > "),
            "before": text[max(0, chunk.start - BEFORE) : chunk.start].strip(),
            "passage": text[chunk.start : chunk.end],
            "after": text[chunk.end : chunk.end + AFTER].strip(),
        }
        seen = "\x00".join([self.signature, language, *parts.values()])
        key = hashlib.blake2b(seen.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        # A tag inside the document cannot close its frame.
        shown = {name: _OUR_TAGS.sub(r"‹\1", part) for name, part in parts.items()}
        return Request(key, render("context", language, **shown))

    def _line(self, model: BaseChatModel, request: Request) -> str | None:
        if self._failures >= PATIENCE:
            return None
        try:
            line = clean(str(model.invoke(request.prompt).text))
        except Exception as error:  # any client may stand behind the model; the title serves without it
            self._failures += 1
            log.info("no context line: %s", error, exc_info=not isinstance(error, RagbotError))
            if self._failures == PATIENCE:
                log.warning("the chat model failed %d times in a row and is not asked any more: %s", PATIENCE, error)
            return None
        self._failures = 0
        return line


def clean(reply: str) -> str:
    """The line in a reply: bounded, without reasoning, markup, quotes or a lead-in; empty if nothing is left."""
    text = _THOUGHTS.sub("", reply.encode("utf-8", "ignore").decode())
    text = _THOUGHTS_END.split(text)[-1]  # the template of some models opens the thoughts itself
    text = _TAG.sub("", text.strip()[:_LOOKED_AT])
    lines = [line for line in (_plain(line) for line in text.splitlines()) if line]
    if len(lines) > 1 and lines[0].endswith((":", "：")):  # "Here is the line:"
        del lines[0]
    return _bounded(lines[0]) if lines else ""


def _plain(line: str) -> str:
    line = "".join(character for character in line if character.isprintable() or character.isspace()).strip()
    if set(line) <= set("`~*_-=#> ") or line.startswith("```"):
        return ""
    line = _EMPHASIS.sub("", _LINK.sub(r"\1", _LEAD.sub("", line, count=1)))
    line = " ".join(line.split())
    return line[1:-1].strip() if len(line) > 1 and line[0] + line[-1] in _QUOTES else line


def _bounded(line: str) -> str:
    longest = LONGEST_HAN if 2 * len(_HAN.findall(line)) > len(line) else LONGEST
    if len(line) <= longest:
        return line
    cut = line[:longest]
    stops = [match.end() for match in _STOP.finditer(cut)]
    if stops:
        return cut[: stops[-1]]
    return cut.rsplit(" ", 1)[0] if " " in cut[longest // 2 :] else cut
