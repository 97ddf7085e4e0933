"""Question sets to groups of questions with the contexts that our own retriever finds for them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

from eval.datasets.base import Question, QuestionSet, Span
from eval.datasets.squad import BLANK_LINE, read_squad
from ragbot.bot import RagBot
from ragbot.documents import Passage
from ragbot.errors import SourceError
from ragbot.retrieval.expand import expand
from ragbot.text import answer_language
from ragbot.training.reader.contexts import Asked, Group, Place

#: A paragraph longer than this is no context; what stands around the answer is taken instead. In characters.
LONGEST = 2_400
#: Passages that are kept of a search.
KEPT = 6
#: Told how many questions are done, and of how many.
Progress = Callable[[int, int], None]


def groups_of(
    bot: RagBot, questions: QuestionSet, about: Mapping[str, Span] | None = None, progress: Progress | None = None
) -> Iterator[Group]:
    """The questions of a set by the paragraph that they are about, with what ``bot`` finds for each.

    ``bot`` holds the documents of the questions, and none that training must not see. ``about`` says by question id
    which paragraph somebody wrote it for; without it that is taken from the answer, or of a question without one
    from what is found.
    """
    texts = {document.source: (document.id, document.title) for document in bot.documents()}
    by_place: dict[Place, list[tuple[Question, tuple[Place, ...]]]] = {}
    for done, question in enumerate(questions.questions):
        if progress:
            progress(done, len(questions.questions))
        if question.document not in texts or len(question.gold) > 1:
            continue  # what has to be put together from several places is no answer from one passage
        found = expand(bot.kb.catalog, bot.search(question.text), radius=1)
        places = tuple(map(_place, found[:KEPT]))
        gold = _gold(question, bot, texts, places, (about or {}).get(question.id))
        if gold is not None:
            by_place.setdefault(gold, []).append((question, places))
    for gold, members in by_place.items():
        yield Group(
            set=questions.name,
            document=members[0][0].document,
            language=answer_language(members[0][0].text),
            gold=gold,
            questions=tuple(_asked(question) for question, _ in members),
            retrieved=tuple(places for _, places in members),
        )


def paragraphs_of(path: Path) -> dict[str, Span]:
    """By question id, the paragraph of its article that a question of a file in SQuAD's format was written for.

    Raises:
        SourceError: the file is missing, or not of this format.
    """
    read = read_squad(path, unit="paragraph")
    places: dict[str, Span] = {}
    offset, article = 0, ""
    for source, document in read.documents.items():  # in the order of the file, article by article
        of, _, _ = source.rpartition("/")
        offset = offset if of == article else 0
        article = of
        places[source] = Span(article, offset, offset + len(document.text))
        offset += len(document.text) + len(BLANK_LINE)
    return {question.id: places[source] for question in read.questions for source in question.relevant}


def write_groups(path: Path, groups: Iterable[Group]) -> int:
    """Store groups, one a line; returns how many."""
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for group in groups:
            file.write(json.dumps(asdict(group), ensure_ascii=False) + "\n")
            count += 1
    return count


def read_groups(path: Path) -> list[Group]:
    """Groups that :func:`write_groups` stored. Raises SourceError."""
    try:
        with path.open(encoding="utf-8") as file:
            return [_group(json.loads(line)) for line in file]
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror}; make it with ragbot train dataset") from error
    except (ValueError, KeyError, TypeError) as error:
        raise SourceError(
            f"{path} is no set of training groups ({error!r}); make it with ragbot train dataset"
        ) from error


def _group(raw: Mapping[str, object]) -> Group:
    fields = dict(raw)
    fields["gold"] = Place(**raw["gold"])  # type: ignore[arg-type]
    fields["questions"] = tuple(
        Asked(q["id"], q["text"], tuple(q["answers"]), tuple((s[0], s[1], s[2]) for s in q["spans"]))
        for q in raw["questions"]  # type: ignore[attr-defined]
    )
    fields["retrieved"] = tuple(tuple(Place(**place) for place in places) for places in raw["retrieved"])  # type: ignore[attr-defined]
    return Group(**fields)  # type: ignore[arg-type]


def _asked(question: Question) -> Asked:
    spans = tuple((span.source, span.start, span.end) for item in question.gold for span in item)
    return Asked(question.id, question.text, question.answers, spans)


def _place(passage: Passage) -> Place:
    where = " > ".join(dict.fromkeys([passage.document.title, *passage.headings]))
    return Place(passage.document.source, passage.start, passage.end, where, passage.text)


def _gold(
    question: Question,
    bot: RagBot,
    texts: Mapping[str, tuple[int, str]],
    found: tuple[Place, ...],
    about: Span | None,
) -> Place | None:
    """The paragraph that a question is about; of one without an answer the best passage of its own document."""
    span = question.gold[0][0] if question.gold else about
    if span is None:
        return next((place for place in found if place.source == question.document), None)
    identity, title = texts[span.source]
    text = bot.document_text(identity)
    if about and about.end - about.start <= LONGEST:
        return Place(about.source, about.start, about.end, title, text[about.start : about.end])
    start = text.rfind("\n\n", 0, span.start) + 2 if "\n\n" in text[: span.start] else 0
    end = text.find("\n\n", span.end)
    end = len(text) if end < 0 else end
    if end - start > LONGEST:
        # Windows begin at multiples of half their length, so that neighbouring questions share one.
        half = LONGEST // 2
        start = start + max((span.start - start) // half * half - half // 4, 0)
        end = min(max(start + LONGEST, span.end), end)
        start, end = _words(text, start, end)
    return Place(span.source, start, end, title, text[start:end])


def _words(text: str, start: int, end: int) -> tuple[int, int]:
    """The window, grown to the next white space on both sides, so that no English word is cut."""
    while start > 0 and not text[start - 1].isspace() and text[start].isascii():
        start -= 1
    while end < len(text) and not text[end].isspace() and text[end - 1].isascii():
        end += 1
    return start, end
