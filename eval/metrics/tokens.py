"""Tokens of text in which Chinese and English mix: what ROUGE-L compares, and what an answer contains."""

from __future__ import annotations

import re
import unicodedata

#: Scripts without spaces are read character by character: Han, kana, and the marks that repeat them.
_CHARACTER = r"\u3005-\u3007\u3041-\u3096\u30a1-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
_TOKEN = re.compile(
    rf"[{_CHARACTER}]"
    r"|\d+(?:,\d{3})*(?:\.\d+)?"  # a number is one token, so that 5 does not stand in 3.5, nor 10 in 2010
    rf"|[^\W\d_{_CHARACTER}]+"  # digits end a word: "8GB" and "8 GB" read the same
)


def mixed_tokens(text: str) -> list[str]:
    """Chinese and Japanese characters one by one, numbers, and words of other scripts; no blanks, no punctuation.

    Width and case are folded (Unicode NFKC), thousands lose their commas; traditional and simplified characters stay
    what they are.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    return [token.replace(",", "") for token in _TOKEN.findall(folded)]
