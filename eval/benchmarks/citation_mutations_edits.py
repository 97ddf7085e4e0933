"""Small changes that make a true sentence false, in Chinese and in English; independent of what looks for them."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

_NUMBER = re.compile(r"(?<![A-Za-z0-9_.,])(?<![A-Za-z]-)\d(?:[\d,]*\d)?(?:\.\d+)?(?![A-Za-z0-9_-]|[.,:]\d)")
_YEAR = re.compile(r"(?<![\d.,-])(?:1[5-9]|20)\d\d(?![\d.,%-]|[ ]?[A-Za-z]+s\b)")
_WORDS = "two three four five six seven eight nine ten eleven twelve twenty thirty fifty".split()
_HAN_DIGITS = "二三四五六七八九十两"
_SCALES = (
    ("thousand", "million"),
    ("million", "billion"),
    ("billion", "trillion"),
    ("万", "亿"),
    ("亿", "万"),
    ("千", "万"),
)
_UNITS = (
    ("GB", "MB"), ("MB", "GB"), ("TB", "GB"), ("KB", "MB"), ("hours", "minutes"), ("minutes", "hours"), ("seconds", "hours"),
    ("days", "weeks"), ("weeks", "months"), ("years", "months"), ("months", "years"), ("bits", "bytes"), ("bytes", "bits"),
    ("ms", "s"), ("km", "m"), ("metres", "kilometres"), ("miles", "feet"), ("kg", "g"), ("dollars", "euros"),
    ("小时", "分钟"), ("分钟", "小时"), ("毫秒", "秒"), ("字节", "比特"), ("比特", "字节"), ("公里", "米"), ("千米", "米"), ("天", "周"),
    ("个月", "年"), ("元", "美元"), ("吨", "公斤"), ("公斤", "吨"),
)  # fmt: skip
_MONTHS = "January February March April May June July August September October November December".split()
_AUXILIARY = re.compile(
    r"\b(?:is|are|was|were|can|could|should|must|will|would|has|have|had|does|do|did|may)\b(?! not\b)"
)
_DENIED = re.compile(
    r"\b(?:(?:is|are|was|were|can|could|should|must|will|has|have|had|does|do|did|may)( not)\b|\bcan(not)\b)"
)
_HAN_AFFIRMED = re.compile(
    r"(?<![不没未无不别能可])(?:是(?![否])|会(?![议员社])|能(?![力量源够])|可以|需要|应当|应该|依赖|包含|支持|适合|属于|等于|允许)"
)
_HAN_DENIED = (("没有", "有"), ("不能", "能"), ("不会", "会"), ("不是", "是"), ("不需要", "需要"), ("无法", "可以"), ("不再", "仍然"),
               ("不必", "必须"), ("不可", "可"), ("不需", "需"), ("不依赖", "依赖"), ("不应", "应"))  # fmt: skip
_OPPOSITES = (
    ("more", "less"), ("higher", "lower"), ("larger", "smaller"), ("before", "after"), ("increases", "decreases"),
    ("increased", "decreased"), ("increase", "decrease"), ("faster", "slower"), ("longer", "shorter"), ("always", "never"),
    ("most", "least"), ("above", "below"), ("many", "few"), ("better", "worse"), ("high", "low"), ("large", "small"),
    ("early", "late"), ("earlier", "later"), ("first", "last"), ("positive", "negative"), ("north", "south"), ("win", "lose"),
    ("won", "lost"), ("easy", "hard"), ("maximum", "minimum"), ("strong", "weak"), ("rise", "fall"), ("without", "with"),
    ("增加", "减少"), ("提高", "降低"), ("更大", "更小"), ("之前", "之后"), ("最大", "最小"), ("高于", "低于"), ("越大", "越小"),
    ("更快", "更慢"), ("上升", "下降"), ("大于", "小于"), ("容易", "难以"), ("更好", "更差"), ("最高", "最低"), ("更高", "更低"),
    ("增长", "下降"), ("较高", "较低"), ("较大", "较小"), ("以上", "以下"), ("最早", "最晚"), ("内部", "外部"), ("开始", "结束"),
    ("成功", "失败"), ("擅长", "不擅长"), ("相同", "不同"), ("更多", "更少"), ("更长", "更短"), ("支持", "反对"), ("多数", "少数"),
)  # fmt: skip
_NAME = re.compile(
    r"(?<=[a-z,;:] )(?:[A-Z][a-z]+(?:-[A-Z][a-z]+)?(?: [A-Z][a-z]+)*|[A-Z]{2,}[\w-]*|[A-Z][a-z]+[A-Z]\w*)(?![\w-])"
)
_HAN_NAME = re.compile(
    r"(?<![A-Za-z0-9])[A-Z][A-Za-z]+(?:-[A-Z0-9][A-Za-z0-9]*)?(?: [A-Z][A-Za-z]+)*(?![A-Za-z0-9-])|(?<=《)[^《》]+(?=》)"
)


def digits(sentence: str, draw: random.Random) -> str | None:
    """Another digit in one of the numbers."""
    found = _pick(_NUMBER.finditer(sentence), draw)
    if not found:
        return None
    text = found.group()
    places = [i for i, c in enumerate(text) if c.isdigit() and not (i == 0 and len(text) > 1 and c == "0")]
    place = draw.choice(places)
    lowest = 1 if place == 0 else 0
    other = draw.choice([d for d in "0123456789"[lowest:] if d != text[place]])
    return _replaced(sentence, found.span(), text[:place] + other + text[place + 1 :])


def magnitude(sentence: str, draw: random.Random) -> str | None:
    """Million for billion, 万 for 亿; else a number times ten."""
    for old, new in draw.sample(_SCALES, len(_SCALES)):
        pattern = (
            rf"(?<=\d[ -]){old}\b|(?<=\d) ?{old}(?![米克瓦])" if old.isascii() else rf"(?<=\d) ?{old}(?![米克瓦一])"
        )
        found = _pick(re.finditer(pattern, sentence), draw)
        if found:
            return _replaced(sentence, found.span(), found.group().replace(old, new))
    found = _pick(
        (m for m in _NUMBER.finditer(sentence) if not _YEAR.fullmatch(m.group()) and "." not in m.group()), draw
    )
    if not found or "," in found.group() or not int(found.group()):
        return None
    return _replaced(sentence, found.span(), found.group() + "0")


def unit(sentence: str, draw: random.Random) -> str | None:
    """Another unit beside a number."""
    for old, new in draw.sample(_UNITS, len(_UNITS)):
        edges = (r"(?<=\d[ -])|(?<=\d)", r"\b") if old.isascii() else (r"(?<=\d )|(?<=\d)", r"(?!内|前|数|线|面)")
        found = _pick(re.finditer(rf"(?:{edges[0]}){old}{edges[1]}", sentence), draw)
        if found:
            return _replaced(sentence, found.span(), new)
    return None


def written_number(sentence: str, draw: random.Random) -> str | None:
    """Another number where one is written in words."""
    found = _pick(re.finditer(rf"\b(?:{'|'.join(_WORDS)})\b", sentence), draw)
    if found:
        return _replaced(sentence, found.span(), draw.choice([word for word in _WORDS if word != found.group()]))
    found = _pick(
        re.finditer(
            rf"(?<![{_HAN_DIGITS}百千万一第几])[{_HAN_DIGITS[:-2]}两](?=[个种次年位名条层类部步篇倍项])", sentence
        ),
        draw,
    )
    if not found:
        return None
    same = "二两" if found.group() in "二两" else found.group()
    return _replaced(sentence, found.span(), draw.choice([c for c in "三四五六七八九" if c not in same]))


def date(sentence: str, draw: random.Random) -> str | None:
    """Another year or month."""
    found = _pick(re.finditer(rf"\b(?:{'|'.join(_MONTHS)})\b(?= \d)|(?<=\d )(?:{'|'.join(_MONTHS)})\b", sentence), draw)
    if found and draw.random() < 0.5:
        return _replaced(sentence, found.span(), draw.choice([m for m in _MONTHS if m != found.group()]))
    found = _pick(re.finditer(r"(?<=年)1?\d(?=月)", sentence), draw)
    if found and draw.random() < 0.5:
        return _replaced(sentence, found.span(), str(int(found.group()) % 12 + 1))
    found = _pick(_YEAR.finditer(sentence), draw)
    if not found:
        return None
    return _replaced(sentence, found.span(), str(int(found.group()) + draw.choice((-10, -3, -2, -1, 1, 2, 3, 10))))


def negated(sentence: str, draw: random.Random) -> str | None:
    """A denial put in, or taken out."""
    for old, new in draw.sample(_HAN_DENIED, len(_HAN_DENIED)):
        if old in sentence and f"{old}不" not in sentence:
            return sentence.replace(old, new, 1)
    found = _pick(_DENIED.finditer(sentence), draw)
    if found:
        return _replaced(sentence, found.span(1) if found[1] else found.span(2), "")
    found = _pick(_AUXILIARY.finditer(sentence), draw)
    if found:
        return _replaced(sentence, (found.end(), found.end()), " not")
    found = _pick(_HAN_AFFIRMED.finditer(sentence), draw)
    return _replaced(sentence, (found.start(), found.start()), "不") if found else None


def opposite(sentence: str, draw: random.Random) -> str | None:
    """More for less, 之前 for 之后."""
    both = [pair for one, other in _OPPOSITES for pair in ((one, other), (other, one))]
    for old, new in draw.sample(both, len(both)):
        if old in {"with"}:
            continue
        edge = r"\b" if old.isascii() else ""
        found = _pick(re.finditer(rf"{edge}{old}{edge}", sentence), draw)
        if found and not (not old.isascii() and sentence[max(0, found.start() - 1) : found.start()] == "不"):
            return _replaced(sentence, found.span(), new)
    return None


def names_of(sentence: str) -> list[str]:
    """Names in a sentence, as far as capitals and title marks tell."""
    return [m.group() for m in (_HAN_NAME if _is_chinese(sentence) else _NAME).finditer(sentence)]


def renamed(pool: Sequence[str]) -> Callable[[str, random.Random], str | None]:
    """Another name of ``pool`` in the place of one."""

    def edit(sentence: str, draw: random.Random) -> str | None:
        found = _pick((_HAN_NAME if _is_chinese(sentence) else _NAME).finditer(sentence), draw)
        lowered = sentence.casefold()
        others = [
            name for name in pool if name.casefold() not in lowered and not set(name.split()) & set(sentence.split())
        ]
        return _replaced(sentence, found.span(), draw.choice(others)) if found and others else None

    return edit


def _is_chinese(sentence: str) -> bool:
    return bool(re.search(r"[\u4e00-\u9fff]", sentence))


def _pick(matches: object, draw: random.Random) -> re.Match[str] | None:
    found: list[re.Match[str]] = list(matches)  # type: ignore[call-overload]
    return draw.choice(found) if found else None


def _replaced(sentence: str, span: tuple[int, int], new: str) -> str:
    return sentence[: span[0]] + new + sentence[span[1] :]
