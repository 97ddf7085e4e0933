"""The stretches of a passage that the reader may answer with, and its probability of each.

Where an answer begins is searched, the likeliest beginnings first, until it is clear which place of the passage each one
stands for. From there the passage itself is read on in one pass, which says for every token how likely the answer ends
behind it: hundreds of answers for the price of a few.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ragbot.generation.copying import Copying, flattened, is_border
from ragbot.generation.spans import Span, log_softmax

if TYPE_CHECKING:
    from ragbot.models.llms.gemma.tokenizer import GemmaTokenizer
    from ragbot.models.llms.pieces import SpokenTokenizer

    Tokenizer = GemmaTokenizer | SpokenTokenizer

#: Beginnings that are read on from, and how likely all of them are together before no other is looked for.
BEGINNINGS, ENOUGH = 6, 0.97
#: Less likely beginnings are left out.
_LEAST = math.log(0.01)
#: Ways to go on that are followed from one beginning.
_WAYS = 8
#: Passes that may be spent on telling beginnings apart.
_PASSES = 24
#: Tokens that are read on at first; if then the answer has not ended with this probability, the rest is read, too.
_FIRST, _OPEN = 24, 0.05
#: Places of the same words that are told apart.
_PLACES = 12
#: The longest piece of a vocabulary, in bytes.
_LONGEST_PIECE = 48


#: What would follow some tokens where the answer begins: for each of the last of them the logits of wanted tokens.
Peek = Callable[[Sequence[int], Sequence[Sequence[int]]], Sequence[npt.NDArray[np.float32]]]


@dataclass(frozen=True, slots=True)
class Beginning:
    """The first tokens of an answer; ``log_probability`` of them, or of the whole answer where it has ended."""

    ids: tuple[int, ...]
    copying: Copying
    log_probability: float
    begin: int
    ended: bool = False


def search(peek: Peek, passage: str, tokenizer: Tokenizer, limit: int) -> list[Span]:
    """Spans of ``passage``, each with its probability; at least one unless the passage is empty.

    Args:
        peek: what the reader expects behind the beginning of an answer.
        limit: tokens of the longest answer, which is not cut inside a word.
    """
    whole = flattened(passage)
    found: list[Span] = []
    for one in _beginnings(peek, passage, tokenizer, limit):
        ends = [] if one.ended else _read_on(peek, one, whole, tokenizer, limit)
        # Where the limit cuts a word, there is no other end than that of the word.
        found += ends or [Span(one.begin, one.copying.next_border, one.log_probability)]
    return list(_everywhere(found, whole))


def _everywhere(spans: Sequence[Span], whole: bytes) -> Iterator[Span]:
    """The spans, and the other places where the same words stand: an answer does not say which of them it means.

    The places of a span share its probability.
    """
    known: dict[bytes, list[int]] = {}
    for span in spans:
        words = whole[span.begin : span.end]
        if words not in known:
            known[words] = list(_places(words, whole))
        places = known[words] or [span.begin]
        for begin in places:
            yield Span(begin, begin + len(words), span.log_probability - math.log(len(places)))


def _places(words: bytes, whole: bytes) -> Iterator[int]:
    """Where ``words`` stand in ``whole`` as words of their own; the first ones, if there are many."""
    at, count = whole.find(words), 0
    while at >= 0 and count < _PLACES:
        if is_border(whole, at) and is_border(whole, at + len(words)):
            count += 1
            yield at
        at = whole.find(words, at + 1)


def _beginnings(peek: Peek, passage: str, tokenizer: Tokenizer, limit: int) -> Iterator[Beginning]:
    """Where an answer may begin, the likeliest first."""
    empty = Copying(passage, tokenizer)
    waiting = [(0.0, 0, Beginning((), empty, 0.0, 0))]
    mass, given, passes, made = 0.0, 0, 0, 0
    while waiting and given < BEGINNINGS and mass < ENOUGH:
        one = heapq.heappop(waiting)[2]
        # Where telling them apart takes too long, the first of several places is as good as any.
        is_clear = len(one.copying.places) == 1 or passes >= _PASSES or len(one.ids) >= limit
        if one.ended or (one.ids and is_clear):
            mass, given = mass + math.exp(one.log_probability), given + 1
            yield one
            continue
        passes += 1
        allowed = one.copying.allowed()
        chances = log_softmax(peek(one.ids, [allowed])[0]) + one.log_probability
        for rank, at in enumerate(np.argsort(-chances, kind="stable")[:_WAYS].tolist()):
            # The likeliest way is followed, however unlikely it is: there is an answer.
            if chances[at] < _LEAST and rank > 0:
                break
            other = _gone_on(one, allowed[at], float(chances[at]), tokenizer)
            if other is not None:
                made += 1
                heapq.heappush(waiting, (-other.log_probability, made, other))


def _gone_on(one: Beginning, token: int, log_probability: float, tokenizer: Tokenizer) -> Beginning | None:
    if token == tokenizer.eos:
        if not one.ids:
            return None
        return Beginning(one.ids, one.copying, log_probability, _begin(one, tokenizer), ended=True)
    copying = one.copying.branch()
    copying.push(token)
    other = Beginning((*one.ids, token), copying, log_probability, 0)
    return Beginning(other.ids, copying, log_probability, _begin(other, tokenizer))


def _begin(one: Beginning, tokenizer: Tokenizer) -> int:
    """Where the answer begins in the passage, if it stands at the first of its places."""
    said = b"".join(tokenizer.bytes_of[token] for token in one.ids)
    return one.copying.places[0] - len(said.lstrip(b" "))


def _read_on(peek: Peek, one: Beginning, whole: bytes, tokenizer: Tokenizer, limit: int) -> list[Span]:
    following = _tokens(whole[one.copying.places[0] :], tokenizer, max(limit - len(one.ids), 0))
    found, left = _ends(peek, one, following[:_FIRST], tokenizer)
    if len(following) > _FIRST and left > _OPEN:
        found, _ = _ends(peek, one, following, tokenizer)
    return found


def _ends(peek: Peek, one: Beginning, following: Sequence[int], tokenizer: Tokenizer) -> tuple[list[Span], float]:
    """An answer for each of its ends, and the probability, given its beginning, that it is longer than all of them."""
    copying, sure = one.copying.branch(), one.log_probability
    wanted, ends = [copying.allowed()], [copying.places[0]]
    for number, token in enumerate(following):
        if token not in wanted[-1]:
            following = following[:number]
            break
        copying.push(token)
        wanted.append(copying.allowed())
        ends.append(copying.places[0])
    found: list[Span] = []
    rows = peek([*one.ids, *following], wanted)
    for logits, allowed, end, after in zip(rows, wanted, ends, [*following, None], strict=True):
        chances = dict(zip(allowed, log_softmax(logits).tolist(), strict=True))
        if tokenizer.eos in chances:
            found.append(Span(one.begin, end, sure + chances[tokenizer.eos]))
        if after is not None:
            sure += chances[after]
    return found, math.exp(sure - one.log_probability)


def _tokens(rest: bytes, tokenizer: Tokenizer, limit: int) -> list[int]:
    """The first ``limit`` tokens of ``rest``: as the tokenizer cuts it, or, where that adds something, the longest pieces."""
    shown = rest[: limit * _LONGEST_PIECE].decode(errors="ignore")
    ids = tokenizer.encode(shown)[:limit]
    if rest.startswith(b"".join(tokenizer.bytes_of.get(token, b"\0") for token in ids)):
        return ids
    ids, at = [], 0
    while at < len(rest) and len(ids) < limit:
        stops = range(min(at + _LONGEST_PIECE, len(rest)), at, -1)
        stop = next((stop for stop in stops if rest[at:stop] in tokenizer.pieces), None)
        if stop is None:
            break
        ids.append(tokenizer.pieces[rest[at:stop]][0])
        at = stop
    return ids
