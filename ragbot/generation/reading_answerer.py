"""The bundled reader as what makes the text of an answer: see :mod:`ragbot.generation.reader`."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from ragbot.documents import Message, Passage
from ragbot.generation.confidence import reader_logit
from ragbot.generation.context import fit
from ragbot.generation.reader import Read, Reader
from ragbot.generation.reading import MOST_PASSAGES


class ReadingAnswerer:
    """Answers with a phrase from one passage, whose number follows it.

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
        return Judged(self._reader.read(question, [(where(passage), passage.text) for passage in passages], language))

    def pieces(
        self, question: str, passages: Sequence[Passage], language: str, history: Sequence[Message]
    ) -> Generator[str, None, dict[str, int]]:
        """See :class:`ragbot.generation.answerers.Answerer`; where no passage is likelier than none, nothing."""
        judged = self.judge(question, passages, language)
        if judged.none >= 0.5:
            return {"input_tokens": 0, "output_tokens": 0}
        return (yield from judged.pieces())


class Judged:
    """A question that the reader has an opinion about, before it has written a word."""

    def __init__(self, read: Read) -> None:
        self._read = read

    @property
    def none(self) -> float:
        """Probability that no passage answers."""
        return self._read.judgement.none

    @property
    def signals(self) -> dict[str, float]:
        """See :class:`ragbot.generation.answerers.Judged`; the answer is chosen for it.

        ``none``: :func:`ragbot.generation.confidence.reader_logit`. ``agreement``: of the answer with all that the reader
        might have said. ``near`` and ``words``: cosine and share of the question's words of the sentence that it is from.
        """
        said = self._read.said
        sentence = said.sentence if said else None
        return {
            "none": reader_logit(self.none),
            "agreement": said.agreement if said else 0.0,
            "near": sentence.similarity if sentence else 0.0,
            "words": sentence.coverage if sentence else 0.0,
        }

    def pieces(self) -> Generator[str, None, dict[str, int]]:
        """The answer, with the number of its passage."""
        usage = yield from self._read.answer()
        if self._read.said:
            yield f" [{self._read.said.number}]"
        return usage


def where(passage: Passage) -> str:
    """The title and the headings that a passage stands under, as in training."""
    return " > ".join(dict.fromkeys([passage.document.title, *passage.headings]))
