"""What a search found: passages, and why they were found."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ragbot.documents import Duplicate, ScoredChunk
from ragbot.showing.html import block, chip, file_name, note, place, safe, shortened
from ragbot.showing.words import say

if TYPE_CHECKING:
    from ragbot.retrieval.explanation import Component, ExplainedHit, Explanation, Term

#: Other places of one hit that are named, and characters of a passage.
_COPIES, _PASSAGE = 5, 2_000
_BLANK_LINES = re.compile(r"\s*\n\s*")
#: Steps that are worth a line even where they have changed nothing.
_MOVERS = frozenset({"reranker", "diversity"})


def hits_html(
    hits: Sequence[ScoredChunk],
    explanation: Explanation | None,
    language: str,
    open_label: str | None = "",
) -> str:
    """Search results, best first, each with a button of ``data-hit`` (its place in ``hits``) that opens it.

    Args:
        hits: as :meth:`ragbot.RagBot.search` gives them, or ``[item.hit for item in explanation.hits]``.
        explanation: what :meth:`ragbot.RagBot.explain` says about them; None for hits without reasons.
        language: of the words around them.
        open_label: on the buttons; empty for the usual word, None for no buttons.
    """
    label = say(language, "open") if open_label == "" else open_label
    head = _terms(explanation.terms, language) if explanation else ""
    if not hits:
        return block(
            f"{head}{note(say(language, 'no_hits'))}{note(say(language, 'no_hits_hint'))}{_steps(explanation, language)}"
        )
    known = {item.hit.chunk.id: item for item in explanation.hits} if explanation else {}
    items = "".join(_hit(number, hit, known.get(hit.chunk.id), language, label) for number, hit in enumerate(hits))
    count = note(say(language, "hits", count=len(hits)))
    return block(f'{head}{count}<ol class="rb-hits">{items}</ol>{_steps(explanation, language)}')


def near_html(hits: Sequence[ScoredChunk], language: str, open_label: str | None) -> str:
    """The passages that came nearest to a question that was refused."""
    items = "".join(_hit(number, hit, None, language, open_label, scored=False) for number, hit in enumerate(hits))
    return f'<ol class="rb-hits">{items}</ol>'


def _hit(
    number: int,
    hit: ScoredChunk,
    explained: ExplainedHit | None,
    language: str,
    open_label: str | None,
    scored: bool = True,
) -> str:
    chunk = hit.chunk
    text = _BLANK_LINES.sub("\n", chunk.text.strip())  # a passage is shown to be skimmed
    text = text if len(text) <= _PASSAGE else f"{text[:_PASSAGE]}…"
    where = place(chunk.document.title, chunk.document.source, chunk.page, " > ".join(chunk.headings), language)
    score = f" {chip(say(language, 'score', score=f'{hit.score:.2f}'))}" if scored else ""
    button = ""
    if open_label is not None:
        hint = say(language, "open_source", title=shortened(chunk.document.title or chunk.document.source, 80))
        button = (
            f'<button type="button" class="rb-open" data-hit="{number}" data-document="{chunk.document.id}" '
            f'data-at="{chunk.start}" aria-label="{safe(hint, " ")}">{safe(open_label, " ")}</button>'
        )
    reasons = _reasons(explained, language) if explained else ""
    return (
        f'<li class="rb-card" data-hit="{number}"><p class="rb-place"><span class="rb-number">{number + 1}.</span> {where}'
        f'{score}</p><blockquote class="rb-quote" tabindex="0">{safe(text)}</blockquote>{_copies(hit.duplicates, language)}'
        f"{reasons}{button}</li>"
    )


def _copies(found: Sequence[Duplicate], language: str) -> str:
    if not found:
        return ""
    named = []
    for copy in found[:_COPIES]:
        page = f" {say(language, 'page', page=copy.page)}" if copy.page else ""
        named.append(f"{shortened(file_name(copy.source), 100)}{page} ({say(language, f'relation_{copy.relation}')})")
    more = f" {say(language, 'more', count=len(found) - _COPIES)}" if len(found) > _COPIES else ""
    return note(f"{say(language, 'also_in')} {say(language, 'comma').join(named)}{more}", "rb-copies")


def _reasons(explained: ExplainedHit, language: str) -> str:
    matched = say(language, "comma").join(explained.matched)
    held = say(language, "matched", words=matched) if matched else say(language, "matched_none")
    head = "".join(
        f'<th scope="col">{safe(say(language, f"column_{name}"))}</th>'
        for name in ("by", "score", "deviations", "rank", "part")
    )
    largest = max((abs(item.part) for item in explained.components if item.part is not None), default=0.0)
    rows = "".join(_component(item, largest, language) for item in explained.components)
    return (
        f'<details class="rb-why"><summary>{safe(say(language, "why"))}</summary>'
        f'<table class="rb-scores"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{note(held)}</details>'
    )


def _component(item: Component, largest: float, language: str) -> str:
    bar = ""
    if item.part is not None and largest > 0:
        share = max(item.part, 0.0) / largest
        bar = f'<meter class="rb-bar" min="0" max="1" value="{share:.3f}" aria-hidden="true"></meter>'
    cells = (
        "–" if item.score is None else f"{item.score:.3f}",
        "" if item.deviations is None else f"{item.deviations:+.2f}",
        "–" if item.rank is None else f"{item.rank:,}",
    )
    listed = "".join(f'<td class="rb-figure">{safe(cell)}</td>' for cell in cells)
    part = "" if item.part is None else f"{item.part:+.2f}"
    name = safe(say(language, f"component_{item.name}"))
    return f'<tr><th scope="row">{name}</th>{listed}<td class="rb-figure">{safe(part)} {bar}</td></tr>'


def _terms(terms: Sequence[Term], language: str) -> str:
    """The question's words, and what each is worth."""
    groups: Mapping[str, list[Term]] = {
        "terms": [term for term in terms if term.kind == "word" and term.chunks],
        "terms_stem": [term for term in terms if term.kind == "stem" and term.chunks],
        "terms_pair": [term for term in terms if term.kind == "pair" and term.chunks],
        "terms_missing": [term for term in terms if term.kind == "word" and not term.chunks],
    }
    lines = []
    for key, chosen in groups.items():
        words = [
            say(language, "term", text=shortened(term.text, 60), idf=f"{term.idf:.1f}", count=f"{term.chunks:,}")
            if term.chunks
            else shortened(term.text, 60)
            for term in chosen
        ]
        if words:
            listed = "".join(chip(word) + " " for word in words)
            lines.append(f'<p class="rb-terms"><span class="rb-heading">{safe(say(language, key))}</span> {listed}</p>')
    return "".join(lines)


def _steps(found: Explanation | None, language: str) -> str:
    """What the steps after the fusion did, and what the columns mean."""
    if found is None:
        return ""
    lines = []
    if found.searched != found.chunks:
        lines.append(say(language, "searched", searched=f"{found.searched:,}", chunks=f"{found.chunks:,}"))
    for step in found.steps:
        if step.removed or step.name in _MOVERS:
            lines.append(say(language, f"step_{step.name}", count=step.removed or step.moved))
    lines.append(say(language, "legend"))
    return "".join(note(line) for line in lines)
