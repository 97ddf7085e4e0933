"""What the model is told where an expression has no result: what is wrong, and what to write instead."""

from __future__ import annotations

from collections.abc import Mapping

from agents.tools.arithmetic.failures import CalculationError
from agents.tools.arithmetic.formats import unit_text
from agents.tools.arithmetic.unit_table import Unit, unit_names
from agents.tools.arithmetic.words import FUNCTION_NAMES
from agents.tools.wording import Texts, nearest

FAILURES = Texts(
    en={
        "empty": "There is nothing to calculate. Write an expression, such as (3 + 4) * 5.",
        "long": "The expression is too long (more than {most} characters). Calculate it in parts.",
        "deep": "The expression is nested too deeply (more than {most} levels). Calculate the inner part first.",
        "large": "The result is too large (more than {digits} digits). Use smaller numbers, or calculate with logarithms: ln(a*b) = ln(a) + ln(b).",
        "large_result": "The result would have about {about} digits; at most {digits} are calculated. Use smaller numbers, or logarithms: log(a**b) = b * log(a).",
        "unknown": "“{name}” is not known here. Write only numbers, + - * / // % ** ( ), units, dates and functions.{near}",
        "number": "“{number}” is not a number. Write it with digits and one decimal point, such as 1234.5.",
        "date": "There is no day {date}. Write days as year-month-day, such as 2026-03-01.",
        "unit_case": "“{name}” can mean several units: {choices}. Write it as one of these.",
        "operator": "Between “{before}” and “{token}” an operator is missing, or one of them does not belong here. Write for example 2 * (3 + 4).",
        "operand": "Before “{token}” a number is missing. Write for example 2 + 3.",
        "unfinished": "The expression breaks off: a number is missing at its end.",
        "unclosed": "A closing parenthesis is missing, or there is one argument too many. Write for example (2 + 3) * 4.",
        "zero": "A division by zero has no result.",
        "natural": "{name} takes whole numbers from 0 on.",
        "integers": "{name} takes whole numbers without a unit.",
        "negative_root": "An even root of a negative number is not real.",
        "negative_power": "A negative number to a power that is not whole is not real. Use cbrt or root(x, n) for odd roots.",
        "degree": "The degree of a root is a whole number from 1 to 1000.",
        "log_domain": "A logarithm is only defined for numbers above 0.",
        "log_base": "The base of a logarithm is above 0 and not 1.",
        "arc_domain": "asin and acos take numbers from -1 to 1.",
        "angle": "The angle is too large. Use one below 10^20.",
        "pole": "tan has no value there.",
        "places": "The second argument of round is a whole number of decimal places.",
        "arguments": "{name} takes {count} argument(s), in parentheses and with commas: {name}({example}).",
        "dimension": "{left} and {right} measure different things and cannot be converted or added.",
        "money": "There is no exchange rate for {left} to {right} here. Ask for the rate first (another tool, or the user), then multiply by it.",
        "reading": "Temperatures in {unit} can be converted and subtracted, but not added or multiplied. Convert to K first.",
        "unit_exponent": "An exponent has no unit. Write for example 2 ** 3.",
        "units": "The units of this result are too complicated. Calculate with numbers alone.",
        "function_unit": "{name} takes numbers without a unit.",
        "goal": "After “to” stands a unit alone, such as: 5 km to miles.",
        "discount": "A discount is a number below 100. Write for example 20% off 80.",
        "percent_unit": "A percentage has no unit. Write for example 15% of 240 km.",
        "not_number": "A number is needed here, not a day.",
        "not_day": "{name} takes days, such as 2026-03-01 or today.",
        "day_operation": "With days this can be done: day - day, day + 90 days, day - 3 months, day + 10 workdays, day < day.",
        "whole_days": "To a day only whole days, weeks, months, years or workdays can be added.",
        "calendar": "That day is outside the years 1 to 9999.",
    },
    zh={
        "empty": "没有可计算的内容。请写一个算式，例如 (3 + 4) * 5。",
        "long": "算式太长（超过 {most} 个字符）。请分成几部分计算。",
        "deep": "算式嵌套太深（超过 {most} 层）。请先计算里面的部分。",
        "large": "结果太大（超过 {digits} 位）。请用小一些的数，或用对数计算：ln(a*b) = ln(a) + ln(b)。",
        "large_result": "结果约有 {about} 位，最多只能算 {digits} 位。请用小一些的数，或用对数：log(a**b) = b * log(a)。",
        "unknown": "这里不认识“{name}”。只能写数字、+ - * / // % ** ( )、单位、日期和函数。{near}",
        "number": "“{number}”不是一个数。请用数字和一个小数点来写，例如 1234.5。",
        "date": "没有 {date} 这一天。请按“年-月-日”写日期，例如 2026-03-01。",
        "unit_case": "“{name}”可以指几个单位：{choices}。请写成其中一个。",
        "operator": "“{before}”和“{token}”之间缺少运算符，或者其中一个不该在这里。请写成例如 2 * (3 + 4)。",
        "operand": "“{token}”前面缺少一个数。请写成例如 2 + 3。",
        "unfinished": "算式没有写完，末尾缺少一个数。",
        "unclosed": "缺少右括号，或者多了一个参数。请写成例如 (2 + 3) * 4。",
        "zero": "除数为零，没有结果。",
        "natural": "{name} 只接受 0 或正整数。",
        "integers": "{name} 只接受不带单位的整数。",
        "negative_root": "负数的偶次方根不是实数。",
        "negative_power": "负数的非整数次方不是实数。奇次方根请用 cbrt 或 root(x, n)。",
        "degree": "开方的次数是 1 到 1000 的整数。",
        "log_domain": "只有大于 0 的数才有对数。",
        "log_base": "对数的底数要大于 0 且不等于 1。",
        "arc_domain": "asin 和 acos 只接受 -1 到 1 的数。",
        "angle": "角度太大，请用小于 10^20 的数。",
        "pole": "tan 在这里没有值。",
        "places": "round 的第二个参数是小数位数，要用整数。",
        "arguments": "{name} 需要 {count} 个参数，写在括号里，用逗号分开：{name}({example})。",
        "dimension": "{left} 和 {right} 不是同一种量，不能换算或相加。",
        "money": "这里没有 {left} 换 {right} 的汇率。请先（用别的工具或向用户）问到汇率，再相乘。",
        "reading": "用{unit}表示的温度可以换算和相减，不能相加或相乘。请先换算成 K。",
        "unit_exponent": "指数不能带单位。请写成例如 2 ** 3。",
        "units": "结果的单位太复杂。请只用数来计算。",
        "function_unit": "{name} 只接受不带单位的数。",
        "goal": "“换算成”后面只写一个单位，例如：5公里换算成英里。",
        "discount": "折扣写成“折”前面一个小于 100 的数，例如八折、85折。",
        "percent_unit": "百分数不带单位。请写成例如 240公里的15%。",
        "not_number": "这里需要一个数，而不是日期。",
        "not_day": "{name} 需要日期，例如 2026-03-01 或 今天。",
        "day_operation": "日期可以这样算：日期 - 日期、日期 + 90天、日期 - 3个月、日期 + 10个工作日、日期 < 日期。",
        "whole_days": "日期只能加减整数的天、周、月、年或工作日。",
        "calendar": "这一天不在公元 1 年到 9999 年之间。",
    },
)
_NEAR = Texts(en={"near": " Did you mean {names}?"}, zh={"near": "是不是想写 {names}？"})


def failure_text(failure: CalculationError, language: str) -> str:
    """The message for the model."""
    values = {key: _shown(value, language) for key, value in failure.values.items()}
    if failure.key == "unknown":
        known = [*FUNCTION_NAMES, *(name for name in unit_names() if len(name) > 1)]
        found = nearest(str(failure.values["name"]), known) if len(str(failure.values["name"])) > 2 else []
        values["near"] = _NEAR(language, "near", names=", ".join(found)) if found else ""
    if failure.key == "arguments":
        least, most = failure.values["least"], failure.values["most"]
        values["count"] = str(least) if least == most else f"{least}-{most}"
        days = failure.values["name"] in ("days", "workdays", "weekday")
        one = "2026-03-01" if days else "12"
        values["example"] = ", ".join([one] * (least if isinstance(least, int) else 1))
    return FAILURES(language, failure.key, **values)


def _shown(value: object, language: str) -> str:
    if isinstance(value, Unit):
        return value.zh if language == "zh" else value.name
    if isinstance(value, tuple):  # units of a quantity, or units to choose from
        if value and isinstance(value[0], Unit):
            return ", ".join(unit.name for unit in value)
        return unit_text(value, language, one=True) or ("没有单位的数" if language == "zh" else "a plain number")
    return str(value)


#: What stands behind a result, by what the expression used.
NOTES: Mapping[str, Mapping[str, str]] = {
    "workday": {
        "en": "Working days are Monday to Friday; public holidays are not taken into account.",
        "zh": "工作日按周一到周五计算，未考虑法定节假日和调休。",
    },
}
