"""What throws questions out: those that give themselves away, are asked twice, or have their answer in many places."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from eval.synth.base import Draft, Paragraph
from ragbot.index.analysis import terms

#: An answer longer than this, in characters, is no span but a summary.
LONGEST_ANSWER = {"en": 220, "zh": 120}
#: Two questions that share this much of their words (Jaccard) ask the same.
SAME = 0.8
#: A sentence elsewhere with this share of a question's words, weighted by rarity, and the answer in it, answers it too.
ALSO_ANSWERS = 0.6
#: The same without the answer in it: the question may mean either place.
ALSO_MEANT = 0.95

_YES_NO = re.compile(
    r"(?:is|are|was|were|do|does|did|has|have|had|can|could|may|might|must|should|will|would)\b|.*(?:吗|是否|能不能|是不是|有没有)",
    re.IGNORECASE,
)
_POINTS_AT_TEXT = re.compile(
    r"\b(?:this|the|given|above|following)\s+(?:passage|text|paragraph|excerpt|article|document|context|section|sentence)\b|"
    r"\bthe authors?\b|本文|本段|本章|本节|文中|上述|上文|下文|以上|该文|该段|这段|这篇|原文|作者|文章中|段落中|文本中",
    re.IGNORECASE,
)
_STOP = frozenset(
    "the of and to in is that it for was on are as with be by this at from or an a not which what how who when where why "
    "does do did can will if there their its has have were been one many much 的 是 在 了 和 与 由 有 几 谁 什么 多少 哪 哪个 "
    "哪一年 怎样 为什么 一 年 个 被 把 对 中 上 用".split()
)


def content(text: str) -> set[str]:
    """The words of a text that carry its meaning."""
    return {term for term in terms(text) if term not in _STOP}


def refuse(question: str, answer: str, language: str) -> str:
    """Why a question and its answer do not do by themselves (whoever made them), or nothing."""
    if not answer.strip():
        return "no answer"
    if len(answer) > LONGEST_ANSWER[language]:
        return "answer too long"
    if squeezed(answer) in squeezed(question):
        return "question quotes the answer"
    if _YES_NO.match(question):
        return "yes or no"
    if _POINTS_AT_TEXT.search(question):
        return "refers to the text"
    return ""


def squeezed(text: str) -> str:
    """Text without white space and in lower case, for finding it whatever its line breaks."""
    return "".join(text.split()).casefold()


class Asked:
    """The questions taken so far; knows one that is nearly the same."""

    def __init__(self) -> None:
        self._sets: list[frozenset[str]] = []
        self._by_term: dict[str, list[int]] = {}

    def add(self, question: str) -> bool:
        """Take a question; False, and not taken, where one nearly like it has been."""
        mine = frozenset(terms(question))
        shared = Counter(number for term in mine for number in self._by_term.get(term, ()))
        for number, count in shared.items():
            if count >= SAME * (len(mine) + len(self._sets[number]) - count):
                return False
        for term in mine:
            self._by_term.setdefault(term, []).append(len(self._sets))
        self._sets.append(mine)
        return True


class Places:
    """Every sentence of the documents by its words: where else a question might be answered."""

    def __init__(self, paragraphs: Sequence[Paragraph]) -> None:
        self._sentences: list[tuple[str, int, str]] = []
        self._by_term: dict[str, list[int]] = {}
        self._paragraphs_with: Counter[str] = Counter()
        self._count = len(paragraphs)
        for paragraph in paragraphs:
            self._paragraphs_with.update(set(terms(paragraph.text)))
            for sentence in paragraph.sentences:
                for term in set(terms(sentence.text)):
                    self._by_term.setdefault(term, []).append(len(self._sentences))
                self._sentences.append((paragraph.source, sentence.start, squeezed(sentence.text)))

    def frequencies(self, words: Iterable[str]) -> list[int]:
        """In how many paragraphs each word stands."""
        return [self._paragraphs_with[word] for word in words]

    def __len__(self) -> int:
        return self._count

    def rarity(self, word: str) -> float:
        """Inverse document frequency over the paragraphs (as BM25 takes it)."""
        found = self._paragraphs_with[word]
        return math.log(1 + (self._count - found + 0.5) / (found + 0.5))

    def is_ambiguous(self, draft: Draft) -> bool:
        """Whether another sentence holds the question's words, and the answer too, or nearly all of the words."""
        asked = content(draft.question)
        # A word that stands nowhere ("year", "how") tells no place from another.
        weights = {term: self.rarity(term) for term in asked if self._paragraphs_with[term]}
        total = sum(weights.values())
        if draft.category in {"section", "item"} or total == 0:
            return total == 0
        held: defaultdict[int, float] = defaultdict(float)
        for term, weight in weights.items():
            for number in self._by_term.get(term, ()):
                held[number] += weight
        answer = squeezed(draft.answer)
        for number, weight in held.items():
            source, start, text = self._sentences[number]
            if (source, start) == (draft.paragraph.source, draft.start):
                continue
            if weight >= ALSO_ANSWERS * total and answer in text:
                return True
            # A term alone ("What is BPE?") stands in many sentences that do not say what it is.
            if draft.category != "definition" and weight >= ALSO_MEANT * total:
                return True
        return False
