"""The bundled reader as what makes the text of an answer: see :mod:`ragbot.generation.reader`."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from functools import cached_property

from ragbot.documents import Message, Passage
from ragbot.generation.answerers import Short
from ragbot.generation.quoting import around, plain, quoted
from ragbot.generation.reader import Read, Reader, Said
from ragbot.generation.windows import window

#: Probability of none from which on a passage is not likely to answer: then the next one is read.
LIKELIER = 0.5
#: Passages that are read, at most. They come in the order of the search, whose first one holds the answer most often.
MOST_READ = 3

#: Tokens of a passage that are read: in more, the reader finds the answer less often, in less it may not stand.
ROOM = 450


class ReadingAnswerer:
    """Answers with the sentence of a passage in which the reader's few words stand, and with the passage's number.

    Args:
        reader: the model.
        context_tokens: budget for what is read of a passage, in the model's own tokens; more than :data:`ROOM` is not read.
    """

    def __init__(self, reader: Reader, context_tokens: int = ROOM) -> None:
        self._reader = reader
        self._room = min(ROOM, context_tokens)

    def select(self, passages: Sequence[Passage]) -> list[Passage]:
        """See :class:`ragbot.generation.answerers.Answerer`; of long ones a part is read."""
        return list(passages[:MOST_READ])

    def judge(self, question: str, passages: Sequence[Passage], language: str) -> Judged:
        """See :class:`ragbot.generation.answerers.Judging`: the passages are read until one is likely to answer."""
        reads: list[Read] = []
        shown: list[Passage] = []
        for passage in passages[:MOST_READ]:
            part = window(
                passage, lambda text: self._reader.support(question, text), self._room, self._reader.count_tokens
            )
            reads.append(self._reader.read(question, where(part), part.text, language))
            shown.append(part)
            if reads[-1].none < LIKELIER:
                break
        return Judged(self._reader, reads, shown, passages)

    def pieces(
        self, question: str, passages: Sequence[Passage], language: str, history: Sequence[Message]
    ) -> Generator[str, None, dict[str, int]]:
        """See :class:`ragbot.generation.answerers.Answerer`; where no passage is likely to answer, nothing."""
        judged = self.judge(question, passages, language)
        if judged.none >= LIKELIER:
            return {"input_tokens": 0, "output_tokens": 0}
        return (yield from judged.pieces())


class Judged:
    """A question that the reader has an opinion about, before it has written a word; only then it looks for words."""

    def __init__(
        self, reader: Reader, reads: Sequence[Read], shown: Sequence[Passage], passages: Sequence[Passage]
    ) -> None:
        self._reader = reader
        self._reads = reads
        self._shown = shown
        self._passages = passages

    @property
    def none(self) -> float:
        """Probability that the passage that is likeliest to answer does not."""
        return min((read.none for read in self._reads), default=1.0)

    @cached_property
    def _said(self) -> Said | None:
        return self._reader.said(self._reads)

    @property
    def short(self) -> Short | None:
        """See :class:`ragbot.generation.answerers.Judged`."""
        said = self._said
        return Short(plain(said.text), said.number, self._place(said)) if said else None

    def _place(self, said: Said) -> tuple[int, int]:
        """In the passage, of which a part was read."""
        moved = self._shown[said.number].start - self._passages[said.number].start
        return said.place[0] + moved, said.place[1] + moved

    def pieces(self) -> Generator[str, None, dict[str, int]]:
        """The sentences, each with the number of its passage; where the words stand in none, the words."""
        said = self._said
        if said:
            sentences = around(self._passages[said.number], *self._place(said)) or [said.text]
            yield from quoted((sentence, said.number + 1) for sentence in sentences)
        return {
            "input_tokens": sum(read.decoding.usage.prompt for read in self._reads),
            "output_tokens": self._reader.count_tokens(said.text) if said else 0,
        }


def where(passage: Passage) -> str:
    """The title and the headings that a passage stands under, as in training."""
    return " > ".join(dict.fromkeys([passage.document.title, *passage.headings]))
