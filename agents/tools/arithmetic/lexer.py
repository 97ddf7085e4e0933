"""Text to tokens: numbers, dates, units and the words of the grammar; whatever else there is, is refused."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import cache

from agents.tools.arithmetic.english import ENGLISH, SCALE, english_value, scale_value
from agents.tools.arithmetic.failures import CalculationError
from agents.tools.arithmetic.numerals import LARGE, PATTERN, numeral_value
from agents.tools.arithmetic.unit_table import Unit, folded_names, unit_names
from agents.tools.arithmetic.values import MOST_DIGITS, Day, Quantity, Value
from agents.tools.arithmetic.words import MONTHS, WORDS, alternatives

MOST_CHARACTERS = 1_000
MOST_TOKENS = 400

#: A power written small, and the letters that it stands behind: NFKC would make 105 of 10⁵.
_SMALL_POWER = re.compile(r"([A-Za-z]*)([⁺⁻]?[⁰¹²³⁴-⁹]+)")
#: ½ and the like, behind a whole number or alone.
_VULGAR = re.compile(r"(?<=\d)\s?(?=[¼-¾⅐-⅟↉])")
#: A fraction's stroke that somebody wrote is a division; those that NFKC makes of ½ hold a number together.
_BEFORE_NFKC = str.maketrans({"×": "*", "÷": "/", "−": "-", "–": "-", "—": "-", "·": "*", "∗": "*", "⁄": "/"})
#: What NFKC leaves, and the traditional characters of the words of the grammar.
_AFTER_NFKC = str.maketrans(
    "、點減兩萬億幾開餘應與換轉總數對積絕值進間達個幾週時鐘號○",
    ",点减两万亿几开余应与换转总数对积绝值进间达个几周时钟号〇",
)
_SCALES = {"百": 100, "千": 1_000, **LARGE}
_NUMBER = re.compile(
    r"(?:(?P<whole>\d+) )?(?P<above>\d+)⁄(?P<below>[1-9]\d*)"  # 3½, by then 3 1⁄2
    r"|(?P<grouped>\d{1,3}(?:,\d{3})+(?![\d])(?:\.\d+)?)|(?P<plain>(?:\d[\d_]*(?:\.\d*)?|\.\d+)(?:[eE](?P<exponent>[+-]?\d+))?)"
)
_DATE = re.compile(
    r"(?P<y>\d{4})(?:-(?P<m>\d{1,2})-(?P<d>\d{1,2})|/(?P<m2>\d{2})/(?P<d2>\d{2})|\.(?P<m3>\d{2})\.(?P<d3>\d{2}))(?![\d.])"
    r"|(?:(?P<y4>\d{4})\s*年)?\s*(?P<m4>\d{1,2})\s*月\s*(?P<d4>\d{1,2})\s*[日号]"
    r"|(?P<d5>\d{1,2})\s+(?P<m5>[A-Za-z]{3,9})\.?\s+(?P<y5>\d{4})(?!\d)"
    r"|(?P<m6>[A-Za-z]{3,9})\.?\s+(?P<d6>\d{1,2}),?\s+(?P<y6>\d{4})(?!\d)"
)
_HAN_DIGITS = "〇零一二三四五六七八九十"
#: A day in Chinese characters, or partly; 三个月 and 二十日 are spans of time, and 三年五月二十日 is no day of a known year.
_HAN_DATE = re.compile(
    rf"(?<![\d{_HAN_DIGITS}百千万年])(?:(?:\d{{4}}|[{_HAN_DIGITS}]{{4}})\s*年\s*)?"
    rf"(?:\d{{1,2}}|[{_HAN_DIGITS}]{{1,3}})\s*月\s*(?:\d{{1,2}}|[{_HAN_DIGITS}]{{1,3}})\s*[日号]"
)
_HAN_DATE_PART = re.compile(f"[{_HAN_DIGITS}]+")
_MONTH_NAMES = tuple(
    "january february march april may june july august september october november december sept".split()
)
_HAN_NUMERAL = re.compile(PATTERN)
_NAME = re.compile(r"[^\W\d]+")
#: After this, ``in`` is the inch and not the word of a conversion.
_INCH = re.compile(r"\s*(?:[-+*/)^,<>=]|$|(?:to|in|into)(?![A-Za-z]))")


@dataclass(frozen=True, slots=True)
class Token:
    """``kind``: ``value``, ``unit``, ``op``, ``func``, ``const`` or ``end``; ``text`` as it was written."""

    kind: str
    name: str
    text: str
    value: Value | None = None
    unit: Unit | None = None


def normalised(text: str) -> str:
    """Full width, superscripts and other ways to write the same sign, as one.

    Raises:
        CalculationError: the text is too long to be looked at.
    """
    if len(text) > MOST_CHARACTERS:
        raise CalculationError("long", most=MOST_CHARACTERS)
    text = _VULGAR.sub(" ", _SMALL_POWER.sub(_power, text))
    found = unicodedata.normalize("NFKC", text.translate(_BEFORE_NFKC)).translate(_AFTER_NFKC)
    if len(found) > 2 * MOST_CHARACTERS:  # one character of Arabic can be eighteen
        raise CalculationError("long", most=MOST_CHARACTERS)
    return _HAN_DATE.sub(_date_in_digits, found)


def _power(match: re.Match[str]) -> str:
    """A power in full size; m² is a unit with a name of its own."""
    letters, small = match[1], match[2]
    if letters + small in unit_names():
        return match[0]
    return f"{letters}^{unicodedata.normalize('NFKC', small).translate(_BEFORE_NFKC)} "


def _date_in_digits(match: re.Match[str]) -> str:
    """五月二十日 as 5月20日; what is no numeral stays."""

    def digits(part: re.Match[str]) -> str:
        value = numeral_value(part[0])
        return part[0] if value is None else str(value)

    return _HAN_DATE_PART.sub(digits, match[0])


def tokens(text: str, today: Callable[[], date]) -> list[Token]:
    """The tokens of a normalised text, ``end`` last.

    Args:
        today: for days that are written without a year.

    Raises:
        CalculationError: something that is not in the grammar, or too much of it.
    """
    found: list[Token] = []
    place = 0
    functions: list[bool] = []  # for each open parenthesis: is it a function's?
    while place < len(text):
        if text[place].isspace():
            place += 1
            continue
        if len(found) >= MOST_TOKENS:
            raise CalculationError("long", most=MOST_CHARACTERS)
        token, place = _next(text, place, found, today, any(functions[-1:]))
        if token.name == "(" and token.kind == "op":
            functions.append(bool(found) and found[-1].kind == "func")
        elif token.name == ")" and token.kind == "op" and functions:
            functions.pop()
        if token.name != "noise":
            found.append(token)
    return [*found, Token("end", "end", "")]


def _next(text: str, place: int, before: list[Token], today: Callable[[], date], in_call: bool) -> tuple[Token, int]:
    first = text[place]
    if first.isdigit() or (first.isascii() and first.isalpha()):
        match = _DATE.match(text, place)
        if match and (day := _day(match, today)):
            return Token("value", "day", match[0], day), match.end()
    if match := _NUMBER.match(text, place):
        return _number(text, match, in_call)
    candidates: list[tuple[int, int, Token]] = []
    counted = bool(before) and (before[-1].kind in ("value", "unit") or before[-1].name in (")", "squared", "cubed"))
    words, names = _patterns().get(first.lower(), (None, None))
    if words and (match := words.match(text, place)):
        kind, name = WORDS[" ".join(match[0].lower().split())]
        candidates.append((match.end(), 1, Token(kind, name, match[0])))
    if names and (match := names.match(text, place)) and (token := _unit(match[0])):
        candidates.append((match.end(), 2 if counted else 0, token))
    if first.isascii() and (match := ENGLISH.match(text, place)):
        candidates.append((match.end(), 1, Token("value", "number", match[0], Quantity(english_value(match)))))
    if match := _HAN_NUMERAL.match(text, place):
        value = numeral_value(match[0])
        if value is not None:
            candidates.append((match.end(), 1, Token("value", "number", match[0], Quantity(value))))
    if not candidates:
        shown = (_NAME.match(text, place) or re.compile(".").match(text, place) or [text[place]])[0]
        raise CalculationError("unknown", name=shown[:40])
    # A word that begins two ways is the longer of them.
    end, _, token = max(candidates, key=lambda one: one[:2])
    alike = {one.kind: one for stop, _, one in candidates if stop == end}
    if {"unit", "func"} <= alike.keys():  # min, days: a function where it is called
        token = alike["func" if text[end:].lstrip().startswith("(") else "unit"]
    elif {"unit", "op"} <= alike.keys() and alike["op"].name == "to":  # in: an inch where nothing to convert to follows
        token = alike["unit" if counted and _INCH.match(text, end) else "op"]
    return token, end


def _number(text: str, match: re.Match[str], in_call: bool) -> tuple[Token, int]:
    written, end = match[0], match.end()
    if match["grouped"] and in_call:  # in a call, a comma separates arguments
        written = written.partition(",")[0]
        end = match.start() + len(written)
    if end < len(text) and text[end] == "." and text[end + 1 : end + 2].isdigit():
        raise CalculationError("number", number=text[match.start() : end + 8])
    exponent = match["exponent"]
    if exponent and (len(exponent) > 6 or abs(int(exponent)) > MOST_DIGITS):
        raise CalculationError("large", digits=MOST_DIGITS)
    if match["above"]:
        value = int(match["whole"] or 0) + Fraction(int(match["above"]), int(match["below"]))
    else:
        value = Fraction(written.replace(",", "").replace("_", "").rstrip("."))
    value, end = _scaled(text, end, value)
    return Token("value", "number", text[match.start() : end], Quantity(value)), end


def _scaled(text: str, end: int, value: Fraction) -> tuple[Fraction, int]:
    """3.5万 and 1亿2000万 in digits: a scale multiplies what stands before, and smaller ones may follow."""
    total, last = Fraction(0), None
    while True:
        scale = 1
        while end < len(text) and text[end] in _SCALES and not _longer_unit(text, end):
            scale *= _SCALES[text[end]]
            end += 1
            if scale > 10**16:
                raise CalculationError("number", number=text[max(0, end - 8) : end])
        if scale == 1:
            # 3万5 is 35000; 1万2000 is 12000.
            tenth = last // 10 if last and value < 10 and value.denominator == 1 else 1
            total += value * tenth
            if last is None and (match := SCALE.match(text, end)):  # 3.5 million
                return total * scale_value(match), match.end()
            return total, end
        if last is not None and value * scale >= last:
            raise CalculationError("number", number=text[max(0, end - 8) : end])
        total, last = total + value * scale, scale
        more = re.compile(r"\d+(?:\.\d+)?").match(text, end)
        if not more:
            return total, end
        value, end = Fraction(more[0]), more.end()


def _longer_unit(text: str, place: int) -> bool:
    """Whether what looks like a scale begins a unit: 3千克."""
    _, names = _patterns().get(text[place], (None, None))
    match = names.match(text, place) if names else None
    return match is not None and match.end() > place + 1


def _day(match: re.Match[str], today: Callable[[], date]) -> Day | None:
    parts = {name[0]: value for name, value in match.groupdict().items() if value}
    month = parts["m"]
    if not month.isdigit():
        if month.lower() not in _MONTH_NAMES and month.lower() not in MONTHS:
            return None
        month = str(MONTHS[month[:3].lower()])
    try:
        return Day(date(int(parts["y"]) if "y" in parts else today().year, int(month), int(parts["d"])))
    except ValueError:
        raise CalculationError("date", date=match[0].strip()) from None


def _unit(written: str) -> Token | None:
    name = " ".join(written.split())
    unit = unit_names().get(name)
    if unit is None:
        if len(name) == 1:  # 5M and 5k are not metres and kelvins
            return None
        choices = folded_names()[name.lower()]
        if len(choices) > 1:
            raise CalculationError("unit_case", name=name, choices=choices)
        unit = choices[0]
    return Token("unit", unit.name, written, unit=unit)


@cache
def _patterns() -> Mapping[str, tuple[re.Pattern[str] | None, re.Pattern[str] | None]]:
    """By the first letter: the words and the units that begin with it. One pattern for all would be tried in vain."""
    words, units = _by_first(WORDS), _by_first(folded_names())
    return {first: (words.get(first), units.get(first)) for first in words.keys() | units.keys()}


def _by_first(names: Iterable[str]) -> dict[str, re.Pattern[str]]:
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(name[0], []).append(name)
    return {first: re.compile(alternatives(group), re.IGNORECASE) for first, group in groups.items()}
