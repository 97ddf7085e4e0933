"""Tells GB18030, Big5, Shift-JIS, EUC-JP and EUC-KR apart, on a few characters already.

Each national standard puts its common characters into a first level (GB 2312 rows 16-55, Big5 A4-C6, JIS X 0208 rows
16-47, KS X 1001 rows 16-40). Bytes read in the wrong encoding scatter over the rare ones; a share of the most frequent
characters of the language settles what is left (Korean, read as GB 2312, lies all in its first level).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

_FREQUENT = {
    "gb18030": (
        "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种"
        "面而方后多定行学法所民得经十三之进着等部度家电力里如水化高自二理起小物现实加量都两体制机当使点从业本"
        "去把性好应开它合还因由其些然前外天政四日那社义事平形相全表间样与关各重新线内数正心反你明看原又么利比"
        "或但质气第向道命此变条只没结解问意建月公无系军很情者最立代想已通并提直题党程展五果料象员革位入常文总"
        "次品式活设及管特件长求老头基资边流路级少图山统接知较将组见计别她手角期根论运农指几九区强放决西被干做"
        "必战先回则任取据处世车"
    ),
    "big5hkscs": (
        "的一是在不了有和人這中大為上個國我以要他時來用們生到作地於出就分對成會可主發年動同工也能下過子說產種"
        "面而方後多定行學法所民得經十三之進著等部度家電力裡如水化高自二理起小物現實加量都兩體制機當使點從業本"
        "去把性好應開它合還因由其些然前外天政四日那社義事平形相全表間樣與關各重新線內數正心反你明看原又麼利比"
        "或但質氣第向道命此變條只沒結解問意建月公無系軍很情者最立代想已通並提直題黨程展五果料象員革位入常文總"
        "次品式活設及管特件長求老頭基資邊流路級少圖山統接知較將組見計別她手角期根論運農指幾九區強放決西被幹做"
        "必戰先回則任取據處世車臺灣"
    ),
    "cp949": (
        "이다는에의하고을를가은로도한지사기인서어자대리시나있정그일제수아해보여게스들만라전면연상부동주안장세원니요"
    ),
}
_FREQUENT["cp932"] = _FREQUENT["euc_jp"] = "のにはをたがでてとしれさいるなかもうおこらりくあつけよせ。、"
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")
_MIN_COMMON = 0.8


def best_east_asian(sample: bytes) -> str:
    """The encoding that ``sample`` is most likely in (a codec's name), or ``""`` where it looks like none of them."""
    # Accented letters of Western text mostly stand alone between ASCII; two-byte characters come in runs.
    if max((len(run) for run in _HIGH_RUN.findall(sample)), default=0) < 2:
        return ""
    scores = {encoding: _score(sample, encoding) for encoding in ("gb18030", "big5hkscs", "cp932", "euc_jp", "cp949")}
    best = max(scores, key=lambda encoding: scores[encoding])
    return best if scores[best] >= _MIN_COMMON else ""


def _score(sample: bytes, encoding: str) -> float:
    text = sample.decode(encoding, errors="replace")
    foreign = [character for character in text if character > "\x7f"]
    # The sample may be cut amid a character.
    if foreign and foreign[-1] == "\ufffd":
        foreign.pop()
    if not foreign:
        return 0.0
    is_common = _COMMON[encoding]
    common = sum(map(is_common, foreign)) / len(foreign)
    frequent = sum(character in _FREQUENT[encoding] for character in foreign) / len(foreign)
    if len(foreign) >= 20 and frequent < 0.05:
        return 0.0  # no language goes twenty characters without its frequent ones: this is another alphabet's bytes
    return common + 0.5 * min(1.0, 4 * frequent)


def _is_punctuation(character: str) -> bool:
    return "\u3000" <= character <= "\u3011" or "\uff01" <= character <= "\uff5e" or "\u2010" <= character <= "\u2026"


def _first_level(codec: str, first: int, last: int) -> Callable[[str], bool]:
    @cache
    def inside(character: str) -> bool:
        try:
            raw = character.encode(codec)
        except UnicodeEncodeError:
            return False
        return len(raw) == 2 and first <= raw[0] <= last

    return inside


_GB_LEVEL_1 = _first_level("gb2312", 0xB0, 0xD7)
_BIG5_LEVEL_1 = _first_level("big5", 0xA4, 0xC6)
_JIS_LEVEL_1 = _first_level("euc_jp", 0xB0, 0xCF)
_KS_HANGUL = _first_level("euc_kr", 0xB0, 0xC8)


def _is_kana(character: str) -> bool:
    return "\u3041" <= character <= "\u30fe"


def _common_japanese(character: str) -> bool:
    return _is_kana(character) or _is_punctuation(character) or _JIS_LEVEL_1(character)


_COMMON: dict[str, Callable[[str], bool]] = {
    # GB18030 holds the traditional characters too, as text from Taiwan that passed through a Chinese Windows shows.
    "gb18030": lambda c: _GB_LEVEL_1(c) or _is_punctuation(c) or (not _is_kana(c) and _BIG5_LEVEL_1(c)),
    "big5hkscs": lambda c: _is_punctuation(c) or (not _is_kana(c) and _BIG5_LEVEL_1(c)),
    "cp932": _common_japanese,
    "euc_jp": _common_japanese,
    "cp949": lambda c: _KS_HANGUL(c) or _is_punctuation(c),
}
