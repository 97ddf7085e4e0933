"""A compound question taken apart at its signs and conjunctions, without a model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ragbot.documents import Message
from ragbot.generation.followup import names_something, points_back, standalone
from ragbot.generation.rewriting.base import Rewritten, Steps
from ragbot.generation.rewriting.parsing import key
from ragbot.retrieval.queries import Query

_ENGLISH = r"(?:who|whom|whose|what|when|where|which|why|how|does|did|do|is|are|was|were|can|could|should|will)\b"
_CHINESE = r"什么|谁|哪|几|多少|多[大长高久远]|如何|怎|为何|何时|何地|是否|吗|呢"
_ASKS = re.compile(rf"\b{_ENGLISH}|{_CHINESE}", re.IGNORECASE)
#: Where one question ends and another one may begin; what follows must ask something itself.
_BREAK = re.compile(
    rf"[?？!！;；。]+\s*(?:(?:and|but|or|also)\b\s*)?|,?\s+(?:and|or|but|as well as)\s+(?={_ENGLISH})|,\s+(?={_ENGLISH})|"
    r"[，,、]?\s*(?:以及|并且|而且|还有|同时|另外)[，,]?\s*|[，,]\s*",
    re.IGNORECASE,
)
#: Characters of a part at least.
_SHORTEST = 4


@dataclass(frozen=True, slots=True)
class Splitting:
    """Searches for a question and for each of its parts.

    Args:
        count: parts at most.
        weight: of a part beside the question.
    """

    count: int = 3
    weight: float = 1.0

    def steps(self, question: str, history: Sequence[Message] = ()) -> Steps:
        """See :class:`ragbot.generation.rewriting.base.Rewriter`."""
        yield from ()
        alone = standalone(question, history)
        parts = split(alone)[: self.count]
        return Rewritten(alone, (Query(alone), *(Query(part, self.weight) for part in parts)))


def split(question: str) -> list[str]:
    """The parts of a question that each ask something and name what it is about; none where there is one part only.

    A part that points back at another ("and when was it built?") is left out: alone it would find anything.
    """
    pieces: list[str] = []
    begin = 0
    for match in [*_BREAK.finditer(question), None]:
        end = match.start() if match else len(question)
        piece = question[begin:end].strip(" ,，、")
        if match and not (_ASKS.search(piece) and _ASKS.search(question[match.end() :])):
            continue  # an enumeration, or a clause that does not ask
        pieces.append(piece)
        begin = match.end() if match else end
    asking = [piece for piece in pieces if _ASKS.search(piece)]
    if len(asking) < 2:
        return []
    found = {
        key(piece): piece
        for piece in asking
        if len(piece) >= _SHORTEST and names_something(piece) and not points_back(piece)
    }
    return list(found.values())
