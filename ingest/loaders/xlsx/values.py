"""What a cell shows: its number in the cell's format, a day as ISO 8601 (ECMA-376, part 1, 18.8.30 and 18.17.4)."""

from __future__ import annotations

import datetime
import math
import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

from ingest.loaders.cleaning import clean

# The codes behind the numbers below 164, where they matter here. 27 to 36 and 50 to 58 are the East Asian ones, which
# show days and times (18.8.30 lists them by language; in Chinese, 31 is 2024年5月1日).
_BUILT_IN = (
    {1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%", 22: "y h", 46: "[h]"}
    | dict.fromkeys((14, 15, 16, 17, *range(27, 32), 36, *range(50, 55), 57, 58), "y")
    | dict.fromkeys((18, 19, 20, 21, *range(32, 36), 45, 47, 55, 56), "h")
    | dict.fromkeys((5, 6, 37, 38, 41, 42), "#,##0")
    | dict.fromkeys((7, 8, 39, 40, 43, 44), "#,##0.00")
)
_TOKEN = re.compile(r'"([^"]*)"|\\(.)|(_.)|(\*.)|\[\$([^\]-]*)[^\]]*\]|(\[[^\]]*\])|(.)', re.DOTALL)
_ELAPSED = re.compile(r"\[[hms]+\]", re.IGNORECASE)
_CORE = re.compile(r"([#0?,]*)(?:\.([0#?]+))?")
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
_DAY = datetime.timedelta(days=1)
# Beyond 15 digits a double has none that are right, and what a program shows there is its own.
_MAX_SHOWN = 1e15
_MAX_DECIMALS = 10
_MAX_RAW = 400  # the longest plain form of a double has some 330 characters


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """How a number is shown; ``general`` is the shortest form that says the same."""

    kind: Literal["general", "number", "day", "clock", "elapsed"] = "general"
    prefix: str = ""
    suffix: str = ""
    digits: int = 0
    decimals: tuple[int, int] = (0, 0)  # at least, at most
    thousands: bool = False
    percent: bool = False


def number_format(number: int, codes: dict[int, str]) -> NumberFormat:
    """The format with this id; ``codes`` are the workbook's own."""
    return parse_format(codes.get(number) or _BUILT_IN.get(number, ""))


def parse_format(code: str) -> NumberFormat:
    """A format code's first section, which positive numbers take; what is not plain becomes ``general``."""
    parts = ["", "", ""]  # before, digits, after
    elapsed = False
    for quoted, escaped, space, fill, currency, bracket, other in _TOKEN.findall(code[:1000]):
        if other == ";":
            break
        elapsed = elapsed or bool(_ELAPSED.fullmatch(bracket))
        if other and other in "#0?,.":
            if parts[2].strip():
                parts[2] += "\0"  # digits in two places: a fraction, or a mask as of a telephone number
            parts[1] += other
        elif not (space or fill or bracket):
            literal = quoted or escaped or currency
            # Letters that stand for a part of a date, or for scientific notation, are not those in quotes.
            parts[2 if parts[1] else 0] += literal or (f"\1{other}" if other.isalpha() else other)
    letters = {letter.lower() for letter in re.findall("\1(.)", "".join(parts))}
    if elapsed:
        return NumberFormat("elapsed")
    if letters & set("ydhsm"):
        return NumberFormat("clock" if letters & set("hs") else "day")
    match = _CORE.fullmatch(parts[1])
    if letters or "\0" in parts[2] or not match or not parts[1] or match[1].endswith(","):
        return NumberFormat()
    after = match[2] or ""
    return NumberFormat(
        "number",
        prefix=clean(parts[0]).strip(" +-("),
        suffix=" ".join(clean(parts[2]).rstrip(")").split()),
        digits=match[1].count("0"),
        decimals=(min(after.count("0"), _MAX_DECIMALS), min(len(after), _MAX_DECIMALS)),
        thousands="," in match[1],
        percent="%" in parts[0] + parts[2],
    )


def show(raw: str, style: NumberFormat, from_1904: bool) -> str:
    """The number ``raw`` (as the file has it) in ``style``."""
    if len(raw) > _MAX_RAW:
        raise ValueError(f"a number of {len(raw):,} characters")
    value = float(raw)
    if not math.isfinite(value):
        return raw
    if style.kind == "number" and abs(value) < _MAX_SHOWN:
        return _number(value, style)
    if style.kind in {"day", "clock"}:
        return _moment(value, style.kind == "clock", from_1904) or _general(value)
    if style.kind == "elapsed" and abs(value) < _MAX_SHOWN:
        seconds = round(abs(value) * 86400)
        return f"{'-' if value < 0 else ''}{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return _general(value)


def iso_moment(raw: str) -> str:
    """A day or time that the file has in ISO 8601 already, in the form that numbers give."""
    return clean(raw).removesuffix("Z").removesuffix("T00:00:00").replace("T", " ")


def unescape(text: str) -> str:
    """``text`` on one line, with its escapes (``_x000D_``) read."""
    if "_x" in text:
        text = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
    return " ".join(clean(text).split())


def _general(value: float) -> str:
    if value.is_integer() and abs(value) < _MAX_SHOWN:
        return str(int(value))
    return format(value, ".15g").replace("e", "E")


def _number(value: float, style: NumberFormat) -> str:
    least, most = style.decimals
    # As spreadsheets do: 2.675 is shown as 2.68, by the decimal digits and not by the double's binary ones.
    exact = Decimal(format(value * 100 if style.percent else value, ".15g"))
    amount = abs(exact.quantize(Decimal(1).scaleb(-most), ROUND_HALF_UP))
    whole, _, fraction = format(amount, "f").partition(".")
    while len(fraction) > least and fraction.endswith("0"):
        fraction = fraction[:-1]
    whole = whole.zfill(style.digits)
    if style.thousands:
        whole = f"{int(whole):,}" if len(whole) > 3 else whole
    sign = "-" if value < 0 and amount else ""
    return f"{sign}{style.prefix}{whole}{'.' if fraction else ''}{fraction}{style.suffix}"


def _moment(value: float, clock: bool, from_1904: bool) -> str | None:
    """A serial day as ISO 8601; None where there is no such day."""
    if value < 0:
        return None
    if value < 1 and clock:
        seconds = round(value * 86400)
        return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    # Day 60 of the 1900 calendar is 29 February 1900, which never was: days after it are one too many.
    epoch = datetime.datetime(1904, 1, 1) if from_1904 else datetime.datetime(1899, 12, 31 if value < 60 else 30)
    try:
        moment = epoch + datetime.timedelta(seconds=round(value * 86400)) if clock else epoch + int(value) * _DAY
    except OverflowError:
        return None
    return moment.isoformat(" ") if clock and moment.time() != datetime.time() else moment.date().isoformat()
