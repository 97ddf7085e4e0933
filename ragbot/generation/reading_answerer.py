"""The bundled reader as what makes the text of an answer: see :mod:`ragbot.generation.reader`."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from functools import cached_property

from ragbot.documents import Message, Passage
from ragbot.generation.answerers import Short
from ragbot.generation.context import fit
from ragbot.generation.quoting import around, plain, quoted
from ragbot.generation.reader import Read, Reader, Said

#: Probability of none from which on a passage is not likely to answer: then the next one is read.
LIKELIER = 0.5
#: Passages that are read, at most. They come in the order of the search, whose first one holds the answer most often.
MOST_READ = 3


class ReadingAnswerer:
    """Answers with the sentence of a passage in which the reader's few words stand, and with the passage's number.

    Args:
        reader: the model.
        context_tokens: budget for the passages, in the model's own tokens.
    """

    def __init__(self, reader: Reader, context_tokens: int = 1200) -> None:
        self._reader = reader
        self._context_tokens = context_tokens

    def select(self, passages: Sequence[Passage]) -> list[Passage]:
        """See :class:`ragbot.generation.answerers.Answerer`."""
        return fit(passages[:MOST_READ], self._context_tokens, self._reader.count_tokens)

    def judge(self, question: str, passages: Sequence[Passage], language: str) -> Judged:
        """See :class:`ragbot.generation.answerers.Judging`: the passages are read until one is likely to answer."""
        reads: list[Read] = []
        for passage in passages[:MOST_READ]:
            reads.append(self._reader.read(question, where(passage), passage.text, language))
            if reads[-1].none < LIKELIER:
                break
        return Judged(self._reader, reads, passages)

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

    def __init__(self, reader: Reader, reads: Sequence[Read], passages: Sequence[Passage]) -> None:
        self._reader = reader
        self._reads = reads
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
        return Short(plain(said.text), said.number, said.place) if said else None

    def pieces(self) -> Generator[str, None, dict[str, int]]:
        """The sentences, each with the number of its passage; where the words stand in none, the words."""
        said = self._said
        if said:
            sentences = around(self._passages[said.number], *said.place) or [said.text]
            yield from quoted((sentence, said.number + 1) for sentence in sentences)
        return {
            "input_tokens": sum(read.decoding.usage.prompt for read in self._reads),
            "output_tokens": self._reader.count_tokens(said.text) if said else 0,
        }


def where(passage: Passage) -> str:
    """The title and the headings that a passage stands under, as in training."""
    return " > ".join(dict.fromkeys([passage.document.title, *passage.headings]))
