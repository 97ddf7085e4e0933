"""The answer chain: search, expand, answer, cite, or refuse."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

from ragbot.documents import Answer, Citation, Message
from ragbot.generation.answerers import Answerer, Pieces
from ragbot.generation.citations import Citations
from ragbot.generation.confidence import confidence
from ragbot.generation.markers import Markers
from ragbot.generation.prompts import render
from ragbot.generation.refusals import refuses
from ragbot.generation.rewriting.base import BY_RULES, Rewriter, Rewritten, Steps
from ragbot.index.filters import Filter
from ragbot.index.knowledge_base import KnowledgeBase
from ragbot.retrieval.expand import expand
from ragbot.retrieval.retriever import HybridRetriever
from ragbot.text import answer_language


class AnswerStream:
    """Iterate it for the pieces of the answer's text; :attr:`answer` is there once it is exhausted.

    A piece may be empty while the model is at work without having said anything: a moment to :meth:`close`.
    """

    def __init__(self, pieces: Iterator[str]) -> None:
        self._pieces = pieces
        self._answer: Answer | None = None

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        return next(self._pieces)

    def close(self) -> None:
        """Stop the generation; there will be no answer."""
        close = getattr(self._pieces, "close", None)
        if close:
            close()

    @property
    def answer(self) -> Answer:
        """The whole answer. Raises RuntimeError while pieces are still to come."""
        if self._answer is None:
            raise RuntimeError("the stream is not exhausted yet: iterate it to the end before asking for its answer")
        return self._answer


@dataclass(frozen=True)
class AnswerChain:
    """Answers questions from a knowledge base.

    Args:
        top_k: hits that are searched for.
        min_confidence: below this the question is refused without asking the model.
        language: ``zh`` or ``en``; ``auto`` takes the question's.
        rewriter: makes of a question and its history what is searched for.
    """

    kb: KnowledgeBase
    retriever: HybridRetriever
    answerer: Answerer
    top_k: int = 10
    min_confidence: float = 0.5
    language: str = "auto"
    rewriter: Rewriter = BY_RULES

    def ask(self, question: str, history: Sequence[Message] = (), where: Filter | None = None) -> Answer:
        """The whole answer at once."""
        stream = self.stream(question, history, where)
        for _ in stream:
            pass
        return stream.answer

    def stream(self, question: str, history: Sequence[Message] = (), where: Filter | None = None) -> AnswerStream:
        """The answer piece by piece. The text of ``answer`` equals the pieces joined."""
        stream = AnswerStream(iter(()))
        stream._pieces = self._run(stream, question, history, where)
        return stream

    def _run(
        self, stream: AnswerStream, question: str, history: Sequence[Message], where: Filter | None
    ) -> Iterator[str]:
        started = time.perf_counter()
        language = answer_language(question) if self.language == "auto" else self.language
        rewritten = yield from _moments(self.rewriter.steps(question, history))
        search_for = rewritten.question
        timings = {"rewrite": rewritten.seconds} if rewritten.seconds else {}
        searching = time.perf_counter()
        hits = self.retriever.search_many(rewritten.queries, self.top_k, where)
        sure = confidence(self.kb, search_for, hits)
        timings["search"] = time.perf_counter() - searching
        usage = Counter(rewritten.usage)

        def finish(text: str, abstained: bool, citations: tuple[Citation, ...] = ()) -> None:
            timings["total"] = time.perf_counter() - started
            stream._answer = Answer(
                question=question,
                text=text,
                citations=citations,
                abstained=abstained,
                confidence=sure,
                language=language,
                hits=tuple(hits),
                timings=timings,
                usage=dict(usage),
            )

        if not hits or sure < self.min_confidence:
            name = "abstain" if len(self.kb.lexical) else "empty"
            text = render(name, language, question=question)
            timings["first_token"] = time.perf_counter() - started
            yield text
            finish(text, abstained=True)
            return

        passages = self.answerer.select(expand(self.kb.catalog, hits))
        citations = Citations(passages, search_for)
        refusal = render("refusal", language)
        text = ""
        # No passage may be left where a document was removed meanwhile, or the first sentence is over the budget.
        said = self.answerer.pieces(search_for, passages, language, history) if passages else _nothing()
        with closing(_counted(said, usage)) as pieces:
            for piece in Markers(citations.mark).filter(pieces):
                shown = piece if text else piece.lstrip()
                if shown:
                    timings.setdefault("first_token", time.perf_counter() - started)
                    text += shown
                if shown or not piece:  # an empty piece is passed on: the reader may stop here
                    yield shown
        if not text.strip():
            text = refusal
            yield text
        finish(text, refuses(text, refusal, bool(citations.found)), citations.found)


def _nothing() -> Pieces:
    """What is said where there is nothing to answer from."""
    yield from ()
    return None


def _moments(steps: Steps) -> Generator[str, None, Rewritten]:
    """What ``steps`` come to; an empty piece for each of its pauses, at which the reader may stop the model."""
    with closing(steps):
        while True:
            try:
                next(steps)
            except StopIteration as end:
                rewritten: Rewritten = end.value
                return rewritten
            yield ""


def _counted(pieces: Pieces, usage: Counter[str]) -> Generator[str]:
    """The pieces; ``usage`` is added to at their end."""
    usage.update((yield from pieces) or {})
