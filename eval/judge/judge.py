"""The judge: a chat model that is asked several times about each answer, so that its own variance shows.

The two measures are those of Es et al. (2024), "RAGAs: Automated Evaluation of Retrieval Augmented Generation",
section 3, with other means: faithfulness is asked sentence by sentence, relevance on a described scale.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from eval.datasets.base import Question
from eval.judge.prompts import faithfulness_prompt, passages_of, relevance_prompt, sentences_of
from eval.judge.verdicts import read_score, read_support
from eval.responses import Response
from ragbot.errors import EvaluationError

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the judge makes of one answer.

    Attributes:
        faithfulness: share of the sentences that the passages support, in [0, 1], the mean over the repeats; None
            where no verdict could be read, or there was nothing to judge: no passage, or no sentence that claims.
        relevance: how well the answer meets the question, in [0, 1], the mean over the repeats; None without a verdict.
        faithfulness_sd: sample standard deviation over the repeats; None with fewer than two verdicts.
        relevance_sd: likewise.
        unreadable: replies that held no verdict.
        failed: calls that the model raised an exception at.
        calls: all calls, the unreadable and the failed ones among them.
        error: the last exception; empty without one.
    """

    faithfulness: float | None = None
    relevance: float | None = None
    faithfulness_sd: float | None = None
    relevance_sd: float | None = None
    unreadable: int = 0
    failed: int = 0
    calls: int = 0
    error: str = ""


class Judge:
    """Asks a chat model about answers; safe to use from several threads if the model is.

    Args:
        model: the chat model. One that answered the questions itself tends to favour its own words.
        repeats: how often it is asked the same.
        name: what reports call it; without it, the model's own name.
        temperature: passed to the model with each call; None leaves its own. At 0 the repeats can only agree, and
            their variance says nothing.

    Raises:
        EvaluationError: fewer than one repeat.
    """

    def __init__(
        self, model: BaseChatModel, repeats: int = 3, *, name: str = "", temperature: float | None = None
    ) -> None:
        if repeats < 1:
            raise EvaluationError(
                f"a judge cannot be asked {repeats} times: take 1 repeat or more, 3 show its variance"
            )
        self.repeats = repeats
        self.name = name or str(getattr(model, "model_name", "") or model._llm_type)
        self._model = model
        self._options: dict[str, Any] = {} if temperature is None else {"temperature": temperature}

    def score(self, question: Question, response: Response) -> Judgement:
        """Judge one answer. Nothing is asked about a refusal or a mere search; failures are counted, not raised."""
        if not can_judge(response):
            return Judgement()
        assert response.text is not None
        asked = _Tally()
        faithfulness: list[float] = []
        sentences, passages = sentences_of(response.text), passages_of(response)
        if sentences and passages:
            prompt = faithfulness_prompt(question, sentences, passages)
            faithfulness = self._ask(prompt, lambda reply: read_support(reply, len(sentences)), asked)
        relevance = self._ask(relevance_prompt(question, response.text), read_score, asked)
        return Judgement(
            faithfulness=_mean(faithfulness),
            relevance=_mean(relevance),
            faithfulness_sd=_deviation(faithfulness),
            relevance_sd=_deviation(relevance),
            unreadable=asked.unreadable,
            failed=asked.failed,
            calls=asked.calls,
            error=asked.error,
        )

    def _ask(self, prompt: str, read: Callable[[str], float | None], asked: _Tally) -> list[float]:
        """The verdicts that could be read, of all the repeats."""
        from langchain_core.messages import HumanMessage

        verdicts = []
        for _ in range(self.repeats):
            asked.calls += 1
            try:
                reply = str(self._model.invoke([HumanMessage(prompt)], **self._options).text)
            except Exception as problem:  # the model may be anybody's; its failure is counted
                asked.failed += 1
                asked.error = f"{type(problem).__name__}: {' '.join(str(problem).split())}"
                logger.info("the judge %s failed", self.name, exc_info=True)
                continue
            verdict = read(reply)
            if verdict is None:
                asked.unreadable += 1
                logger.info("the judge %s gave no verdict: %.200r", self.name, reply)
            else:
                verdicts.append(verdict)
        return verdicts


@dataclass(slots=True)
class _Tally:
    """What happened to the calls of one judgement."""

    calls: int = 0
    unreadable: int = 0
    failed: int = 0
    error: str = ""


def can_judge(response: Response | None) -> bool:
    """Whether there is an answer to judge, rather than a refusal, a mere search or nothing."""
    return response is not None and not response.abstained and bool((response.text or "").strip())


def _mean(verdicts: Sequence[float]) -> float | None:
    return fmean(verdicts) if verdicts else None


def _deviation(verdicts: Sequence[float]) -> float | None:
    return stdev(verdicts) if len(verdicts) > 1 else None
