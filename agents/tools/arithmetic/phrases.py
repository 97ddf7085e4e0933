"""A few questions that have no place in a grammar of expressions, turned into calls of its functions.

Each is a whole sentence around its operands; what does not fit is left as it is, and the parser says what is wrong.
"""

from __future__ import annotations

import re

#: Longer texts are expressions, and not tried against the patterns.
_LONGEST = 200
_LISTED = {
    "最大公约数": "gcd",
    "最大公因数": "gcd",
    "最小公倍数": "lcm",
    "平均数": "mean",
    "平均值": "mean",
    "中位数": "median",
    "最大值": "max",
    "最小值": "min",
    "和": "sum",
}
_PAIRED = {"差": "-", "积": "*", "乘积": "*", "商": "/"}
_END = r"(?:是|为|等于)?(?:多少|几)?[?。]?$"
_RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), template)
    for pattern, template in (
        (rf"^(?:请问)?(.+?)除以(.+?)(?:的)?余数{_END}", r"(\1) mod (\2)"),
        (rf"^(?:请问)?(.+?)除以(.+?)余(?:多少|几){_END}", r"(\1) mod (\2)"),
        (
            r"^(?:从)?(.+?)(?:到|至)(.+?)(?:之间)?(?:一共|共)?(?:有|还有|是)?(?:多少|几)个?工作日[?。]?$",
            r"workdays(\1, \2)",
        ),
        (
            r"^(?:从)?(.+?)(?:到|至)(.+?)(?:之间)?(?:一共|共|相差|相隔|隔)?(?:有|还有|是)?(?:多少|几)天[?。]?$",
            r"days(\1, \2)",
        ),
        (r"^(?:离|距离?)(.+?)(?:还)?(?:有|剩)(?:多少|几)天[?。]?$", r"days(today, \1)"),
        (r"^(.+?)(?:是|为)?(?:星期|周|礼拜)几[?。]?$", r"weekday(\1)"),
        (
            r"^(?:the )?(?:working days|business days|workdays) (?:between|from) (.+?) (?:and|to|until) (.+?)\??$",
            r"workdays(\1, \2)",
        ),
        (
            r"^(?:how many )?(?:working days|business days|workdays)(?: are there)? (?:between|from) (.+?) (?:and|to|until) (.+?)\??$",
            r"workdays(\1, \2)",
        ),
        (
            r"^(?:how many |the )?(?:number of )?days(?: are there)? (?:between|from) (.+?) (?:and|to|until) (.+?)\??$",
            r"days(\1, \2)",
        ),
        (r"^(?:how many )?days (?:until|till) (.+?)\??$", r"days(today, \1)"),
        (r"^(?:what |which )(?:day|weekday|day of the week) (?:is|was|will be) (.+?)\??$", r"weekday(\1)"),
        (r"^(?:the )?(?:weekday|day of the week) (?:of|for|on) (.+?)\??$", r"weekday(\1)"),
        (r"^half of (.+)$", r"(\1) / 2"),
        (r"^(.+?)的一半$", r"(\1) / 2"),
        (r"^(.+?)的(?:两倍|二倍)$", r"(\1) * 2"),
    )
)
_LIST = re.compile(rf"^(?:请问|求)?(.+?)的({'|'.join(_LISTED)}|{'|'.join(_PAIRED)}){_END}")
_AND = re.compile(r"和|与|跟|,|(?<=\d)\s+(?=\d)")
#: 2的10次方, 3的三次幂, 27开三次方
_POWER = re.compile(r"的?\s*([0-9]{1,6}|[一二三四五六七八九十百]{1,5})\s*次[方幂]")
_ROOT = re.compile(r"^(.{1,60}?)(?:开|的)\s*([0-9]{1,3}|[一二三四五六七八九十]{1,3})\s*次(?:方根|方)$")


def reworded(text: str) -> str:
    """A normalised text, as an expression where it is one of the questions."""
    text = text.strip()
    if len(text) > _LONGEST:
        return text
    if "次" in text:
        if (match := _ROOT.match(text)) and ("开" in text or text.endswith("根")):
            return f"root({match[1]}, {match[2]})"
        text = _POWER.sub(r" ** (\1)", text)
    for pattern, template in _RULES:
        if pattern.match(text):
            return pattern.sub(template, text)
    match = _LIST.match(text)
    if match:
        parts = [part.strip() for part in _AND.split(match[1]) if part.strip()]
        if match[2] in _LISTED and len(parts) > 1:
            return f"{_LISTED[match[2]]}({', '.join(parts)})"
        if match[2] in _PAIRED and len(parts) == 2:
            return f"({parts[0]}) {_PAIRED[match[2]]} ({parts[1]})"
    return text
