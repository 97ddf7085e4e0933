"""The report in a few lines of Markdown, for a pull request."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from eval.contrast import Contrast, Verdict
from eval.files import write_text
from eval.records import Run
from eval.report.overview import cards, facts
from eval.report.verdicts import flip_lines, notes, split, tally, verdict_lines
from eval.report.words import Language, Words
from eval.summary import Figure

MOST_FLIPS = 10
LONGEST_QUESTION = 100
#: What Markdown, or HTML within it, would take for its own.
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~!@&$])")


def write_markdown(
    run: Run,
    figures: Sequence[Figure],
    path: Path | None,
    against: Contrast | None = None,
    language: Language = "en",
) -> str:
    """A summary: the headline figures, the verdicts, at most 10 flipped questions, and what was run.

    Args:
        path: where to write it; None to have it returned only.
    """
    say = Words(language)
    blocks = [f"## {escape(run.name)}", _headline(figures, say)]
    if against:
        blocks += _comparison(against, say)
    ran = " · ".join(f"{name}: {escape(value)}" for name, value in facts(run, say))
    blocks.append(f"<sub>{ran}</sub>")
    text = "\n\n".join(block for block in blocks if block) + "\n"
    text = text.encode("utf-8", "replace").decode("utf-8")
    if path is not None:
        write_text(path, text)
    return text


def escape(text: str) -> str:
    """Text on one line that Markdown shows as it is."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _headline(figures: Sequence[Figure], say: Words) -> str:
    found = [
        f"| `{card.metric}` | {escape(card.title)} | {card.value} | {card.interval} |" for card in cards(figures, say)
    ]
    if not found:
        return say("no_figures")
    head = [f"| {say('metric')} | {say('meaning')} | {say('mean')} | {say('interval')} |", "| --- | --- | ---: | --- |"]
    return "\n".join(head + found)


def _comparison(against: Contrast, say: Words) -> list[str]:
    whole, parts = split(against)
    # Slices are many, and most say nothing: those that changed are named.
    told = [verdict for verdict in parts if verdict.judgement in ("better", "worse")]
    blocks = [
        f"### {escape(say('comparison', a=against.a))}",
        f"{tally(whole, say)}\n\n{say.joined(escape(note) for note in notes(against, say))}",
        _verdicts([*whole, *told], say),
    ]
    flips = flip_lines(against.flips, say)
    if flips:
        shown = [
            f"- {flip.word} `{flip.metric}` {flip.before} → {flip.after}: {escape(_short(flip.question))}"
            for flip in flips[:MOST_FLIPS]
        ]
        more = [f"- {say('more', count=len(flips) - MOST_FLIPS)}"] if len(flips) > MOST_FLIPS else []
        blocks += [f"**{say('flips')}**", "\n".join(shown + more)]
    return blocks


def _verdicts(verdicts: Sequence[Verdict], say: Words) -> str:
    names = ("metric", "slice", "before", "after", "difference", "p", "detectable", "verdict")
    head = [f"| {' | '.join(say(name) for name in names)} |", "| --- | --- | ---: | ---: | --- | ---: | ---: | --- |"]
    body = [
        f"| `{line.metric}` | {escape(line.slice)} | {line.before} | {line.after} | {line.difference} {line.interval} "
        f"| {escape(line.p)} | {line.detectable} | {line.word} |"
        for line in verdict_lines(verdicts, say)
    ]
    return "\n".join(head + body) if body else ""


def _short(question: str) -> str:
    return question if len(question) <= LONGEST_QUESTION else question[: LONGEST_QUESTION - 1] + "…"
