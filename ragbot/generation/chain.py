"""The answer chain: search, expand, answer, cite, or refuse."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from ragbot.documents import Answer, Citation, Claim, Message, Passage
from ragbot.generation import code_spans
from ragbot.generation.answerers import Answerer, Judged, Judging, Pieces
from ragbot.generation.citations import Citations, pointing
from ragbot.generation.confidence import confidence, features, reader_logit, reading_confidence
from ragbot.generation.markers import Markers
from ragbot.generation.prompts import render
from ragbot.generation.refusals import refuses
from ragbot.generation.rewriting.base import BY_RULES, Rewriter, Rewritten, Steps
from ragbot.generation.verification.aligning import Aligner
from ragbot.generation.verification.links import Links
from ragbot.generation.verification.writer import Writer
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
        strictness: ``mark`` ties each sentence to its sources, checks it and says so in ``claims``; ``strict`` leaves
            out what no source supports, too; ``off`` takes the model's markers as they are.
        aligner: ties sentences in other words than their sources, or in another language; None: by their words alone.
    """

    kb: KnowledgeBase
    retriever: HybridRetriever
    answerer: Answerer
    top_k: int = 10
    min_confidence: float = 0.5
    language: str = "auto"
    rewriter: Rewriter = BY_RULES
    strictness: str = "mark"
    aligner: Aligner | None = None

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

        judged: Judged | None = None
        passages: list[Passage] = []

        def finish(
            text: str, abstained: bool, citations: tuple[Citation, ...] = (), claims: tuple[Claim, ...] = ()
        ) -> None:
            timings["total"] = time.perf_counter() - started
            short = judged.short if judged and not abstained else None
            stream._answer = Answer(
                question=question,
                text=text,
                citations=pointing(citations, passages, short) if short else citations,
                abstained=abstained,
                confidence=sure,
                language=language,
                hits=tuple(hits),
                timings=timings,
                usage=dict(usage),
                claims=claims,
                short=short.text if short else "",
            )

        # A model that says how sure it is reads first: it knows more of that than the search does.
        if hits and isinstance(self.answerer, Judging):
            reading = time.perf_counter()
            passages = self.answerer.select(expand(self.kb.catalog, hits))
            if passages:
                judged = self.answerer.judge(search_for, passages, language)
                values = {**features(self.kb, search_for, hits), "none": reader_logit(judged.none)}
                sure = reading_confidence(values, answer_language(search_for), self.kb.fingerprint.name)
            timings["read"] = time.perf_counter() - reading

        if not hits or sure < self.min_confidence:
            name = "abstain" if len(self.kb.lexical) else "empty"
            text = render(name, language, question=question)
            timings["first_token"] = time.perf_counter() - started
            yield text
            finish(text, abstained=True)
            return

        if judged is None:
            passages = self.answerer.select(expand(self.kb.catalog, hits))
        refusal = render("refusal", language)
        text = ""
        # No passage may be left where a document was removed meanwhile, or the first sentence is over the budget.
        said = _nothing()
        if passages:
            said = judged.pieces() if judged else self.answerer.pieces(search_for, passages, language, history)
        writing = self._writing(passages, search_for, refusal)
        with closing(_counted(said, usage)) as pieces:
            for piece in writing.write(code_spans.hidden(Links(passages).filter(pieces))):
                shown = code_spans.shown(piece if text else piece.lstrip())
                if shown:
                    timings.setdefault("first_token", time.perf_counter() - started)
                    text += shown
                if shown or not piece:  # an empty piece is passed on: the reader may stop here
                    yield shown
        if writing.seconds:
            timings["verify"] = writing.seconds
        withheld = not text.strip() and bool(writing.claims)
        if not text.strip():
            text = render("unsupported", language) if withheld else refusal
            yield text
        abstained = withheld or refuses(text, refusal, bool(writing.citations))
        claims = tuple(replace(claim, text=code_spans.shown(claim.text)) for claim in writing.claims)
        finish(text, abstained, writing.citations, () if abstained and not withheld else claims)

    def _writing(self, passages: Sequence[Passage], question: str, refusal: str) -> Writer | _Unchecked:
        if self.strictness == "off":
            return _Unchecked(Citations(passages, question))
        return Writer(passages, question, refusal, self.strictness == "strict", self.aligner)


@dataclass(frozen=True)
class _Unchecked:
    """Writes an answer with the model's own markers; what they stand for is not checked."""

    cited: Citations
    seconds: float = 0.0
    claims: tuple[Claim, ...] = ()

    @property
    def citations(self) -> tuple[Citation, ...]:
        return self.cited.found

    def write(self, pieces: Iterator[str]) -> Iterator[str]:
        return Markers(self.cited.mark).filter(pieces)


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
