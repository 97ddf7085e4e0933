"""Questions with one detail changed, so that the passage no longer answers them.

The ways are those in which the unanswerable questions of SQuAD 2.0 differ from answerable ones (Rajpurkar and others
2018, section 4.2: antonyms, swapped entities, changed numbers, negation), applied by rule.
"""

from __future__ import annotations

import random
import re

_PAIRS_EN = (
    "first|last largest|smallest highest|lowest biggest|smallest oldest|youngest before|after more|less most|least "
    "increase|decrease increased|decreased north|south east|west northern|southern eastern|western began|ended "
    "start|end won|lost above|below early|late maximum|minimum male|female high|low large|small old|new long|short "
    "win|lose same|different positive|negative always|never inside|outside increases|decreases better|worse"
)
_PAIRS_ZH = (
    "最大|最小 最高|最低 最早|最晚 最多|最少 最长|最短 第一|最后 首次|末次 之前|之后 以前|以后 增加|减少 上升|下降 开始|结束 "
    "成立|解散 东部|西部 南部|北部 东|西 南|北 以上|以下 高于|低于 大于|小于 胜|败 男|女 优点|缺点 出生|去世 同意|反对 支持|反对 "
    "进入|离开 購買|出售 购买|出售 增加|減少 開始|結束 最長|最短 高於|低於 進入|離開 東部|西部 東|西 勝|敗 優點|缺點 同意|反對 支持|反對"
)
_NUMBER = re.compile(r"\d+")
_AUXILIARY = re.compile(r"\b(did|does|do|is|are|was|were|can|could|will|would|has|have|had)\b", re.IGNORECASE)


def _swaps(pairs: str) -> dict[str, str]:
    swaps: dict[str, str] = {}
    for pair in pairs.split():
        one, other = pair.split("|")
        swaps.setdefault(one, other)
        swaps.setdefault(other, one)
    return swaps


_SWAPS = {"en": _swaps(_PAIRS_EN), "zh": _swaps(_PAIRS_ZH)}
_WORDS = {
    "en": re.compile(r"\b(" + "|".join(_SWAPS["en"]) + r")\b", re.IGNORECASE),
    "zh": re.compile("|".join(sorted(_SWAPS["zh"], key=len, reverse=True))),
}


def altered(question: str, language: str, random_: random.Random) -> str | None:
    """``question`` with a number, a direction or a negation changed; None where it has nothing to change."""
    ways = [way for way in (_number, _opposite, _negated) if way(question, language, random.Random(0)) is not None]
    return random_.choice(ways)(question, language, random_) if ways else None


def _number(question: str, language: str, random_: random.Random) -> str | None:
    found = list(_NUMBER.finditer(question))
    if not found:
        return None
    match = random_.choice(found)
    value, size = int(match.group()), len(match.group())
    step = random_.choice([1, 2, 3, 5, 10]) * random_.choice([-1, 1])
    other = value + step if value + step > 0 else value + abs(step)
    return question[: match.start()] + str(other).zfill(size) + question[match.end() :]


def _opposite(question: str, language: str, random_: random.Random) -> str | None:
    found = list(_WORDS["zh" if language == "zh" else "en"].finditer(question))
    if not found:
        return None
    match = random_.choice(found)
    word = match.group()
    other = _SWAPS["zh" if language == "zh" else "en"][word if language == "zh" else word.lower()]
    return question[: match.start()] + (other.capitalize() if word[0].isupper() else other) + question[match.end() :]


def _negated(question: str, language: str, random_: random.Random) -> str | None:
    """English only: a Chinese 不 or 没有 put by rule is rarely a sentence."""
    if language == "zh":
        return None
    match = _AUXILIARY.search(question)
    if match is None or re.search(r"\b(not|never|no)\b|n't", question):
        return None
    rest = question[match.end() :].split(" ")
    # After the subject ("did the king not"), which a rule cannot see: after the auxiliary reads well enough.
    return f"{question[: match.end()]} not{' '.join(rest)}" if rest[:1] == [""] else None
