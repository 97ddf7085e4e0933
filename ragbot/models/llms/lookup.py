"""Prompt-lookup decoding: what follows an earlier occurrence of the last tokens is a draft of the next ones.

Saxena, "Prompt Lookup Decoding" (2023): speculative decoding (Leviathan et al. 2023, arXiv:2211.17192) whose draft model
is a search in the text so far. An answer that quotes its context is drafted well; the model checks a whole draft in one
step, and what it would not have said itself is dropped, so the text is the same.
"""

from __future__ import annotations

from collections.abc import Sequence

#: An occurrence counts from this many tokens on: one token alone says too little, and a wrong draft costs time.
SHORTEST_MATCH = 2
LONGEST_MATCH = 4
#: The first draft, in tokens: a wrong long one costs more than a right short one gains.
FIRST_DRAFT = 4


class PromptLookup:
    """Drafts of up to ``most`` tokens from a growing text; 0 drafts nothing.

    A draft that was taken in full doubles the length of the next one, a wrong one halves it.
    """

    def __init__(self, ids: Sequence[int], most: int) -> None:
        self._ids: list[int] = []
        self._most = most
        self._length = min(FIRST_DRAFT, most)
        #: Of each n-gram, the place after its latest occurrence that something follows.
        self._after: dict[tuple[int, ...], int] = {}
        for token in ids:
            self.push(token)

    def push(self, token: int) -> None:
        """The text goes on with ``token``."""
        ids = self._ids
        if self._most:
            for n in range(SHORTEST_MATCH, LONGEST_MATCH + 1):
                if len(ids) >= n:
                    self._after[tuple(ids[-n:])] = len(ids)
        ids.append(token)

    def draft(self, most: int) -> list[int]:
        """What may come next; no more than ``most`` tokens, often none."""
        length = min(self._length, most)
        if length < 1:
            return []
        for n in range(min(LONGEST_MATCH, len(self._ids)), SHORTEST_MATCH - 1, -1):
            at = self._after.get(tuple(self._ids[-n:]))
            if at is not None:
                return self._ids[at : at + length]
        return []

    def judge(self, drafted: int, accepted: int) -> None:
        """Learn from a draft of ``drafted`` tokens of which the first ``accepted`` were right."""
        if drafted and accepted == drafted:
            self._length = min(2 * self._length, self._most)
        elif drafted:
            self._length = max(1, self._length // 2)
