"""From the fields of the evaluation tab to a plan and the settings that it is to be run with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from apps.gradio_ui.site import Visitor
from apps.gradio_ui.text import say
from eval.background import Lend
from eval.run import Plan
from eval.sets import SAMPLE_DOCUMENTS, SetFile, question_sets, set_named
from ragbot.errors import UserError

if TYPE_CHECKING:
    from ragbot.models.embedders.base import Embedder

#: What is asked: the knowledge base that is chosen, or the documents that ragbot's own sets are about.
About = Literal["kb", "sample"]


def choices(visitor: Visitor) -> list[tuple[str, str]]:
    """The question sets: what a person reads, and the value of the field."""
    return [(_named(found, visitor.language), value_of(found)) for found in question_sets(visitor.site.settings)]


def value_of(found: SetFile) -> str:
    """The value that stands for a set."""
    return f"{'own' if found.own else 'ours'}:{found.name}"


def about_of(value: str | None) -> About:
    """What the questions of a set are about, most likely: ours about the sample, the person's own about their documents."""
    return "sample" if value and value.startswith("ours:") else "kb"


def chosen_set(visitor: Visitor, value: str | None) -> SetFile:
    """The set that a value stands for. Raises UserError: none was chosen, or it is gone."""
    origin, _, name = (value or "").partition(":")
    if not name:
        raise UserError(say(visitor.language, "evaluation_choose_set"))
    return set_named(visitor.site.settings, name, own=origin == "own")


def plan_of(visitor: Visitor, kb: str, value: str | None, about: About, mode: str, limit: float | None) -> Plan:
    """The plan that the fields describe. Raises as :func:`chosen_set`."""
    where: dict[str, Any] = {"documents": SAMPLE_DOCUMENTS}
    if about == "kb":
        where = {"kb": str(visitor.site.bots.folder(visitor.chosen(kb)))}
    return Plan(
        dataset=chosen_set(visitor, value).path,
        mode="search" if mode == "search" else "answer",
        limit=max(int(limit or 0), 0),
        **where,
    )


def options_of(text: str | None, language: str) -> dict[str, str]:
    """Settings as a person writes them, ``KEY = VALUE`` a line. Raises UserError where a line is none."""
    found = {}
    for line in map(str.strip, (text or "").splitlines()):
        if not line or line.startswith("#"):
            continue
        key, equals, value = line.partition("=")
        if not equals or not key.strip():
            raise UserError(say(language, "evaluation_bad_setting", line=line[:80]))
        found[key.strip()] = value.strip().strip('"')
    return found


def lending(visitor: Visitor, folder: Path | str | None) -> Lend | None:
    """Lends the embedder of the knowledge base in ``folder``, which stays open meanwhile; None for no knowledge base."""
    if folder is None:
        return None
    bots = visitor.site.bots
    names = [name for name in bots.names() if bots.folder(name) == Path(folder)]
    if not names:
        return None

    @contextmanager
    def lend() -> Iterator[Embedder]:
        with bots.using(names[0]) as bot:
            yield bot.embedder

    return lend


def _named(found: SetFile, language: str) -> str:
    key = "evaluation_set_own" if found.own else "evaluation_set_ours"
    return say(language, key, name=found.name, count=found.questions)
