"""The words of a sentence in order, with what the checks need to know of each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

_HAN = r"\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003134f"
_WORD = re.compile(
    rf"(?P<han>[{_HAN}]+)"
    r"|(?P<latin>[^\W_\u3400-\u9fff]+(?:[-'./_&+@:][^\W_\u3400-\u9fff]+)*(?:(?<=[A-Za-z])(?:\+\+|\#))?)"
    r"|(?P<break>[,;:!?()\[\]，。；：！？、\n]|\.(?=\s|$)|--)"
)
#: The words of a text of ASCII alone, as the above finds them, in half the time.
_ASCII_WORD = re.compile(r"[A-Za-z0-9]+(?:[-'./_&+@:][A-Za-z0-9]+)*(?:(?<=[A-Za-z])(?:\+\+|\#))?")
#: Marks of Markdown and tables, which no sentence consists of, and what stands between cells that are shown on one line.
_MARKUP = re.compile(r"[*`|#\u2060]|(?<![^ ])·(?![^ ])")
_LIST = re.compile(r"\s*(?:[-+•]|\d{1,3}[.)、])\s+")
#: Words that build a sentence, in the places where the segmenter or the eye expects others.
FUNCTION = frozenset(
    "a an and are as at be been being but by did do does for from had has have he her his how i if in into is it its of on "
    "or our she so such than that the their them then there these they this those to was we were what when where which "
    "while who whom whose will with would you your can could may might must shall should also about each both any some "
    "all most many much more-over however therefore thus very just only "
    "的 了 着 过 地 得 之 是 在 和 与 及 或 而 但 并 且 也 都 就 又 还 即 则 把 被 将 由 对 于 从 到 向 以 为 因 所 等 这 那 "
    "该 其 此 它 他 她 它们 他们 她们 我们 你 我 这个 那个 这种 那种 这些 那些 一个 一种 一些 个 种 上 下 中 里 时 后 前 "
    "因为 所以 如果 那么 可以 能 能够 会 要 有 通过 进行 以及 并且 而且 但是 然而 其中 由于 对于 关于 根据 就是 已经 "
    "呢 吗 吧 啊".split()
)
#: What the segmenter calls names: of people, of places, of organisations.
_NAME_TAGS = frozenset({"nr", "nrt", "nrfg", "ns", "nt"})


#: Characters that compare what follows: 更快.
DEGREES = "更最较越很"
#: A denial at the beginning of a Chinese word; not where the word as a whole means something else (不过, 未来).
_DENIAL = re.compile(
    r"不(?![过仅但断少久得管论光只止妨愧惜满错已禁妙同等一])|没有?(?![收落食])|未(?![来必婚])|无(?:法|需|须|从)|无(?![论线穷数非锡限])"
)

#: A verb and what cannot be: 救不了, 看不到.
_CANNOT = re.compile(r"([\u3400-\u9fff]{1,2})不(?:了|到|出|上|下|起|动|完|清|住|开|得)?")


@dataclass(frozen=True, slots=True)
class Word:
    """A word at ``[start, end)`` of the text; ``key`` is equal for words that are told apart by form only.

    ``written`` is the levelled word. ``tag`` is ``han``, ``latin``, ``name`` (a Chinese one), ``break`` or ``fact``.
    """

    key: str
    written: str
    start: int
    end: int
    tag: str

    @property
    def content(self) -> bool:
        """Whether it says something: neither a break nor a word that only builds the sentence."""
        return self.tag != "break" and self.key not in FUNCTION


def unmarked(levelled: str) -> str:
    """The text without the marks of Markdown, which become blanks; as long as it was."""
    text = _MARKUP.sub(" ", levelled)
    item = _LIST.match(text)
    return " " * item.end() + text[item.end() :] if item else text


def words(levelled: str) -> list[Word]:
    """The words of a levelled text, in order. Chinese is segmented, English is reduced to stems (Porter2)."""
    found: list[Word] = []
    for match in _WORD.finditer(levelled):
        start = match.start()
        if match.lastgroup == "han":
            found.extend(_chinese(match.group(), start))
        elif match.lastgroup == "break":
            found.append(Word(match.group(), match.group(), start, match.end(), "break"))
        else:
            found.extend(_latin(match.group(), start))
    return found


def keys(levelled: str) -> set[str]:
    """Keys of the words, breaks left out: faster than :func:`words` where nothing else is asked for."""
    found: set[str] = set()
    if levelled.isascii():
        return found.union(*map(_keys_of, _ASCII_WORD.findall(levelled)))
    for han, latin, _ in _WORD.findall(levelled):
        if latin:
            found.update(_keys_of(latin))
        elif han:
            found.update([word.key for word in _chinese(han, 0)])
    return found


@lru_cache(1 << 14)
def _keys_of(written: str) -> tuple[str, ...]:
    return tuple(key for key, _, _ in _parts(written))


def _latin(written: str, start: int) -> Iterator[Word]:
    for key, part, offset in _parts(written):
        yield Word(key, part, start + offset, start + offset + len(part), "latin")


@lru_cache(1 << 14)
def _parts(written: str) -> tuple[tuple[str, str, int], ...]:
    """One word; two, where a hyphen joins plain words (low-rank), as others write them apart. Key, word, offset."""
    parts = written.split("-") if "-" in written and written.replace("-", "").isalpha() else [written]
    found, offset = [], 0
    for part in parts:
        word = part[:-2] if part.endswith(("'s", "'S")) else part
        if word:
            found.append((_key(word), word, offset))
        offset += len(part) + 1
    return tuple(found)


def _chinese(run: str, start: int) -> Iterator[Word]:
    for part, tag in _segmented(run):
        kind = "name" if tag in _NAME_TAGS and len(part) > 1 else "han"
        prefix, middle = _DENIAL.match(part), _CANNOT.fullmatch(part)
        if prefix and prefix.end() < len(part):
            # 不可靠 is 不 and 可靠: what is denied must be found in a sentence that does not deny it.
            cut = start + prefix.end()
            yield Word(prefix.group(), prefix.group(), start, cut, "han")
            yield Word(part[prefix.end() :], part[prefix.end() :], cut, start + len(part), kind)
        elif len(part) == 2 and part[0] in DEGREES:
            # Some comparatives are in the segmenter's dictionary and their opposites are not.
            yield Word(part[0], part[0], start, start + 1, "han")
            yield Word(part[1], part[1], start + 1, start + 2, "han")
        elif middle:
            # 救不了 is 不能 and 救: the denial goes in front, where all the others are.
            cut = start + middle.end(1)
            yield Word("不", "不", cut, cut + 1, "han")
            yield Word(middle[1], middle[1], start, cut, "han")
        else:
            yield Word(part, part, start, start + len(part), kind)
        start += len(part)


def _segmented(run: str) -> list[tuple[str, str]]:
    import rjieba

    tagged: list[tuple[str, str]] = rjieba.tag(run)
    return tagged


def _key(written: str) -> str:
    from ragbot.index.analysis import STEM_MARK, terms

    lowered = written.casefold()
    if lowered in FUNCTION or not (lowered.isascii() and lowered.isalpha()):
        return lowered.replace("-", "")
    return next((term[:-1] for term in terms(lowered) if term.endswith(STEM_MARK)), lowered)
