"""The bundled reader as what makes the text of an answer: see :mod:`ragbot.generation.reader`."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from ragbot.documents import Message, Passage
from ragbot.generation.answerers import Short
from ragbot.generation.context import fit
from ragbot.generation.quoting import around, plain, quoted
from ragbot.generation.reader import Read, Reader
from ragbot.generation.reading import MOST_PASSAGES

#: Probability of none from which on some passage is not the likelier answer.
LIKELIER = 0.5


class ReadingAnswerer:
    """Answers with the sentence of a passage in which the reader's few words stand, and with the passage's number.

    Args:
        reader: the model.
        context_tokens: budget for the passages, in the model's own tokens.
    """

    def __init__(self, reader: Reader, context_tokens: int = 900) -> None:
        self._reader = reader
        self._context_tokens = context_tokens

    def select(self, passages: Sequence[Passage]) -> list[Passage]:
        """See :class:`ragbot.generation.answerers.Answerer`."""
        return fit(passages[:MOST_PASSAGES], self._context_tokens, self._reader.count_tokens)

    def judge(self, question: str, passages: Sequence[Passage], language: str) -> Judged:
        """See :class:`ragbot.generation.answerers.Judging`."""
        read = self._reader.read(question, [(where(passage), passage.text) for passage in passages], language)
        return Judged(read, passages)

    def pieces(
        self, question: str, passages: Sequence[Passage], language: str, history: Sequence[Message]
    ) -> Generator[str, None, dict[str, int]]:
        """See :class:`ragbot.generation.answerers.Answerer`; where no passage is likelier than none, nothing."""
        judged = self.judge(question, passages, language)
        if judged.none >= LIKELIER:
            return {"input_tokens": 0, "output_tokens": 0}
        return (yield from judged.pieces())


class Judged:
    """A question that the reader has an opinion about, before it has written a word; only then it looks for words."""

    def __init__(self, read: Read, passages: Sequence[Passage]) -> None:
        self._read = read
        self._passages = passages

    @property
    def none(self) -> float:
        """Probability that no passage answers."""
        return self._read.judgement.none

    @property
    def short(self) -> Short | None:
        """See :class:`ragbot.generation.answerers.Judged`."""
        said = self._read.said
        return Short(plain(said.text), said.number - 1, said.place) if said else None

    def pieces(self) -> Generator[str, None, dict[str, int]]:
        """The sentences, each with the number of its passage; where the words stand in none, the words."""
        said = self._read.said
        if said:
            sentences = around(self._passages[said.number - 1], *said.place) or [said.text]
            yield from quoted((sentence, said.number) for sentence in sentences)
        return self._read.usage


def where(passage: Passage) -> str:
    """The title and the headings that a passage stands under, as in training."""
    return " > ".join(dict.fromkeys([passage.document.title, *passage.headings]))
