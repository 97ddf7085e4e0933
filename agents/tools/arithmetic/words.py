"""The words of the grammar: what may stand in an expression besides numbers, units and dates. Nothing else is read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

_OPERATORS = {
    "+": "+ plus 加 加上 increased_by 增加 增加了 上涨 上涨了 涨 提高 提高了",
    "-": "- minus 减 减去 decreased_by reduced_by 减少 减少了 下降 下降了 降低 降低了",
    "*": "* x times multiplied_by 乘 乘以 乘上 of 的 打",
    "/": "/ divided_by over per 除以 每",
    "//": "// 整除",
    "mod": "mod modulo 模 取余 求余 取模",
    "**": "** ^ to_the_power_of raised_to raised_to_the_power_of",
    "off": "off",
    "分之": "分之",
    "百分之": "百分之",
    "千分之": "千分之",
    "%": "% percent per_cent",
    "‰": "‰ permille",
    "!": "! 的阶乘",
    "折": "折",
    "squared": "squared 的平方 平方",
    "cubed": "cubed 的立方 立方",
    "rooted": "的平方根 的算术平方根",
    "cube_rooted": "的立方根",
    "(": "(",
    ")": ")",
    ",": ", ; and 和 与 跟",
    "to": "to in into is_how_many converted_to 换算成 换算为 换成 转换成 转换为 折合 折合成 合 等于多少 是多少 合多少 有多少 =多少",
    "<": "< less_than 小于 低于",
    ">": "> greater_than more_than 大于 高于 超过",
    "<=": "<= ≤ ⩽ 小于等于 不大于",
    ">=": ">= ≥ ⩾ 大于等于 不小于",
    "==": "== = equals is_equal_to 等于",
    "!=": "!= ≠ 不等于",
    "noise": "what_is what's calculate compute evaluate how_much_is how_many the please 请问 请 计算 计算一下 算一下 求 是 "
    "共 一共 原价 的值 的结果 ? 。 : 个 一共是 math.",
}
_FUNCTIONS = {
    "sqrt": "√ 根号 平方根 square_root square_root_of",
    "cbrt": "立方根 cube_root cube_root_of",
    "root": "",
    "factorial": "fact 阶乘 factorial_of",
    "exp": "",
    "ln": "自然对数",
    "lg": "常用对数",
    "log10": "",
    "log2": "",
    "log": "对数",
    "sin": "sine 正弦",
    "cos": "cosine 余弦",
    "tan": "tangent 正切",
    "asin": "arcsin 反正弦",
    "acos": "arccos 反余弦",
    "atan": "arctan 反正切",
    "abs": "absolute_value absolute_value_of 绝对值",
    "floor": "向下取整",
    "ceil": "ceiling 向上取整",
    "round": "四舍五入",
    "min": "minimum 最小值 最小",
    "max": "maximum 最大值 最大",
    "sum": "total 总和 求和 合计",
    "mean": "average avg 平均值 平均数 平均",
    "median": "中位数",
    "stdev": "standard_deviation 标准差",
    "pstdev": "总体标准差",
    "gcd": "greatest_common_divisor 最大公约数 最大公因数",
    "lcm": "least_common_multiple 最小公倍数",
    "comb": "binomial 组合数",
    "perm": "排列数",
    "date": "",
    "days": "days_between",
    "weekday": "weekday_of day_of_week 星期几",
    "workdays": "networkdays business_days workdays_between",
}
_CONSTANTS = {
    "pi": "π 圆周率",
    "tau": "τ",
    "e": "自然常数",
    "phi": "φ golden_ratio 黄金分割比",
    "today": "now 今天 今日 现在",
    "tomorrow": "明天 明日",
    "yesterday": "昨天 昨日",
    "day_after_tomorrow": "后天",
    "day_before_yesterday": "前天",
}
#: English months by their first three letters.
MONTHS = {name: n for n, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)}


def _spelled(table: Mapping[str, str], kind: str, own: bool) -> dict[str, tuple[str, str]]:
    names: dict[str, tuple[str, str]] = {}
    for name, others in table.items():
        for word in ([name.replace("_", " ")] if own else []) + others.split():
            names[word.replace("_", " ")] = (kind, name)
    return names


#: The kind (``op``, ``func``, ``const``) and the name of each word, in small letters.
WORDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    _spelled(_OPERATORS, "op", own=False)
    | _spelled(_FUNCTIONS, "func", own=True)
    | _spelled(_CONSTANTS, "const", own=True)
)
#: What functions are called, for suggestions.
FUNCTION_NAMES = tuple(word for word, (kind, _) in WORDS.items() if kind == "func")


def alternatives(words: Iterable[str]) -> str:
    """A regular expression for the longest of the words; a Latin one does not end inside a longer word."""
    ordered = sorted(words, key=len, reverse=True)
    return "|".join(
        re.escape(word).replace(r"\ ", r"\s+") + (r"(?![A-Za-z_])" if word[-1].isascii() and word[-1].isalpha() else "")
        for word in ordered
    )
