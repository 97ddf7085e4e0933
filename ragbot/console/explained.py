"""``ragbot search --explain`` for people: the question's words, then each hit with its table, then what it all means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from ragbot.console.explain_labels import ExplainLabels
from ragbot.console.jsonout import plain
from ragbot.console.labels import Labels
from ragbot.console.render import chunk_place, file_name, snippet
from ragbot.console.terminal import Terminal
from ragbot.documents import Duplicate
from ragbot.index.analysis import terms
from ragbot.retrieval.explanation import Component, ExplainedHit, Explanation, Term

_INDENT = 3
#: Steps that are worth a line even where they have changed nothing.
_MOVERS = {"reranker", "diversity"}
#: Copies of one hit that are named.
_COPIES = 5


def explanation(terminal: Terminal, found: Explanation, labels: Labels, words: ExplainLabels) -> None:
    """All of it."""
    _terms(terminal, found.terms, words)
    for hit in found.hits:
        terminal.line()
        _hit(terminal, hit, labels, words)
    terminal.line()
    if found.searched != found.chunks:
        terminal.line(words.searched.format(f"{found.searched:,}", f"{found.chunks:,}"))
    for step in found.steps:
        if step.removed or step.name in _MOVERS:
            terminal.line(words.steps[step.name].format(step.removed or step.moved))
    for line in words.legend:
        terminal.line(line, "dim")


def without_hits(found: Explanation) -> dict[str, Any]:
    """The same for programs, which have the hits beside it: each is named by the id of its chunk."""
    hits = [
        {
            "chunk_id": item.hit.chunk.id,
            **{name: plain(getattr(item, name)) for name in ("rank", "components", "matched")},
        }
        for item in found.hits
    ]
    rest = {field.name: plain(getattr(found, field.name)) for field in fields(found) if field.name != "hits"}
    return {**rest, "hits": hits}


def _terms(terminal: Terminal, terms: Sequence[Term], words: ExplainLabels) -> None:
    def listed(chosen: Sequence[Term]) -> str:
        return words.comma.join(
            words.word.format(term.text, f"{term.idf:.1f}", f"{term.chunks:,}") if term.chunks else term.text
            for term in chosen
        )

    terminal.line(words.words, "bold")
    lines = (
        *((words.kinds[kind], [term for term in terms if term.kind == kind and term.chunks]) for kind in words.kinds),
        (words.missing, [term for term in terms if term.kind == "word" and not term.chunks]),
    )
    for form, chosen in lines:
        if chosen:
            terminal.line(form.format(listed(chosen)), indent=_INDENT)


def _hit(terminal: Terminal, explained: ExplainedHit, labels: Labels, words: ExplainLabels) -> None:
    chunk = explained.hit.chunk
    terminal.line(f"{explained.rank}. {chunk_place(chunk, labels)}", "bold", hang=_INDENT)
    terminal.line(snippet(chunk.text), indent=_INDENT)
    terminal.line(labels.characters.format(chunk.start, chunk.end, chunk.document.source), "dim", indent=_INDENT)
    terminal.columns(_table(explained.components, words), indent=_INDENT, right=(1, 2, 3, 4))
    held = _held(explained.matched)
    held_line = words.matched.format(words.comma.join(held)) if held else words.no_match
    terminal.line(held_line, "dim", indent=_INDENT)
    copies(terminal, explained.hit.duplicates, words)


def _held(matched: Sequence[str]) -> list[str]:
    """What a hit holds, without the stems and parts of words that it holds themselves."""
    parts = {part for word in matched for part in terms(word) if part != word}
    return [term for term in matched if term not in parts]


def _table(components: Sequence[Component], words: ExplainLabels) -> list[list[str]]:
    rows = [[words.by, words.score, words.deviations, words.rank, words.part]]
    for item in components:
        rows.append(
            [
                words.components[item.name],
                "–" if item.score is None else f"{item.score:.3f}",
                "" if item.deviations is None else f"{item.deviations:+.2f}",
                "–" if item.rank is None else str(item.rank),
                "" if item.part is None else f"{item.part:+.2f}",
            ]
        )
    return rows


def copies(terminal: Terminal, found: Sequence[Duplicate], words: ExplainLabels) -> None:
    """Where else a hit stands."""
    if not found:
        return
    named = []
    for copy in found[:_COPIES]:
        where = file_name(copy.source) + (words.page.format(copy.page) if copy.page is not None else "")
        named.append(f"{where} ({words.relations[copy.relation]})")
    more = f" … +{len(found) - _COPIES}" if len(found) > _COPIES else ""
    terminal.line(f"{words.duplicates} {words.comma.join(named)}{more}", "dim", indent=_INDENT)
