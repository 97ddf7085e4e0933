"""Evaluations: a run's figures with their intervals, two runs compared, and the runs that are stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from eval.contrast import Contrast, Verdict
from eval.metrics.table import METRICS
from eval.records import Run
from eval.report.formats import bounds, number
from eval.report.verdicts import flip_lines, notes, split, verdict_lines
from eval.report.words import Words
from eval.summary import ALL, Figure
from ragbot.showing.conversations import when
from ragbot.showing.html import block, chip, note, safe, shortened
from ragbot.showing.words import say

#: Flipped questions that are listed.
_FLIPS = 50


def figures_html(run: Run, figures: Sequence[Figure], language: str, *, every: bool = False) -> str:
    """A run and its figures over all questions, each with its 95% interval.

    Args:
        run: as :meth:`eval.runs.RunStore.load` gives it.
        figures: what :func:`eval.summary.summarize` makes of its rows.
        language: of the words.
        every: all metrics, and not the primary ones only.
    """
    say_report = Words("zh" if language.startswith("zh") else "en")
    shown = [item for item in figures if item.slice == ALL and (every or METRICS[item.metric].primary)]
    parts = [_facts(run, language, say_report)]
    if not shown:
        parts.append(note(say_report("no_figures")))
        return block("".join(parts), "rb-evaluation")
    columns = ("metric", "mean", "interval", "questions_count", "meaning")
    head = "".join(f'<th scope="col">{safe(say_report(key))}</th>' for key in columns)
    body = []
    for kind, items in groupby(shown, key=lambda item: METRICS[item.metric].kind):
        body.append(
            f'<tr><th scope="colgroup" colspan="5" class="rb-heading">{safe(say_report(f"kind.{kind}"))}</th></tr>'
        )
        body += [_figure(item, say_report) for item in items]
    parts.append(
        f'<div class="rb-scroll" tabindex="0" role="region" aria-label="{safe(say_report("figures"))}">'
        f'<table class="rb-table"><thead><tr>{head}</tr></thead><tbody>{"".join(body)}</tbody></table></div>'
    )
    parts.append(note(say_report("interval_note")))
    return block("".join(parts), "rb-evaluation")


def comparison_html(found: Contrast, language: str, *, every: bool = False) -> str:
    """Run against run: each metric's difference with its interval and p, and the questions whose outcome changed.

    Args:
        found: what :func:`eval.contrast.contrast` says.
        language: of the words.
        every: verdicts within slices, too.
    """
    say_report = Words("zh" if language.startswith("zh") else "en")
    whole, slices = split(found)
    title = say(language, "compare_title", a=shortened(found.a, 100), b=shortened(found.b, 100))
    parts = [f'<p class="rb-title">{safe(title)}</p>', _summary(whole, language)]
    parts += [note(text) for text in notes(found, say_report)]
    parts.append(_verdicts(whole, say_report, sliced=False))
    parts.append(note(say_report("verdict_note")))
    if every and slices:
        parts.append(_verdicts(slices, say_report, sliced=True))
        parts.append(note(say_report("slices_explore_note")))
    if found.flips:
        lines = flip_lines(found.flips, say_report)
        items = "".join(
            f'<li><span class="rb-chip rb-{safe(item.change, " ")}">{safe(item.word)}</span> {safe(item.metric)} '
            f"{safe(item.before)} → {safe(item.after)} <span>{safe(shortened(item.question, 300))}</span></li>"
            for item in lines[:_FLIPS]
        )
        if len(lines) > _FLIPS:
            items += f"<li>{safe(say_report('more', count=len(lines) - _FLIPS))}</li>"
        lost = sum(flip.change == "lost" for flip in found.flips)
        summary = say_report("flips_summary", lost=lost, gained=len(found.flips) - lost)
        parts.append(f'<details class="rb-more"><summary>{safe(summary)}</summary><ul>{items}</ul></details>')
    return block("".join(parts), "rb-evaluation")


def runs_html(manifests: Sequence[Mapping[str, Any]], language: str, open_label: str | None = "") -> str:
    """The stored runs, newest first, as :meth:`eval.runs.RunStore.manifests` gives them.

    Names are buttons with ``data-run``, unless ``open_label`` is None.
    """
    if not manifests:
        return block(note(say(language, "no_runs")))
    columns = ("run_name", "run_when", "run_set", "run_questions", "run_model", "run_state")
    head = "".join(f'<th scope="col">{safe(say(language, key))}</th>' for key in columns)
    rows = "".join(f"<tr>{_run(manifest, language, open_label is not None)}</tr>" for manifest in manifests)
    return block(
        f'<div class="rb-scroll" tabindex="0" role="region" aria-label="{safe(say(language, "run_name"))}">'
        f'<table class="rb-table rb-stacked"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _run(manifest: Mapping[str, Any], language: str, buttons: bool) -> str:
    dataset, name = manifest.get("dataset", {}), str(manifest.get("name", ""))
    title = safe(shortened(name, 120), " ")
    if buttons:
        title = f'<button type="button" class="rb-link" data-run="{safe(name, " ")}">{title}</button>'
    mode = manifest.get("mode", "")
    model = manifest.get("models", {}).get("llm", "") if mode == "answer" else mode
    cells = (
        title,
        safe(when(str(manifest.get("created", "")), language)),
        safe(shortened(str(dataset.get("name", "")), 120), " "),
        safe(f"{dataset.get('questions', 0):,}"),
        safe(shortened(str(model), 120), " "),
        safe(say(language, "run_done" if manifest.get("finished") else "run_unfinished")),
    )
    return "".join(f"<td>{cell}</td>" for cell in cells)


def _facts(run: Run, language: str, words: Words) -> str:
    dataset = run.manifest.get("dataset", {})
    mode = str(run.manifest.get("mode", "answer"))
    text = say(
        language,
        "run_facts",
        questions=f"{dataset.get('questions', len(run.rows)):,}",
        documents=f"{dataset.get('documents', 0):,}",
        mode=words(f"mode.{mode}") if mode in {"answer", "search"} else mode,
        model=shortened(str(run.manifest.get("models", {}).get("llm", "")), 100),
    )
    unfinished = "" if run.manifest.get("finished") else f" {chip(say(language, 'run_unfinished'))}"
    errors = note(say(language, "run_errors", count=run.errors), "rb-warning") if run.errors else ""
    return f'<p class="rb-title">{safe(shortened(run.name, 200))}{unfinished}</p>{note(text)}{errors}'


def _figure(item: Figure, words: Words) -> str:
    metric, interval = METRICS[item.metric], item.interval
    bar = ""
    if not metric.unit and 0 <= interval.mean <= 1:
        bar = f' <meter class="rb-bar" min="0" max="1" value="{interval.mean:.3f}" aria-hidden="true"></meter>'
    less = "" if metric.higher_is_better else _in_brackets(words("less_is_better"), words)
    return (
        f'<tr><th scope="row">{safe(item.metric)}</th><td class="rb-figure">{safe(number(interval.mean, item.metric))}{bar}</td>'
        f'<td class="rb-figure">{safe(bounds(interval.low, interval.high, item.metric))}</td>'
        f'<td class="rb-figure">{interval.questions:,}</td><td>{safe(words.metric(item.metric) + less)}</td></tr>'
    )


def _summary(verdicts: Sequence[Verdict], language: str) -> str:
    """Better and worse at a glance; times do not count."""
    quality = [item for item in verdicts if METRICS[item.metric].kind != "cost"]
    parts = []
    for judgement, kind in (("worse", "rb-failed"), ("better", "rb-added")):
        named = [item.metric for item in quality if item.judgement == judgement]
        if named:
            text = say(language, f"compare_{judgement}", metrics=say(language, "comma").join(named))
            parts.append(chip(text, kind))
    return f"<p>{' '.join(parts) or safe(say(language, 'compare_undecided'))}</p>"


def _verdicts(verdicts: Sequence[Verdict], words: Words, sliced: bool) -> str:
    columns = [
        "metric",
        *(["slice"] if sliced else []),
        "before",
        "after",
        "difference",
        "interval",
        "p",
        "detectable",
        "verdict",
    ]
    head = "".join(f'<th scope="col">{safe(words(key))}</th>' for key in columns)
    rows = []
    for item in verdict_lines(verdicts, words):
        cells = [
            f'<th scope="row" title="{safe(item.title, " ")}">{safe(item.metric)}</th>',
            *([f"<td>{safe(item.slice)}</td>"] if sliced else []),
            *(f'<td class="rb-figure">{safe(text)}</td>' for text in (item.before, item.after, item.difference)),
            f'<td class="rb-figure">{safe(item.interval)}</td><td class="rb-figure">{safe(item.p)}</td>',
            f'<td class="rb-figure">{safe(item.detectable)}</td>',
            f'<td class="rb-{safe(item.judgement, " ")}">{safe(item.word)}</td>',
        ]
        rows.append(f"<tr>{''.join(cells)}</tr>")
    label = safe(words("verdict"))
    return (
        f'<div class="rb-scroll" tabindex="0" role="region" aria-label="{label}"><table class="rb-table">'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _in_brackets(text: str, words: Words) -> str:
    return f"（{text}）" if words.language == "zh" else f" ({text})"
