"""The refusal threshold: chosen where answered and refused rightly are best balanced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from eval.datasets.base import Question, QuestionSet
from ragbot.bot import RagBot
from ragbot.generation.confidence import confidence

#: The thresholds that are tried; finer ones differ by a question or two.
GRID = tuple(round(0.05 * n, 2) for n in range(1, 20))
#: A set with a smaller share of unanswerable questions gets more by leaving documents out.
ENOUGH = 0.1
LEFT_OUT = 0.4


def with_silence(questions: QuestionSet, seed: int) -> QuestionSet:
    """The set itself if it has unanswerable questions; else with a part of its documents left out."""
    silent = sum(not question.answerable for question in questions.questions)
    enough = silent >= ENOUGH * len(questions.questions)
    return questions if enough else questions.silenced(LEFT_OUT, seed)


def confidences(bot: RagBot, questions: Sequence[Question]) -> npt.NDArray[np.float64]:
    """The confidence of each question, ``(len(questions),)``; nothing is generated for it."""
    top_k = bot.settings.retrieval.top_k
    return np.array([confidence(bot.kb, q.text, bot.search(q.text, top_k)) for q in questions])


def right(sure: npt.NDArray[np.float64], questions: Sequence[Question], threshold: float) -> list[float]:
    """For each question whether the decision is right, weighted so that the mean is the balanced accuracy."""
    answerable = np.array([question.answerable for question in questions])
    counts = {True: max(int(answerable.sum()), 1), False: max(int((~answerable).sum()), 1)}
    weights = np.array([len(questions) / (2 * counts[bool(kind)]) for kind in answerable])
    decided = sure >= threshold
    scores: list[float] = (weights * (decided == answerable)).tolist()
    return scores


def both_kinds(questions: Sequence[Question]) -> bool:
    """Whether there are questions to be answered and questions to be refused; without both, no threshold is better."""
    return {question.answerable for question in questions} == {True, False}


def choose(
    sure: npt.NDArray[np.float64], questions: Sequence[Question], now: float
) -> tuple[float, Mapping[float, float]]:
    """The best threshold, and the balanced accuracy of each; of equals the one nearest to the one in use."""
    found = {threshold: float(np.mean(right(sure, questions, threshold))) for threshold in sorted({*GRID, now})}
    best = max(found.values())
    return min((t for t, value in found.items() if value >= best - 1e-12), key=lambda t: abs(t - now)), found
