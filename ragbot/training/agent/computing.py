"""Scenarios of the calculator: numbers as people have them."""

from __future__ import annotations

from collections.abc import Mapping

from ragbot.training.agent.scenarios import Ask, Scenario, Script, Stage, data, plain
from ragbot.training.agent.texts import answer, question, things

#: What is computed, by template.
EXPRESSIONS: Mapping[str, str] = {
    "percent-of": "{p}% of {n}",
    "product": "{a} * {b}",
    "sum": "{a} + {b} + {c}",
    "difference": "{b} - {a}",
    "quotient": "round({b} / {a}, 2)",
    "percent-is": "round({a} / {b} * 100, 1)",
    "discount": "{n} - {p}%",
    "tax": "{n} + {p}%",
    "split-bill": "round({n} / {count}, 2)",
    "change": "round(({b} - {a}) / {a} * 100, 1)",
    "rest": "{n} - {a} - {b}",
    "pay": "{a} * {b}",
    "order-total": "{a} * {b} + {c}",
}
#: Those whose first number is the smaller one.
_RISING = ("difference", "quotient", "percent-is")


def arithmetic(stage: Stage) -> Scenario:
    """A sum, product, percentage, discount, share, change or rest."""
    draw, language = stage.draw, stage.language
    template = draw.choice(list(EXPRESSIONS))
    n = draw.choice((draw.randint(20, 5000), plain(str(draw.randint(200, 90000) / 100))))
    a, b, c = (draw.randint(11, 999) for _ in range(3))
    if template in _RISING:
        a, b = sorted((a, b + 1000))
    if template == "quotient":
        a = a % 48 + 3
    if template == "rest":
        n = round(n + 2000, 2)  # enough to be spent
    values: dict[str, object] = {"n": n, "a": a, "b": b, "c": c, "count": draw.randint(2, 14)}
    values["p"] = draw.choice((3, 5, 6, 7, 8, 9, 12, 15, 17, 19, 22, 24, 28, 32, 35, 42, 45, 65))
    values["thing"] = draw.choice(things(language, "phrases")["things"])
    return calculated(stage, template, EXPRESSIONS[template].format(**values), values)


def calculated(stage: Stage, template: str, expression: str, values: Mapping[str, object]) -> Scenario:
    """One call of the calculator, and its result."""
    draw, language = stage.draw, stage.language
    asked = question(draw, language, template, **values)

    def script() -> Script:
        found = yield Ask("calculator", {"expression": expression})
        result = data(found)
        value = result.get("date") or result["shown"]
        return answer(draw, language, template, **values, value=value, s=found.source)

    return Scenario(template, language, asked, ("calculator",), script)
