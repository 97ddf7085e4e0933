"""Passages to the context of a prompt: numbered, delimited, inside a token budget."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from ragbot.documents import Passage
from ragbot.generation.verification.letters import level
from ragbot.text import sentence_spans

_Item = TypeVar("_Item")

#: Tags that mean something in one of our prompts, as the characters are made alike (full-width ones are ordinary ones).
_TAG = re.compile(
    r"<\s*/?\s*(?:passage|example|question|conversation|turn|summary|reasoning|think|answer)", re.IGNORECASE
)
#: Characters that show nothing. They hide an instruction from a person (bidirectional controls, tag characters, runs of
#: variation selectors) or a tag from a check (zero-width ones). Joiners that other scripts and emoji need are kept.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\U000e0000-\U000e01ef]"
    "|(?<=[ -~])[\u200c\u200d]+|[\u200c\u200d]+(?=[ -~])|[\ufe00-\ufe0f]{2,}"
)
#: Around a passage: tags and number, and these with a title of the usual length; in tokens.
_TAGS_TOKENS, _FRAME_TOKENS = 14, 24
#: Characters of a title with its headings; what is longer is cut.
_TITLE = 200
#: So many passages are a long context, of which a model reads the middle worst.
LONG = 5


def fit(passages: Sequence[Passage], budget: int, count_tokens: Callable[[str], int]) -> list[Passage]:
    """The best passages that fit ``budget`` tokens, in their order; the last one is cut at a sentence end."""
    chosen: list[Passage] = []
    for passage in passages:
        budget -= max(_FRAME_TOKENS, _TAGS_TOKENS + count_tokens(_where(passage)))
        size = count_tokens(passage.text)
        if size <= budget:
            chosen.append(passage)
            budget -= size
            continue
        end = 0
        for _, stop in sentence_spans(passage.text):
            if count_tokens(passage.text[:stop]) > budget:
                break
            end = stop
        if end:
            chosen.append(replace(passage, text=passage.text[:end], end=passage.start + end))
        break
    return chosen


def render_context(passages: Sequence[Passage]) -> str:
    """The passages between tags, numbered from 1; nothing in a passage can close its frame or open another.

    Many that were ranked (their scores differ) are laid out with the best at both ends, where models read best; the
    others keep their order, which is the document's. A passage keeps the number of its rank wherever it stands, so
    that a marker always means the same passage (Liu et al. 2023, "Lost in the Middle", section 2.3).
    """
    blocks = []
    for number, passage in enumerate(passages, 1):
        blocks.append(f'<passage number="{number}">\n{as_data(_where(passage))}\n{as_data(passage.text)}\n</passage>')
    ranked = len(passages) >= LONG and len({passage.score for passage in passages}) > 1
    return "\n".join(ends_first(blocks) if ranked else blocks)


def ends_first(items: Sequence[_Item]) -> list[_Item]:
    """Items that come best first, so that the best stand at both ends and the last ones in the middle: 1 3 5 4 2."""
    return [*items[::2], *items[1::2][::-1]]


def as_data(text: str) -> str:
    """Text for a prompt: without characters that nobody sees, and with no tag that means something there."""
    text = _UNSEEN.sub("", text)
    begins = {match.start() for match in _TAG.finditer(level(text))}
    return "".join("‹" if at in begins else character for at, character in enumerate(text)) if begins else text


def _where(passage: Passage) -> str:
    """Title and headings, on one line: a line break in a file's name begins nothing of its own."""
    where = " ".join(" > ".join(dict.fromkeys([passage.document.title, *passage.headings])).split())
    return where if len(where) <= _TITLE else f"{where[:_TITLE]}…"
