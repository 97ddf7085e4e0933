"""Chain of thought (Wei et al. 2022, arXiv:2201.11903): the model reasons first; the reader gets the answer alone."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import closing

from ragbot.generation.strategies.base import Request

_log = logging.getLogger(__name__)

#: <reasoning> is what our prompt asks for; <think> is what some models write of their own accord before all else.
_OPENING = re.compile(r"<(?:reasoning|think)>", re.IGNORECASE)
_CLOSING = re.compile(r"</(?:reasoning|think)>", re.IGNORECASE)
_CLOSED = re.compile(r"<(reasoning|think)>.*?</\1>", re.IGNORECASE | re.DOTALL)
_BLOCK = re.compile(r"<(reasoning|think)>.*?(?:</\1>|\Z)", re.IGNORECASE | re.DOTALL)
_ANSWER = re.compile(r"<answer>", re.IGNORECASE)
_ANSWER_LINE = re.compile(r"^[ \t]*<answer>", re.IGNORECASE | re.MULTILINE)
#: What ends the answer: its own mark, or reasoning that goes on.
_END = re.compile(r"</answer>|</?(?:reasoning|think)>", re.IGNORECASE)
#: The beginning of what may become such a mark: held back until that is clear.
_OPEN = re.compile(r"</?[a-z]{0,9}\Z", re.IGNORECASE)


def reason_first(request: Request) -> Iterator[str]:
    """What follows the mark ``<answer>``, streamed; empty pieces while the model reasons.

    Without that mark the whole text is the answer, reasoning between its own marks left out. Reasoning that was begun
    and never closed (the model ran out of tokens) is no answer: then nothing is said, which the chain makes a refusal.
    """
    held, answering, over = "", False, False
    with closing(request.say()) as reply:
        for piece in reply:
            held += piece
            if not answering:
                # A mark that is spoken of inside the reasoning announces nothing: blanks keep the offsets.
                mark = _ANSWER.search(_BLOCK.sub(lambda block: " " * len(block[0]), held))
                if mark:
                    answering, held = True, held[mark.end() :]
            if not answering or over:  # to the end even then: the last piece brings the counts of tokens
                yield ""
                continue
            over = bool(_END.search(held))
            ready = _until_end(held) if over else _OPEN.sub("", held)
            held = held[len(ready) :]
            yield ready
    if answering:
        if not over:
            yield held
        return
    answer = _until_end(_unannounced(held))
    if held.strip() and not answer.strip():
        _log.warning("the model reasoned without coming to an answer; a larger generation.answer_tokens may help")
    yield answer


def _until_end(text: str) -> str:
    end = _END.search(text)
    return text[: end.start()] if end else text


def _unannounced(text: str) -> str:
    """The answer in a reply that no mark outside of the reasoning announced."""
    text = _CLOSED.sub("", text)
    opening = _OPENING.search(text)
    if not opening:
        return _CLOSING.split(text)[-1]  # the model began to reason without saying so
    # Some models go on to the answer without closing. A line of its own tells the mark from talk about it.
    *_, last = [None, *_ANSWER_LINE.finditer(text, opening.end())]
    return text[last.end() :] if last else text[: opening.start()]
