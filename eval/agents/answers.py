"""Whether the final answer of a run is right."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from pathlib import PurePosixPath

from agents.steps import FinalAnswer, Observation, Step
from eval.agents.tasks import Task

_MARKER = re.compile(r"\[\d{1,3}\]")
_NUMBER = re.compile(r"(?<![\d.,:])[-−]?\d[\d,]*(?:\.\d+)?")
#: Words by which an answer says that something cannot be known or done.
_MISSING = {
    "en": re.compile(
        r"\b(?:cannot|can't|can not|could not|couldn't|unable|unavailable|not (?:be|available|found|possible|known|exist|work|in|have|contain|measure)"
        r"|no (?:such|result|exchange|page|column|place|rate|information|data|way|airline)|does not|doesn't|do not|don't"
        r"|there (?:is|are) no|nothing|failed|different (?:things|kinds)|is down)\b",
        re.IGNORECASE,
    ),
    "zh": re.compile(
        r"无法|不能|没有|没找到|未能|未找到|不可用|暂时|失败|不是同|找不到|不存在|查不到|不知道|打不开|缺少"
    ),
}


def right_answer(task: Task, question: str, answer: FinalAnswer | None, steps: Sequence[Step]) -> bool:
    """Whether ``answer`` says what the task expects. One that a limit cut short is judged as what it says.

    Args:
        task: what is expected.
        question: what was asked.
        answer: None where the run has none.
        steps: of the run, whose observations an answer may take numbers from.
    """
    if answer is None or answer.outcome == "refused" or not answer.text.strip():
        return False
    text = unicodedata.normalize("NFKC", _MARKER.sub(" ", answer.text)).casefold()
    wanted = task.answer
    numbers = _numbers(text)
    if any(not any(_near(one, number, wanted.tolerance) for one in numbers) for number in wanted.numbers):
        return False
    if any(
        not any(unicodedata.normalize("NFKC", one).casefold() in text for one in group) for group in wanted.contains
    ):
        return False
    if any(one.casefold() in text for one in wanted.absent):
        return False
    if wanted.missing and not _says_missing(task.language, text, question, steps):
        return False
    return set(wanted.cites) <= cited(answer)


def cited(answer: FinalAnswer) -> set[str]:
    """The documents that an answer cites: their file names, without the ending."""
    return {PurePosixPath(citation.source.replace("\\", "/")).stem for citation in answer.citations}


def _says_missing(language: str, text: str, question: str, steps: Sequence[Step]) -> bool:
    if not _MISSING[language].search(text):
        return False
    known = " ".join([question, *(step.text for step in steps if isinstance(step, Observation))])
    allowed = set(_numbers(unicodedata.normalize("NFKC", known)))
    return all(number in allowed for number in _numbers(text))


def _numbers(text: str) -> list[float]:
    return [float(found.replace(",", "").replace("−", "-")) for found in _NUMBER.findall(text)]


def _near(said: float, wanted: float, tolerance: float) -> bool:
    """A difference of 3 degrees is said with and without its sign."""
    return abs(said - wanted) <= tolerance or (wanted > 0 and abs(abs(said) - wanted) <= tolerance)
