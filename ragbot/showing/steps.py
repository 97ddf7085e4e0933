"""What an agent does, step by step, and what a person is asked before a tool is used."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from agents.policy import ConsentRequest
from agents.steps import Action, Consent, FinalAnswer, Malformed, Observation, Source, Step, Thought
from agents.taint import Suspicion
from ragbot.documents import Citation
from ragbot.showing.answers import with_markers
from ragbot.showing.claims import unsupported_html
from ragbot.showing.html import block, chip, note, place, safe, shortened
from ragbot.showing.words import say, texts

#: Characters of a result that are shown at once, and of one that is unfolded, or of an argument that is asked about.
_SHORT, _MOST = 240, 20_000
#: Characters of an argument of a call that is made.
_ARGUMENT = 2_000
#: Arguments of a call that are listed.
_ARGUMENTS = 50


def steps_html(steps: Sequence[Step], language: str, *, running: bool = False, open_label: str | None = "") -> str:
    """The steps of a run, in order; results that are long are folded, and the answer stands below with its sources.

    Markers and cards have ``data-citation`` (the marker) and, where it is a passage of the knowledge base,
    ``data-index`` (the place in ``answer.citations``).

    Args:
        steps: as :class:`agents.react.AgentStream` gives them.
        language: of the words around them.
        running: whether more will come.
        open_label: on the buttons of the cards; empty for the usual word, None for none.
    """
    label = say(language, "open") if open_label == "" else open_label
    answer = next((step for step in reversed(steps) if isinstance(step, FinalAnswer)), None)
    listed = "".join(f'<li class="rb-step">{_step(step, language)}</li>' for step in steps if step is not answer)
    waiting = ""
    if running and answer is None:
        key = "calling" if steps and isinstance(steps[-1], Action) else "thinking"
        waiting = f'<p class="rb-note rb-wait" role="status">{safe(say(language, key))}</p>'
    if not listed and answer is None and not waiting:
        return block(note(say(language, "no_steps")))
    title = safe(say(language, "steps"))
    done = f'<ol class="rb-steps" aria-label="{title}">{listed}</ol>' if listed else ""
    return block(f"{done}{waiting}{_answer(answer, language, label) if answer else ''}", "rb-run")


def consent_html(request: ConsentRequest, language: str) -> str:
    """What a tool would do, with which arguments, and where these come from; the buttons are the page's own."""
    suspicious = {item.argument.partition(".")[0].partition("[")[0]: item for item in reversed(request.suspicions)}
    effects = [say(language, f"effect_{effect.value}") for effect in sorted(request.effects)]
    effects = effects or [say(language, "consent_nothing")]
    does = "".join(f"<li>{safe(effect)}</li>" for effect in effects)
    parts = [
        f"<p><strong>{safe(say(language, 'consent_title', tool=shortened(request.tool, 100)))}</strong></p>",
        f'<p class="rb-heading">{safe(say(language, "consent_does"))}</p><ul>{does}</ul>',
    ]
    warnings = [say(language, "suspicion_repeated")] if request.repeated else []
    warnings += [_suspicion(item, language) for item in request.suspicions]
    if warnings:
        listed = "".join(f"<li>{safe(text)}</li>" for text in warnings)
        heading = safe(say(language, "consent_why"))
        parts.append(f'<div class="rb-banner rb-doubt" role="note"><strong>{heading}</strong><ul>{listed}</ul></div>')
    if request.arguments:
        head = "".join(f'<th scope="col">{safe(say(language, key))}</th>' for key in ("argument", "value", "origin"))
        rows = "".join(
            f'<tr><th scope="row">{safe(shortened(name, 80), " ")}</th><td>{_value(value, _MOST)}</td>'
            f"<td>{safe(_origin(suspicious.get(name), language))}</td></tr>"
            for name, value in list(request.arguments.items())[:_ARGUMENTS]
        )
        parts.append(
            f'<p class="rb-heading">{safe(say(language, "consent_with"))}</p><div class="rb-scroll">'
            f'<table class="rb-table rb-arguments"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
        )
    return block(
        "".join(parts), "rb-consent", role="group", aria_label=say(language, "consent_title", tool=request.tool)
    )


def _origin(found: Suspicion | None, language: str) -> str:
    if found is None:
        return say(language, "origin_yours")
    return (
        say(language, "origin_tool", tool=shortened(found.tool, 80)) if found.tool else say(language, "origin_foreign")
    )


def _suspicion(found: Suspicion, language: str) -> str:
    tool = shortened(found.tool, 80)
    origin = say(language, "origin_in", tool=tool) if tool else say(language, "origin_unknown")
    value, argument = shortened(found.value, 300), shortened(found.argument, 80)
    return say(language, f"suspicion_{found.kind}", value=value, argument=argument, origin=origin)


def _step(step: Step, language: str) -> str:
    if isinstance(step, Thought):
        return f'<span class="rb-kind">{safe(say(language, "thought"))}</span> <span class="rb-thought">{safe(step.text)}</span>'
    if isinstance(step, Action):
        return _action(step, language)
    if isinstance(step, Consent):
        return _consent(step, language)
    if isinstance(step, Observation):
        return _observation(step, language)
    if isinstance(step, Malformed):
        body = _folded(step.text, say(language, "malformed"), False)
        return f"{chip(say(language, 'malformed'), 'rb-failed')} {safe(shortened(step.problem, 300))}{body}"
    return safe(step.line(language if language in {"en", "zh"} else "en"))


def _action(step: Action, language: str) -> str:
    title = say(language, "action", tool=shortened(step.tool, 100))
    shown = f'<span class="rb-kind">{safe(title)}</span>'
    if not step.arguments:
        return f"{shown} {safe(say(language, 'no_arguments'))}"
    rows = "".join(
        f"<dt>{safe(shortened(name, 80), ' ')}</dt><dd>{_value(value)}</dd>"
        for name, value in list(step.arguments.items())[:_ARGUMENTS]
    )
    return f'{shown}<dl class="rb-call">{rows}</dl>'


def _consent(step: Consent, language: str) -> str:
    who = "consent" if step.by == "person" else "consent_nobody"
    key = {
        "consent": ("consent_refused", "consent_granted"),
        "consent_nobody": ("consent_nobody", "consent_nobody_granted"),
    }
    word = say(language, key[who][step.granted])
    reasons = say(language, "joint").join(shortened(reason, 300) for reason in step.reasons)
    detail = f' <span class="rb-reason">{safe(reasons)}</span>' if reasons else ""
    return f"{chip(word, '' if step.granted else 'rb-failed')}{detail}"


def _observation(step: Observation, language: str) -> str:
    facts = []
    if step.status != "ok":
        key = f"status_{step.status}"
        facts.append(chip(say(language, key) if key in texts(language) else step.status, "rb-failed"))
    if step.seconds:
        facts.append(f'<span class="rb-cost">{safe(say(language, "seconds", seconds=f"{step.seconds:.1f}"))}</span>')
    if step.status == "ok":
        facts.append(f'<span class="rb-cost">{safe(say(language, "trusted" if step.trusted else "foreign"))}</span>')
    short = len(step.text) <= _SHORT and step.text.count("\n") < 4
    summary = say(language, "result") if short else say(language, "result_more", count=f"{len(step.text):,}")
    return f"{' '.join(facts)}{_folded(step.text, summary, short)}"


def _folded(text: str, summary: str, is_open: bool) -> str:
    if not text:
        return ""
    cut = f"{text[:_MOST]}\n…" if len(text) > _MOST else text
    return (
        f'<details class="rb-result"{" open" if is_open else ""}><summary>{safe(summary)}</summary>'
        f'<div class="rb-output" tabindex="0">{safe(cut)}</div></details>'
    )


def _value(value: Any, limit: int = _ARGUMENT) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = text if len(text) <= limit else f"{text[:limit]}…"
    return f"<code>{safe(text)}</code>"


def _answer(answer: FinalAnswer, language: str, open_label: str | None) -> str:
    cited = _citations(answer)
    numbers = iter(range(len(cited)))
    places = [next(numbers) if source.citation else None for source in answer.sources]
    if answer.outcome == "refused":
        word = chip(say(language, "not_answered"))
        body = f'<div class="rb-banner rb-refusal">{word} {safe(answer.text.strip())}</div>'
    else:
        body = f'<div class="rb-answer">{with_markers(answer.text.strip(), cited, language, places)}</div>'
    if answer.outcome == "best" and answer.reason:
        body += note(say(language, "ended", reason=shortened(answer.reason, 300)), "rb-stopped")
    body += unsupported_html(answer.claims, language)
    if answer.sources:
        heading = safe(say(language, "sources"))
        listed = "".join(_source(source, answer.citations, language, open_label) for source in answer.sources)
        body += (
            f'<section class="rb-sources" aria-label="{heading}"><p class="rb-heading">{heading}</p>{listed}</section>'
        )
    return body


def _citations(answer: FinalAnswer) -> list[Citation]:
    """A citation for every source, so that each marker has its quote; what a tool computed stands in no document."""
    return [
        replace(source.citation, marker=source.marker)
        if source.citation
        else Citation(source.marker, source.tool, source.tool, None, "", 0, 0, source.quote, 0)
        for source in answer.sources
    ]


def _source(source: Source, passages: Sequence[Citation], language: str, open_label: str | None) -> str:
    found = source.citation
    number = f'<span class="rb-number">[{source.marker}]</span>'
    if found is None:
        where = f'<span class="rb-title">{safe(say(language, "from_tool", tool=shortened(source.tool, 100)))}</span>'
        quote = safe(shortened(source.quote, 600))
        return f'<div class="rb-card" data-citation="{source.marker}"><p class="rb-place">{number} {where}</p><blockquote class="rb-quote">{quote}</blockquote></div>'
    where = place(found.title, found.source, found.page, found.heading, language)
    index = next((at for at, passage in enumerate(passages) if passage is found), 0)
    button = ""
    if open_label is not None:
        hint = safe(say(language, "open_source", title=shortened(found.title or found.source, 80)), " ")
        button = f'<button type="button" class="rb-open" data-citation="{source.marker}" data-index="{index}" aria-label="{hint}">{safe(open_label, " ")}</button>'
    return (
        f'<div class="rb-card" data-citation="{source.marker}" data-index="{index}"><p class="rb-place">{number} {where}</p>'
        f'<blockquote class="rb-quote">{safe(found.quote)}</blockquote>{button}</div>'
    )
