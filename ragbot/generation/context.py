"""Passages to the context of a prompt: numbered, delimited, inside a token budget."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from ragbot.documents import Passage
from ragbot.text import sentence_spans

_TAG = re.compile(r"<(\s*/?\s*passage)", re.IGNORECASE)
_FRAME_TOKENS = 24  # tags, number and title around a passage


def fit(passages: Sequence[Passage], budget: int, count_tokens: Callable[[str], int]) -> list[Passage]:
    """The best passages that fit ``budget`` tokens, in their order; the last one is cut at a sentence end."""
    chosen: list[Passage] = []
    for passage in passages:
        budget -= _FRAME_TOKENS
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
    """The passages between tags, numbered from 1; a tag inside a passage cannot close its frame."""
    blocks = []
    for number, passage in enumerate(passages, 1):
        where = " > ".join(dict.fromkeys([passage.document.title, *passage.headings]))
        body = _TAG.sub(r"‹\1", f"{where}\n{passage.text}")
        blocks.append(f'<passage number="{number}">\n{body}\n</passage>')
    return "\n".join(blocks)
