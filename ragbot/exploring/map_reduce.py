"""A summary by a chat model: each section by itself from numbered passages, then the whole from what was said of them.

What a section's summary says is tied to the sentence of its passage that carries it; the whole is written from these
sentences, and inherits their places. A claim without a marker that names something is dropped, and what stands in the
document is data to the model: it is delimited as in :mod:`ragbot.generation.context`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ragbot.documents import Chunk, Passage
from ragbot.errors import GenerationError, RagbotError
from ragbot.exploring.claims import claims
from ragbot.exploring.collection import Slice
from ragbot.exploring.extracts import central_chunks
from ragbot.exploring.sections import Section
from ragbot.exploring.summaries import Source, Statement
from ragbot.generation.citations import Citations
from ragbot.generation.context import render_context
from ragbot.generation.prompts import render
from ragbot.models.embedders.base import estimate_tokens

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

#: Statements that are asked for a section, and places that one sentence of the whole may cite.
STATEMENTS = 3
_MOST_PLACES = 3
#: Tags, number and heading around a passage, in tokens.
_FRAME = 24


@dataclass
class Asked:
    """A chat model, with a count of what it was asked.

    Args:
        model: the chat model.
        context_tokens: passages in one prompt, in estimated tokens.
        language: ``zh`` or ``en``, of what it is to write.
    """

    model: BaseChatModel
    context_tokens: int
    language: str
    calls: int = 0
    usage: Counter[str] = field(default_factory=Counter)

    def ask(self, prompt: str, passages: Sequence[Passage], **values: str) -> list[tuple[str, list[int]]]:
        """What it says, claim by claim. Raises GenerationError where it fails."""
        from langchain_core.messages import HumanMessage

        question = render(prompt, self.language, context=render_context(passages), **values)
        self.calls += 1
        said = []
        try:
            for piece in self.model.stream([HumanMessage(question)]):
                if counted := piece.usage_metadata:
                    self.usage["input_tokens"] += counted["input_tokens"]
                    self.usage["output_tokens"] += counted["output_tokens"]
                said.append(str(piece.text))
        except RagbotError:
            raise
        except Exception as error:  # any client library may stand behind the model, each with errors of its own
            raise GenerationError(f"the chat model failed: {error}; try --llm extractive, which needs none") from error
        return list(claims("".join(said), self.language))


def map_section(asked: Asked, source: Source, section: Section, stored: Slice) -> tuple[list[Statement], int]:
    """What the model says of a section, and how many characters of it were shown: the most central where not all fit."""
    passages = [_passage(source, chunk) for chunk in _fitting(asked, central_chunks(stored, section))]
    if not passages:
        return [], 0
    found = Citations(passages, section.heading)
    said = []
    for claim, numbers in asked.ask("summary-section", passages, count=str(STATEMENTS))[:STATEMENTS]:
        marks = [mark for number in numbers if (mark := found.mark(claim, number)) is not None]
        places = tuple(found.found[mark - 1] for mark in dict.fromkeys(marks))[:_MOST_PLACES]
        if places:
            said.append(Statement(claim, places))
    return said, sum(passage.end - passage.start for passage in passages)


def reduce_notes(asked: Asked, source: Source, notes: Sequence[Statement], count: int) -> list[Statement]:
    """At most ``count`` sentences on the whole, from those on its sections; in several rounds where they do not fit.

    Where the model says nothing that can be tied to the notes, these stand for themselves, an even choice of them.
    """
    groups = _groups(asked, source, notes)
    while len(groups) > 1:
        shorter = [item for group in groups for item in _reduced(asked, source, group, max(1, len(group) // 2))]
        if len(shorter) >= sum(map(len, groups)):
            break
        groups = _groups(asked, source, shorter)
    return _reduced(asked, source, [item for group in groups for item in group], count)


def _reduced(asked: Asked, source: Source, notes: Sequence[Statement], count: int) -> list[Statement]:
    passages = [_note(source, note) for note in notes]
    said = []
    for claim, numbers in asked.ask("summary-whole", passages, count=str(count), title=source.document.title):
        named = [notes[number - 1] for number in numbers if 1 <= number <= len(notes)]
        places = {(place.start, place.end): place for note in named for place in note.citations}
        if places:
            said.append(Statement(claim, tuple(places.values())[:_MOST_PLACES]))
    if said:
        return said[:count]
    step = max(len(notes) / count, 1.0)
    return [notes[int(i * step)] for i in range(min(count, len(notes)))]


def _groups(asked: Asked, source: Source, notes: Sequence[Statement]) -> list[list[Statement]]:
    """Notes in their order, as many together as one prompt takes."""
    groups: list[list[Statement]] = [[]]
    used = 0
    for note in notes:
        size = _FRAME + estimate_tokens(note.text)
        if groups[-1] and used + size > asked.context_tokens:
            groups.append([])
            used = 0
        groups[-1].append(note)
        used += size
    return groups


def _fitting(asked: Asked, chunks: Sequence[Chunk]) -> list[Chunk]:
    """The first of these that a prompt takes (one in any case), in the order of the document."""
    left = asked.context_tokens
    chosen: list[Chunk] = []
    for chunk in chunks:
        size = _FRAME + estimate_tokens(chunk.text)
        if chosen and size > left:
            continue
        chosen.append(chunk)
        left -= size
    return sorted(chosen, key=lambda chunk: chunk.start)


def _passage(source: Source, chunk: Chunk) -> Passage:
    return Passage(
        document=source.document,
        text=chunk.text,
        start=chunk.start,
        end=chunk.end,
        page=chunk.page,
        headings=chunk.headings,
        score=0.0,
        pages=source.pages,
        outline=source.outline,
    )


def _note(source: Source, note: Statement) -> Passage:
    place = note.citations[0]
    headings = (place.heading,) if place.heading else ()
    return Passage(source.document, note.text, place.start, place.end, place.page, headings, 0.0)
