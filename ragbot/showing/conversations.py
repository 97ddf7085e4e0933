"""Conversations as they are listed: titles, dates in words, groups by day; their turns, and what a search finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from typing import Any

from ragbot.documents import Answer, Claim, Finding
from ragbot.showing.answers import answer_html, failure_html, partial_html
from ragbot.showing.html import block, note, safe, shortened
from ragbot.showing.words import say
from ragbot.workspace.records import ConversationInfo, Turn
from ragbot.workspace.rows import folded
from ragbot.workspace.searching import Found

#: Characters of a title in a list.
_TITLE = 60
_WEEK = 7


@dataclass(frozen=True, slots=True)
class Group:
    """Conversations of one time: ``name`` in words, the newest first."""

    name: str
    conversations: tuple[ConversationInfo, ...]


def title_of(info: ConversationInfo, language: str, limit: int = _TITLE) -> str:
    """The title on one line of ``limit`` characters, as plain text."""
    return shortened(info.title, limit) or say(language, "untitled")


def when(moment: str, language: str, now: datetime | None = None, zone: tzinfo | None = None) -> str:
    """A time in words, as plain text: ``5 minutes ago``, ``yesterday at 14:03``, ``2026-03-01``.

    Args:
        moment: ISO 8601, in UTC where it names no zone; what is no time is given back as it is.
        language: of the words.
        now: what counts as now; default: this moment.
        zone: of who reads it; default: that of this machine.
    """
    then = _local(moment, zone)
    if then is None:
        return shortened(moment, 40)
    present = (now or datetime.now(UTC)).astimezone(zone)
    seconds = (present - then).total_seconds()
    if -60 <= seconds < 60:  # clocks differ a little
        return say(language, "just_now")
    if 60 <= seconds < 3600 and then.date() == present.date():
        return say(language, "minutes_ago", count=int(seconds // 60))
    days = (present.date() - then.date()).days
    if days in (0, 1):
        return say(language, ("today_at", "yesterday_at")[days], time=f"{then:%H:%M}")
    return _day(then.date(), present.date(), language)


def groups(
    infos: Sequence[ConversationInfo], language: str, now: datetime | None = None, zone: tzinfo | None = None
) -> list[Group]:
    """Conversations by the day on which they were last used: today, yesterday, the last 7 days, earlier.

    Groups without any are left out; the order within a group is that of ``infos``.
    """
    present = (now or datetime.now(UTC)).astimezone(zone).date()
    found: dict[str, list[ConversationInfo]] = {key: [] for key in ("today", "yesterday", "this_week", "earlier_days")}
    for info in infos:
        then = _local(info.updated, zone)
        days = (present - then.date()).days if then else _WEEK
        key = "today" if days <= 0 else "yesterday" if days == 1 else "this_week" if days < _WEEK else "earlier_days"
        found[key].append(info)
    return [Group(say(language, key), tuple(items)) for key, items in found.items() if items]


def matches_html(found: Sequence[Found], query: str, language: str, now: datetime | None = None) -> str:
    """What :func:`ragbot.workspace.searching.search` finds, the words marked.

    Titles are buttons with ``data-conversation`` (the id) and, where it is a turn, ``data-turn``.
    """
    if not found:
        return block(note(say(language, "no_matches")))
    words = [word for word in dict.fromkeys(folded(query).split()) if word]
    items = []
    for item in found:
        info = item.conversation
        turn = f' data-turn="{item.turn.id}"' if item.turn else ""
        where = "" if item.turn else f' <span class="rb-where">{safe(say(language, "in_title"))}</span>'
        button = (
            f'<button type="button" class="rb-link" data-conversation="{safe(info.id, " ")}"{turn}>'
            f"{safe(title_of(info, language))}</button>"
        )
        text = f'<p class="rb-excerpt">{_marked(shortened(item.excerpt, 400), words)}</p>'
        moment = item.turn.asked if item.turn else info.updated
        items.append(
            f'<li class="rb-card"><p class="rb-place">{button}{where} '
            f'<span class="rb-where">{safe(when(moment, language, now))}</span></p>{text}</li>'
        )
    return block(f'<ol class="rb-hits">{"".join(items)}</ol>')


def turn_html(turn: Turn, language: str, open_label: str | None = "") -> str:
    """A stored turn's answer, as :func:`ragbot.showing.answers.answer_html` shows a fresh one."""
    if turn.state == "failed":
        return failure_html(say(language, "turn_failed"), turn.error)
    if turn.state == "interrupted":
        return partial_html(turn.text, language, stopped=True)
    return answer_html(answer_of(turn), language, open_label, kept=True)


def answer_of(turn: Turn) -> Answer:
    """A stored turn as an answer again; hits are not kept."""
    return Answer(
        question=turn.question,
        text=turn.text,
        citations=turn.citations,
        abstained=turn.abstained,
        confidence=turn.confidence or 0.0,
        language=turn.language,
        timings=turn.timings,
        usage=turn.usage,
        claims=tuple(_claim(kept) for kept in turn.claims),
        short=turn.short,
    )


def _claim(kept: Mapping[str, Any]) -> Claim:
    findings = tuple(
        Finding(found["kind"], str(found.get("claimed", "")), str(found.get("found", "")))
        for found in kept.get("findings", ())
    )
    return Claim(
        str(kept.get("text", "")),
        int(kept.get("start", 0)),
        int(kept.get("end", 0)),
        kept.get("status", "unchecked"),
        tuple(kept.get("citations", ())),
        findings,
    )


def _local(moment: str, zone: tzinfo | None) -> datetime | None:
    try:
        then = datetime.fromisoformat(moment)
    except ValueError:
        return None
    return (then if then.tzinfo else then.replace(tzinfo=UTC)).astimezone(zone)


def _day(then: date, present: date, language: str) -> str:
    """``3 March``, ``3月3日``; with the year where it is another one."""
    if language.startswith("zh"):
        text = f"{then.month}月{then.day}日"
        return text if then.year == present.year else f"{then.year}年{text}"
    months = "January February March April May June July August September October November December".split()
    text = f"{then.day} {months[then.month - 1]}"
    return text if then.year == present.year else f"{text} {then.year}"


def _marked(text: str, words: Sequence[str]) -> str:
    """The text with the words of the query marked, in any case, width, accent and script of Chinese."""
    letters = [folded(character) for character in text]  # some fold to several characters, and some to none
    origins = [at for at, letter in enumerate(letters) for _ in letter]
    small, inside = "".join(letters), [False] * len(text)
    for word in words:
        at = small.find(word)
        while at >= 0:
            for origin in origins[at : at + len(word)]:
                inside[origin] = True
            at = small.find(word, at + len(word))
    shown, begin = [], 0
    for at in range(1, len(text) + 1):
        if at == len(text) or inside[at] != inside[begin]:
            piece = safe(text[begin:at])
            shown.append(f"<mark>{piece}</mark>" if inside[begin] else piece)
            begin = at
    return "".join(shown)
