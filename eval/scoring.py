"""From a question and what a system said to the metrics that apply to it."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from eval.datasets.base import Question, Span
from eval.datasets.locate import squeezed
from eval.metrics import agents, citations, ranking
from eval.metrics.answers import answer_scores, contains
from eval.metrics.markers import dangling_markers, strip_markers
from eval.metrics.table import BUDGETS, METRICS
from eval.responses import Hit, Quote, Response
from ragbot.errors import MissingExtraError
from ragbot.text import answer_language, detect_language, sentence_spans

if TYPE_CHECKING:
    from ragbot.models.embedders.base import Embedder

_DIGITS = 6
#: What the metrics are computed with. They import it late, and may not raise errors of ours.
_NEEDED = ("ir_measures", "pytrec_eval", "rouge_score", "nltk")

Triple = tuple[str, int, int]


def check_extras() -> None:
    """Raise MissingExtraError where what the metrics are computed with is not installed."""
    for module in _NEEDED:
        if find_spec(module) is None:
            raise MissingExtraError("An evaluation", "eval")


class Scorer:
    """Computes the metrics of single questions; safe to use from several threads.

    Args:
        texts: the text of each document by source: gold sentences are found in it, and quotes compared with it.
        embedder: for ``similarity``; without one it is left out.
        answers: whether the system answers; one that only searches fails at no more than that.

    Raises:
        MissingExtraError: what the metrics are computed with is not installed.
    """

    def __init__(self, texts: Mapping[str, str], embedder: Embedder | None = None, answers: bool = True) -> None:
        check_extras()
        self._texts = texts
        self._embedder = embedder
        self._answers = answers
        self._sentences: dict[str, list[tuple[int, int]]] = {}

    def score(self, question: Question, response: Response | None) -> dict[str, float]:
        """The metrics that apply, by name. A system that failed (None) has found nothing and said nothing right."""
        scores = self._failed(question) if response is None else self._measured(question, response)
        # Rounded here, so that a run and the baseline that was stored of it agree to the last digit.
        return {name: round(value, _DIGITS) for name, value in scores.items() if math.isfinite(value)}

    def _measured(self, question: Question, response: Response) -> dict[str, float]:
        scores = self._retrieval(question, response)
        if response.text is not None:
            scores |= self._answer(question, response, response.text)
            scores |= self._citations(question, response, response.text)
        if response.abstained is not None:
            scores |= _refusal(question, response.abstained)
        if question.calls is not None and response.calls is not None:
            scores |= agents.tool_call_scores(_calls(question.calls), _calls(response.calls))
            if question.answers:
                scores["right_answer"] = contains(response.text or "", question.answers, question.language)
        return scores | _cost(response)

    def _failed(self, question: Question) -> dict[str, float]:
        if not self._answers:
            return dict.fromkeys(self._retrieval(question, Response()), 0.0)
        calls = None if question.calls is None else ()
        empty = Response(text="", abstained=not question.answerable, quotes=(), calls=calls)
        scores = self._measured(question, empty)
        if question.answerable and question.gold:
            scores["citation_recall"] = 0.0
        if not question.answerable:
            scores["refused"] = 0.0
        else:
            scores["answered"] = 0.0
        # What is better the smaller it is says nothing good about a failure: it is left out.
        return {name: 0.0 for name in scores if METRICS[name].higher_is_better}

    # -- retrieval -----------------------------------------------------------------------------------------------

    def _retrieval(self, question: Question, response: Response) -> dict[str, float]:
        hits = response.hits
        if question.gold:
            covered = [
                [n for n, item in enumerate(question.gold) if any(self._holds(hit, span) for span in item)]
                for hit in hits
            ]
            ids = ranking.rank_ids(covered)
            relevance = ranking.gold_relevance(len(question.gold))
        elif question.relevant:
            ids = list(dict.fromkeys(hit.source for hit in hits))
            relevance = dict(question.relevant)
        else:
            return {}
        scores = ranking.rank_metrics({question.id: ids}, {question.id: relevance}).get(question.id)
        if scores is None:  # judged, and nothing was found relevant
            return {}
        documents = {span.source for item in question.gold for span in item} | set(question.relevant)
        scores["document_hit@10"] = float(any(hit.source in documents for hit in hits[:10]))
        if question.gold and all(hit.start >= 0 for hit in hits):
            found = ranking.answer_recall(
                [(hit.source, hit.start, hit.end) for hit in hits],
                [[_triple(span) for span in item] for item in question.gold],
                BUDGETS,
            )
            scores |= {f"answer_recall@{budget}": value for budget, value in found.items()}
        return scores

    def _holds(self, hit: Hit, span: Span) -> bool:
        if hit.source != span.source:
            return False
        if hit.start >= 0:
            return hit.start <= span.start and span.end <= hit.end
        return squeezed(self._texts.get(span.source, "")[span.start : span.end]) in squeezed(hit.text)

    # -- answers -------------------------------------------------------------------------------------------------

    def _answer(self, question: Question, response: Response, text: str) -> dict[str, float]:
        scores: dict[str, float] = {}
        if question.language and text:
            language = response.language or detect_language(strip_markers(text)) or answer_language(text)
            scores["language_match"] = float(language == question.language)
        if not question.answerable or not question.answers:
            return scores
        said = "" if response.abstained else text
        scores |= answer_scores(said and (response.short or said), question.answers, question.language)
        if said and response.short:
            scores["contains"] = contains(strip_markers(said), question.answers, question.language)
        scores["answer_in_context"] = max(
            (contains(hit.text, question.answers, question.language) for hit in response.hits), default=0.0
        )
        if self._embedder is not None:
            scores["similarity"] = self._similarity(strip_markers(said), question.answers)
        return scores

    def _similarity(self, said: str, answers: Sequence[str]) -> float:
        if not said.strip():
            return 0.0
        assert self._embedder is not None
        vectors = self._embedder.encode_documents([said, *answers])
        return float(np.clip((vectors[1:] @ vectors[0]).max(), 0.0, 1.0))

    # -- citations -----------------------------------------------------------------------------------------------

    def _citations(self, question: Question, response: Response, text: str) -> dict[str, float]:
        if response.quotes is None:
            return {}
        if response.abstained or not text.strip():
            # What was not said cites nothing; there is nothing to be precise about.
            return {"citation_recall": 0.0} if question.answerable and question.gold else {}
        quotes = response.quotes
        markers = {quote.marker for quote in quotes}
        scores = {
            "unsupported": citations.unsupported_share(text, list(sentence_spans(text)), markers),
            "dangling": float(dangling_markers(text, markers)),
        }
        if quotes:
            scores["byte_exact"] = sum(self._exact(quote) for quote in quotes) / len(quotes)
        if question.answerable and question.gold:
            gold = [[_triple(self._sentence(span)) for span in item] for item in question.gold]
            given = [(quote.source, quote.start, quote.end) for quote in quotes]
            scores["citation_recall"] = citations.citation_recall(given, gold)
            if given:
                scores["citation_precision"] = citations.citation_precision(given, gold)
        return scores

    def _exact(self, quote: Quote) -> bool:
        return citations.byte_exact(quote.text, self._texts.get(quote.source, ""), quote.start, quote.end)

    def _sentence(self, span: Span) -> Span:
        """The sentences that a span touches, as one span."""
        if span.source not in self._sentences:
            self._sentences[span.source] = list(sentence_spans(self._texts.get(span.source, "")))
        spans = self._sentences[span.source]
        first = bisect_right(spans, span.start, key=lambda pair: pair[1])
        last = bisect_left(spans, span.end, key=lambda pair: pair[0])
        touched = spans[first:last]
        return Span(span.source, min(span.start, touched[0][0]), max(span.end, touched[-1][1])) if touched else span


def _refusal(question: Question, abstained: bool) -> dict[str, float]:
    return {"answered": float(not abstained)} if question.answerable else {"refused": float(abstained)}


def _cost(response: Response) -> dict[str, float]:
    names = {"total": "seconds", "first_token": "first_token_seconds", "search": "search_seconds"}
    scores = {names[stage]: seconds for stage, seconds in response.timings.items() if stage in names}
    return scores | {name: float(count) for name, count in response.usage.items() if math.isfinite(count)}


def _triple(span: Span) -> Triple:
    return span.source, span.start, span.end


def _calls(calls: Iterable[object]) -> list[tuple[str, Mapping[str, object]]]:
    return [(call.tool, call.arguments) for call in calls]  # type: ignore[attr-defined]
