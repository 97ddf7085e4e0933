"""Writes an answer as it comes, sentence by sentence: each tied to its sources, checked, and cited."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ragbot.documents import Citation, Claim, Passage
from ragbot.generation.citations import Citations
from ragbot.generation.markers import whole_markers
from ragbot.generation.verification.reading import Reading
from ragbot.generation.verification.sentences import SLOT, before_stop, first_sentence, settled, with_slots
from ragbot.generation.verification.verdicts import Verdict
from ragbot.generation.verification.verifier import Verifier

if TYPE_CHECKING:
    from ragbot.generation.verification.aligning import Aligner

#: Content words before a marker from which it can be told what it is for.
_ENOUGH = 2
_SLOT = re.compile(rf" {SLOT}")
_GROUP = re.compile(rf"(?: {SLOT})+")
_STOPS = ".。 \n"
_ORDER = {"unsupported": 0, "unchecked": 1, "supported": 2}
#: Headings, questions, and what announces a list.
_NO_CLAIM = re.compile(r"\s*#|.*[?？:：]\s*\Z", re.S)


@dataclass
class _Sentence:
    """The sentence under way. ``text`` holds slots for its markers; the first ``done`` characters have been shown."""

    text: str = ""
    numbers: list[list[int]] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)  # of the slots that are decided, in order
    verdicts: list[Verdict] = field(default_factory=list)
    markers: list[int] = field(default_factory=list)
    done: int = 0
    judged: int = 0
    origin: int = 0  # where it begins in the text shown


class Writer:
    """Writes one answer.

    Args:
        passages: what the answer is made from; its markers name them, from 1.
        question: decides between sentences that hold a short answer.
        refusal: the set phrase of an answer that the passages do not give.
        strict: leave out sentences that no passage carries; each is held until that is known.
        aligner: see :class:`.verifier.Verifier`.
    """

    def __init__(
        self,
        passages: Sequence[Passage],
        question: str,
        refusal: str = "",
        strict: bool = False,
        aligner: Aligner | None = None,
    ) -> None:
        self._verifier = Verifier(passages, question, strict, aligner)
        self._citations = Citations(passages, question)
        self._refusal = refusal.strip(_STOPS)
        self._strict = strict
        self._now = _Sentence()
        self._text = ""
        self._claims: list[Claim] = []
        #: Seconds that the checks took.
        self.seconds = 0.0

    @property
    def citations(self) -> tuple[Citation, ...]:
        """The citations so far, by marker."""
        return self._citations.found

    @property
    def claims(self) -> tuple[Claim, ...]:
        """The sentences so far."""
        return tuple(self._claims)

    def write(self, pieces: Iterable[str]) -> Iterator[str]:
        """Yield the text with its final markers; nothing that was yielded is taken back.

        A piece may be empty: nothing can be shown yet, but the reader may stop here.
        """
        for piece in whole_markers(piece.replace(SLOT, "") for piece in pieces):
            text, numbers = with_slots(piece)
            self._now.text += text
            self._now.numbers += numbers
            yield self._advance(final=False)
        if rest := self._advance(final=True):
            yield rest

    def _advance(self, final: bool) -> str:
        started = time.perf_counter()
        before = len(self._text)
        while (end := first_sentence(self._now.text, final)) is not None:
            self._close(end)
        if not self._strict and self._now.text:
            self._so_far()
        self.seconds += time.perf_counter() - started
        return self._text[before:]

    def _so_far(self) -> None:
        """Show what can be shown of the sentence under way: up to a marker that cannot be decided, or its likely end."""
        now = self._now
        limit = settled(now.text)
        for group in _GROUP.finditer(now.text, now.judged):
            if group.end() > limit:
                break
            before = now.text[now.judged : group.start()]
            # One more word than it takes in the end: the last one may still be growing into another.
            if not self._says(before) or not self._says(now.text[group.end() : limit], _ENOUGH + 1):
                limit = min(limit, group.start())
                break
            self._judge(group.end())
        first = _GROUP.search(now.text, now.judged)
        self._show(min(limit, first.start()) if first else limit)

    def _judge(self, end: int) -> None:
        """Decide the part of the sentence up to ``end``, and what its markers show."""
        now = self._now
        part = now.text[now.judged : end]
        count = part.count(SLOT)
        numbers = [number for group in now.numbers[len(now.shown) : len(now.shown) + count] for number in group]
        claim = self._without_refusal(_SLOT.sub("", part))
        verdict = (
            Verdict("unchecked") if _NO_CLAIM.match(claim) and not count else self._verifier.verify(claim, numbers)
        )
        # A sentence that is wrong keeps its marker, so that it can be compared; it gets none that it did not have.
        ties = verdict.ties if verdict.status != "unsupported" or count else ()
        if ties and not count:
            position = max(before_stop(now.text[:end]), now.done)
            now.text = f"{now.text[:position]} {SLOT}{now.text[position:]}"
            now.numbers.insert(len(now.shown), [])
            end += 2
        slots: list[list[int]] = [[] for _ in range(max(count, bool(ties)))]
        groups = now.numbers[len(now.shown) : len(now.shown) + len(slots)]
        for tie in ties:
            # Where the model names the passage; one that it does not name comes last.
            place = next((i for i, group in enumerate(groups) if tie.passage + 1 in group), len(slots) - 1)
            slots[place].append(self._citations.add(tie.passage, tie.start, tie.end, tie.focus))
        now.shown += ["".join(f" [{marker}]" for marker in dict.fromkeys(slot)) for slot in slots]
        now.markers += [marker for slot in slots for marker in slot]
        now.verdicts.append(verdict)
        now.judged = end

    def _close(self, end: int) -> None:
        """Show the rest of the sentence that ends at ``end``; the next one begins."""
        now = self._now
        rest, now.text = now.text[end:], now.text[:end]
        later = now.numbers[now.text.count(SLOT) :]
        bare = now.text.replace(SLOT, "").strip(_STOPS)
        if bare == self._refusal or not bare:
            now.shown += [""] * (now.text.count(SLOT) - len(now.shown))
            self._show(len(now.text))
        else:
            self._finish()
        self._now = _Sentence(rest, later, origin=len(self._text))

    def _judge_rest(self) -> None:
        now = self._now
        while now.judged < len(now.text):
            groups = list(_GROUP.finditer(now.text, now.judged))
            ends = [g.end() for g in groups if self._says(now.text[now.judged : g.start()])]
            end = ends[0] if ends else len(now.text)
            if not self._says(now.text[end:]):  # the full stop, or a word or two, belong to what stands before
                end = len(now.text)
            self._judge(end)

    def _says(self, text: str, words: int = _ENOUGH) -> bool:
        return Reading(text.replace(SLOT, "")).weight >= words

    def _finish(self) -> None:
        """Judge and show the rest of the sentence, or leave it out; note the claim that it makes."""
        now, known = self._now, len(self._citations.found)
        self._judge_rest()
        worst = min(now.verdicts, key=lambda verdict: _ORDER[verdict.status])
        removed = self._strict and worst.status == "unsupported"
        if removed:
            self._citations.keep(known)
        else:
            self._show(len(now.text))
        shown = self._text[now.origin :]
        start = now.origin + (0 if removed else len(shown) - len(shown.lstrip()))
        self._claims.append(
            Claim(
                text=_SLOT.sub("", now.text).strip(),
                start=start,
                end=start if removed else now.origin + len(shown.rstrip()),
                status=worst.status,
                citations=() if removed else tuple(dict.fromkeys(now.markers)),
                findings=tuple(dict.fromkeys(item for verdict in now.verdicts for item in verdict.findings)),
            )
        )

    def _show(self, limit: int) -> None:
        """Show what has not been shown of the sentence before ``limit``."""
        now = self._now
        if limit > now.done:
            out = self._rendered(limit)[len(self._rendered(now.done)) :]
            self._text += out if self._text else out.lstrip()
            now.done = limit

    def _rendered(self, limit: int) -> str:
        waiting = iter(self._now.shown)
        return _SLOT.sub(lambda _: next(waiting, ""), self._now.text[:limit])

    def _without_refusal(self, text: str) -> str:
        """The claim without the set phrase that it begins with: "The documents do not answer this directly, but …"."""
        bare = text.strip()
        return bare[len(self._refusal) :] if self._refusal and bare.startswith(self._refusal) else text
