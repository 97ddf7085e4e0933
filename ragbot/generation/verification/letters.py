"""Characters made alike one by one, so that offsets into the text stay what they are."""

from __future__ import annotations

import re

from ragbot.index.analysis_fold import fold

#: What compatibility forms leave apart: dashes, and the quotation marks that pair.
_MARKS = {
    **dict.fromkeys("‐‑‒–—−﹣", "-"),
    **dict.fromkeys("“”„«»「」『』", '"'),
    "〇": "零",
    "○": "零",
    "壹": "一",
    "贰": "二",
    "叁": "三",
    "肆": "四",
    "伍": "五",
    "陆": "六",
    "柒": "七",
    "捌": "八",
    "玖": "九",
    "拾": "十",
    "佰": "百",
    "仟": "千",
}


class _Level(dict[int, str]):
    """What each character becomes, filled in as characters are met."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        folded = fold(character)
        # A ligature or a fraction is left as it is: two characters for one would move all that follows.
        folded = folded if len(folded) == 1 else character
        self[code] = _MARKS.get(folded, folded)
        return self[code]


_TABLE = _Level()
#: What stays as it is: powers, as 10⁶ is not 106, and a colon that is no part of a time, as CPU：Intel is not one word.
_KEPT = re.compile(r"(?<=\d)[⁻⁰¹²³⁴-⁹]+|(?<!\d)：|：(?!\d)")


def level(text: str) -> str:
    """``text`` in simplified characters, without accents and full-width forms; as long as it was, character by character."""
    if text.isascii():
        return text
    levelled = text.translate(_TABLE)
    for match in _KEPT.finditer(text):
        levelled = levelled[: match.start()] + match.group() + levelled[match.end() :]
    return levelled
