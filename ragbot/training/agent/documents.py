"""Scenarios over the person's documents: a fact, what the documents do not say, and what is computed from a fact."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from agents.steps import Observation
from agents.tools.arithmetic.numerals import PATTERN, numeral_value
from eval.datasets.base import Question, QuestionSet
from ragbot.training.agent.scenarios import Ask, Scenario, Script, Stage, UnusableError, data
from ragbot.training.agent.texts import answer, question

#: An answer that is a number, with a unit at most: "640", "2,100 metres", "27天", "四十里".
_NUMBER = re.compile(
    rf"(?P<number>\d[\d,]*(?:\.\d+)?|{PATTERN})\s*(?P<unit>[A-Za-z]{{0,12}}|千米|公里|平方公里|厘米|毫米|米|里|尺|天|人|户|次|座|只|"
    "名|位|篇|卷|公顷|亩|吨|千克|公斤|斤|元|石|小时|分钟|秒|个月|个|条|年|孔|间|头|根|口|部|枚|株|件|艘|处|张|家|块|匹|架|辆|种|场|本)"
)
#: What is not multiplied: years, and what only looks like a unit.
_YEARS, _NO_UNITS = range(1000, 2100), ("degrees", "th", "st", "nd", "rd", "am", "pm", "million", "billion", "July")
#: Characters of what two searches show together; more do not fit beside the tools into what a small model reads.
_ROOM = {"en": 2_800, "zh": 1_000}


@dataclass(frozen=True, slots=True)
class Known:
    """A question whose answer is a number: ``shown`` as it stands in the document, ``number`` to compute with."""

    asked: Question
    shown: str
    number: str
    unit: str

    @property
    def is_year(self) -> bool:
        """Whether it is a year, which is not multiplied."""
        written = self.shown.removesuffix("年") == self.number  # neither 2,100 nor 二十六年 is one
        return written and self.unit in ("", "年") and self.number.isdecimal() and int(self.number) in _YEARS


def document(stage: Stage) -> Scenario:
    """A question about a document: answered from the passage that holds the answer, or not answered."""
    draw, language = stage.draw, stage.language
    chosen = draw.choice(draw.choice(_sets(stage)).questions)
    template = "document-fact" if chosen.answerable else "document-missing"
    if template == "document-missing" and draw.random() < 0.6:
        raise UnusableError("half of the questions about a paragraph have no answer: more than people ask")

    def script() -> Script:
        found = yield _search(chosen)
        if template == "document-missing":
            return answer(draw, language, template)
        value, marker = _cited(found, chosen, chosen.answers)
        return answer(draw, language, template, value=value, s=marker)

    asked = question(draw, language, template, q=chosen.text)
    return Scenario(template, language, asked, ("search_knowledge",), script)


def document_computed(stage: Stage) -> Scenario:
    """A number out of a document, and something computed with it."""
    draw, language = stage.draw, stage.language
    known = draw.choice(numbers(tuple(_sets(stage))))
    number = float(known.number)
    if known.is_year:
        template, n = "document-age", draw.randint(max(int(number) + 3, 2020), 2100)
        expression = f"{n} - {known.number}"
    else:
        template = draw.choice(("document-times", "document-percent", "document-rest"))
        n = (
            draw.randint(2, 40)
            if template != "document-percent"
            else draw.choice((5, 8, 10, 12, 15, 20, 25, 30, 40, 60))
        )
        if template == "document-rest":
            if number < 5:
                raise UnusableError("there is nothing to take away")
            n = draw.randint(1, min(int(number) - 1, 5000))
        expression = {
            "document-times": f"{known.number} * {n}",
            "document-percent": f"{n}% of {known.number}",
            "document-rest": f"{known.number} - {n}",
        }[template]
    values = {"q": known.asked.text, "n": n}

    def script() -> Script:
        first = yield _search(known.asked)
        _, marker = _cited(first, known.asked, (known.shown,))
        found = yield Ask("calculator", {"expression": expression})
        value = data(found)["shown"] + ("" if known.is_year else _unit(known.unit, language))
        shown = known.shown.removesuffix("年").strip()
        unit = " 年" if known.is_year and language == "zh" else ""
        return answer(draw, language, template, **values, a=shown + unit, s1=marker, value=value, s=found.source)

    asked = question(draw, language, template, **values)
    return Scenario(template, language, asked, ("search_knowledge", "calculator"), script)


def documents_two(stage: Stage) -> Scenario:
    """Numbers of one unit out of two documents: how far apart they are, or which is larger."""
    draw, language = stage.draw, stage.language
    known = [one for one in numbers(tuple(_sets(stage))) if not one.is_year]
    first = draw.choice(known)
    like = [one for one in known if one.unit == first.unit and one.asked.document != first.asked.document]
    if not like:
        raise UnusableError("no other number has this unit")
    second = draw.choice(like)
    if first.number == second.number:
        raise UnusableError("the numbers are the same")
    template = draw.choice(("two-documents", "document-compare"))
    values = {"q": first.asked.text, "other": second.asked.text}
    larger, smaller = sorted((first, second), key=lambda one: -float(one.number))

    def script() -> Script:
        left = yield _search(first.asked)
        _, marker = _cited(left, first.asked, (first.shown,))
        right = yield _search(second.asked)
        _, other = _cited(right, second.asked, (second.shown,))
        if len(left.text) + len(right.text) > _ROOM[language]:
            raise UnusableError("the passages are too long together")
        shown = {"a": first.shown, "b": second.shown, "s1": marker}
        if template == "document-compare":
            return answer(draw, language, template, **values, **shown, value=larger.shown, s=other)
        found = yield Ask("calculator", {"expression": f"{larger.number} - {smaller.number}"})
        value = data(found)["shown"] + _unit(first.unit, language)
        return answer(draw, language, template, **values, **shown, s2=other, value=value, s=found.source)

    needs = ("search_knowledge", "calculator") if template == "two-documents" else ("search_knowledge",)
    return Scenario(template, language, question(draw, language, template, **values), needs, script)


def numbers(sets: Sequence[QuestionSet]) -> list[Known]:
    """The questions that a number answers.

    Raises:
        UnusableError: there are none.
    """
    found = []
    for one in sets:
        for asked in one.questions:
            for shown in asked.answers if asked.answerable else ():
                match = _NUMBER.fullmatch(shown)
                number = _digits(match["number"]) if match else ""
                if match and number and match["unit"] not in _NO_UNITS and not _early(match["number"], match["unit"]):
                    found.append(Known(asked, shown, number, match["unit"]))
                    break
    if not found:
        raise UnusableError("no number answers a question")
    return found


def _digits(number: str) -> str:
    """A number as the calculator is given it; empty where it cannot be told what it is."""
    if number[0].isdecimal():
        return number.replace(",", "")
    value = numeral_value(number)
    return str(value) if value is not None and value.denominator == 1 else ""


def _early(number: str, unit: str) -> bool:
    """Whether it may be a year or a number of years: 918年."""
    return unit == "年" and number.isdecimal() and int(number) not in _YEARS


def _sets(stage: Stage) -> list[QuestionSet]:
    found = [one for one in stage.questions if one.name.endswith(stage.language)]
    if not found:
        raise UnusableError(f"no documents in {stage.language}")
    return found


def _search(asked: Question) -> Ask:
    return Ask("search_knowledge", {"query": asked.text.rstrip("?？")})


def _cited(found: Observation, asked: Question, answers: Sequence[str]) -> tuple[str, int]:
    """Which of ``answers`` a passage of the right document holds, and the marker of the passage."""
    for citation in found.citations:
        for value in answers:
            # 37 does not stand in 1937.
            stands = re.search(rf"(?<!\d){re.escape(value)}(?!\d)", citation.quote)
            if citation.source == asked.document and stands:
                return value, citation.marker
    raise UnusableError("the search did not find the passage")


def _unit(unit: str, language: str) -> str:
    return unit if language == "zh" else f" {unit}" if unit else ""
