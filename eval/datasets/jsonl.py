"""Our own question sets: one JSON object a line.

::

    {"id": "en-1", "question": "How many heads does it use?", "language": "en", "answerable": true,
     "answers": ["16 heads"], "source": "en/attention.md", "evidence": "The larger one used 16 heads.",
     "category": "number"}

=============  ======================================================================================================
``id``         required, unique; a text or a number
``question``   required
``answers``    wordings that count as right
``answerable`` whether the documents answer the question; left out, it is true
``language``   BCP 47 primary tag; left out, it is detected
``source``     the document that answers: its path inside the folder of documents, with ``/``
``evidence``   the passage that holds the answer, quoted from the document; several where the answer needs several
               places. White space, ``*`` and backticks may differ from the document
``start``      with ``end``: the code points of the (one) evidence in the document, where it stands there twice or is
               not quoted
``calls``      the tool calls that an agent has to make: objects with ``tool`` and ``arguments``
``review``     ``"dropped"``: a person has thrown the question out, and it is not read
=============  ======================================================================================================

Any other field that holds a text becomes a tag (:attr:`eval.datasets.base.Question.tags`), such as ``category``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eval.datasets.base import Question, QuestionSet, Span, ToolCall
from eval.datasets.locate import Locator, squeezed
from ingest.loaders import load
from ingest.sources import find
from ragbot.documents import ParsedDocument
from ragbot.errors import LoaderError, SourceError
from ragbot.text import detect_language

_NOT_TAGS = frozenset(
    ("id", "question", "answers", "answerable", "language", "source", "evidence", "start", "end", "calls", "review")
)


@dataclass(frozen=True, slots=True)
class _Corpus:
    """Documents by source, where they are from, the files that could not be read with the reason, and a cache."""

    origin: str
    documents: Mapping[str, ParsedDocument] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)
    locators: dict[str, Locator] = field(default_factory=dict)
    endings: dict[str, list[str]] = field(default_factory=dict)

    def locator(self, source: str) -> Locator:
        if source not in self.locators:
            self.locators[source] = Locator(self.documents[source].text)
        return self.locators[source]

    def named(self, source: str) -> str:
        """The full name of a document: a knowledge base has ingested it under its path, a question names the end of it."""
        if source in self.documents or not source:
            return source
        if not self.endings:
            for name in self.documents:
                parts = name.replace("\\", "/").split("/")
                for at in range(1, len(parts)):
                    self.endings.setdefault("/".join(parts[at:]), []).append(name)
        ending = self.endings.get(source, ())
        return ending[0] if len(ending) == 1 else source


def read_jsonl(path: Path, documents: Path | Mapping[str, ParsedDocument] | None = None) -> QuestionSet:
    """Read our own format, and the documents that the questions are about.

    A gold item is where the answers stand inside an evidence, or the evidence itself if none of them stands there.
    Without ``documents`` no places are known: an answerable question then names its source as ``relevant``.

    Args:
        path: the questions.
        documents: the folder that sources are relative to (every file that a loader can read is a document), or the
            documents themselves by name, where a source may be the end of one name.

    Raises:
        SourceError: a file or folder that is missing, a line that is not of the format, or evidence that its document
            does not hold; the message names the line.
    """
    corpus = _corpus(documents) if documents is not None else None
    questions: list[Question] = []
    lines: dict[str, int] = {}
    for number, record in read_lines(path):
        if record.get("review") == "dropped":
            continue
        question = _question(record, f"{path}, line {number}", corpus)
        if question.id in lines:
            raise SourceError(
                f"{path}, line {number}: line {lines[question.id]} has the id {question.id!r} too; change one"
            )
        lines[question.id] = number
        questions.append(question)
    return QuestionSet(path.stem, tuple(questions), corpus.documents if corpus else {})


def write_jsonl(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """Write records of our own format, all or nothing: a crash leaves the file as it was.

    Raises:
        SourceError: the file cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        try:
            with temporary.open("w", encoding="utf-8", newline="\n") as file:
                file.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise SourceError(f"cannot write {path}: {error.strerror}; choose another place with --output") from error


def read_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """``(line number from 1, object)`` of a file of JSON objects, blank lines left out.

    Raises:
        SourceError: the file cannot be read, or a line is not a JSON object; the message names the line.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                try:
                    record = json.loads(line)
                except ValueError as error:
                    raise SourceError(f"{path}, line {number}: not JSON ({error}); write one object a line") from error
                try:
                    json.dumps(record, ensure_ascii=False).encode("utf-8")
                except UnicodeEncodeError as error:
                    raise SourceError(
                        f"{path}, line {number}: half of a surrogate pair, which is no character; mend the escape"
                    ) from error
                if not isinstance(record, dict):
                    raise SourceError(f"{path}, line {number}: a JSON object is wanted, not {line.strip()[:40]}")
                yield number, record
    except UnicodeDecodeError as error:
        raise SourceError(f"{path} is not UTF-8 ({error.reason} at byte {error.start}); save it as UTF-8") from error
    except OSError as error:
        raise SourceError(f"cannot read the question set {path}: {error.strerror}; check the path") from error


def read_documents(folder: Path) -> dict[str, ParsedDocument]:
    """The documents of a folder, by their path inside it; files that cannot be read are left out.

    Raises:
        SourceError: it is not a folder, or holds nothing to read.
    """
    return dict(_corpus(folder).documents)


def _corpus(documents: Path | Mapping[str, ParsedDocument]) -> _Corpus:
    if not isinstance(documents, Path):
        return _Corpus("the names of the documents in the knowledge base", documents)
    folder = documents
    root = folder.expanduser().resolve()
    if not root.is_dir():
        raise SourceError(f"{folder} is not a folder; name the folder of documents that the sources are relative to")
    loaded, unread = {}, {}
    for file in find([root]).files:
        source = file.relative_to(root).as_posix()
        try:
            loaded[source] = load(file)
        except LoaderError as error:
            unread[source] = str(error)
    return _Corpus(str(root), loaded, unread)


def _question(record: Mapping[str, Any], where: str, corpus: _Corpus | None) -> Question:
    identity, text = record.get("id"), record.get("question")
    if isinstance(identity, bool) or not isinstance(identity, str | int) or identity == "":
        raise SourceError(f'{where}: "id" must be a text or a number, not {identity!r}; give each question its own')
    if not isinstance(text, str) or not text.strip():
        raise SourceError(f'{where}: "question" must hold the question, not {text!r}; write it, or remove the line')
    answers, answerable = _texts(record, "answers", where), record.get("answerable", True)
    source, language = record.get("source") or "", record.get("language") or ""
    if not isinstance(answerable, bool):
        raise SourceError(f'{where}: "answerable" must be true or false, not {answerable!r}')
    if answers and not answerable:
        raise SourceError(f'{where}: a question that is not "answerable" has no "answers"; remove one of the two')
    if not isinstance(source, str) or not isinstance(language, str):
        raise SourceError(f'{where}: "source" and "language" must be texts, not {source!r} and {language!r}')
    if corpus:
        source = corpus.named(source)
    gold: tuple[tuple[Span, ...], ...] = ()
    if source and answerable and corpus:
        gold = _gold(record, where, source, corpus, answers)
    return Question(
        id=str(identity),
        text=text,
        answers=answers,
        answerable=answerable,
        gold=gold,
        relevant={source: 1} if source and answerable and not gold else {},
        document=source,
        language=language or detect_language(text),
        calls=_calls(record, where),
        tags={key: value for key, value in record.items() if isinstance(value, str) and key not in _NOT_TAGS},
    )


def _gold(
    record: Mapping[str, Any], where: str, source: str, corpus: _Corpus, answers: Sequence[str]
) -> tuple[tuple[Span, ...], ...]:
    if source not in corpus.documents:
        why = f"cannot be read: {corpus.unread[source]}" if source in corpus.unread else "is not there"
        raise SourceError(f'{where}: the "source" {source} {why}; sources are relative to {corpus.origin}')
    text, locator = corpus.documents[source].text, corpus.locator(source)
    items = []
    for begin, end in _evidence(record, where, source, text, locator):
        places = dict.fromkeys(locator.find(answer, begin, end) for answer in answers)
        items.append(tuple(Span(source, *place) for place in places if place) or (Span(source, begin, end),))
    return tuple(items)


def _evidence(
    record: Mapping[str, Any], where: str, source: str, text: str, locator: Locator
) -> Iterator[tuple[int, int]]:
    passages = _texts(record, "evidence", where)
    start, end = record.get("start"), record.get("end")
    if start is not None or end is not None:
        if type(start) is not int or type(end) is not int or not 0 <= start < end <= len(text):
            raise SourceError(f'{where}: "start" and "end" must be a stretch of the {len(text)} characters of {source}')
        if passages and (len(passages) > 1 or squeezed(text[start:end]) != squeezed(passages[0])):
            raise SourceError(
                f'{where}: {source} has {text[start:end][:60]!r} from "start" to "end", not the "evidence"; '
                "correct them, or leave the offsets out to have it searched for"
            )
        yield start, end
        return
    for passage in passages:
        place = locator.find(passage)
        if place is None:
            raise SourceError(
                f'{where}: {source} does not hold the "evidence" {passage[:60]!r}; quote it word for word'
            )
        yield place


def _calls(record: Mapping[str, Any], where: str) -> tuple[ToolCall, ...] | None:
    value = record.get("calls")
    if value is None:
        return None
    try:
        calls = tuple(ToolCall(call["tool"], dict(call.get("arguments", {}))) for call in value)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise SourceError(f'{where}: "calls" must be a list of objects with "tool" and "arguments"') from None
    return calls


def _texts(record: Mapping[str, Any], name: str, where: str) -> tuple[str, ...]:
    """A field that holds a text or a list of them."""
    value = record.get(name)
    texts = [] if value is None else [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) and text.strip() for text in texts):
        raise SourceError(f'{where}: "{name}" must be a text or a list of texts, none of them blank, not {value!r}')
    return tuple(dict.fromkeys(texts))
