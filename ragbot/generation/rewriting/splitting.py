"""A compound question taken apart at its signs and conjunctions, without a model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ragbot.documents import Message
from ragbot.generation.followup import names_something, points_back
from ragbot.generation.rewriting.base import BY_RULES, Steps
from ragbot.generation.rewriting.parsing import key
from ragbot.retrieval.queries import Query

_WHICH = r"(?:who|whom|whose|what|when|where|which|why|how)\b"
_BEFORE = r"(?:(?:and|but|or|also)\s+)?(?:(?:in|at|on|of|to|for|with|by|from|about|under|during)\s+)?"
#: How an English question begins, and what a Chinese one holds; not 几, which mostly means "some" inside a longer one.
_ASKS = re.compile(
    rf"^\s*{_BEFORE}(?:{_WHICH}|(?:does|did|do|is|are|was|were|can|could|should|will)\b)|"
    r"(?<![没沒])什[么麼]|甚麼|[谁誰]|哪|多少|多[大长長高久远遠]|如何|怎|[为為]何|[为為]什|何[时時地人年物处處]|是否|[吗嗎]|呢",
    re.IGNORECASE,
)
#: Where one question ends and another may begin. A bare comma is no such place in English, where it closes clauses.
_BREAK = re.compile(
    rf"[?？!！;；。]+\s*|,?\s+(?:and|or|but|as well as)\s+(?={_BEFORE}{_WHICH})|"
    r"[，,、]?\s*(?:以及|[并並]且|而且|[还還]有|同[时時]|另外)[，,]?\s*|，\s*",
    re.IGNORECASE,
)
#: Quotes and brackets that a part does not end inside of.
_PAIRS = (("《", "》"), ("“", "”"), ("「", "」"), ("（", "）"), ("(", ")"))
#: Characters of a part at least.
_SHORTEST = 4


@dataclass(frozen=True, slots=True)
class Splitting:
    """What :class:`ragbot.generation.rewriting.base.ByRules` does, and a compound question's parts beside the whole.

    Args:
        count: parts at most.
        weight: of a part beside the question.
    """

    count: int = 3
    weight: float = 1.0

    def steps(self, question: str, history: Sequence[Message] = ()) -> Steps:
        """See :class:`ragbot.generation.rewriting.base.Rewriter`."""
        plain = yield from BY_RULES.steps(question, history)
        parts = [Query(part, self.weight) for part in split(plain.question)[: self.count]]
        return replace(plain, queries=(*plain.queries, *parts)) if parts else plain


def split(question: str) -> list[str]:
    """The parts of a question, if it has two or more that each ask something and name what it is about; else none.

    A part that points back at another ("and when was it built?") is left out: alone it would find anything.
    """
    pieces: list[str] = []
    begin = 0
    for match in [*_BREAK.finditer(question), None]:
        end = match.start() if match else len(question)
        piece = question[begin:end].strip(" ,，、")
        if match and not (_closed(piece) and _ASKS.search(piece) and _ASKS.search(question[match.end() :])):
            continue  # an enumeration, a clause that does not ask, or a title
        pieces.append(piece)
        begin = match.end() if match else end
    found = {
        key(piece): piece
        for piece in pieces
        if len(piece) >= _SHORTEST and _ASKS.search(piece) and names_something(piece) and not points_back(piece)
    }
    return list(found.values()) if len(found) > 1 else []


def _closed(text: str) -> bool:
    return all(text.count(opening) == text.count(closing) for opening, closing in _PAIRS)
