"""The filters and settings of a question: what the fields hold becomes what the library takes."""

from __future__ import annotations

import asyncio

import gradio as gr
import pytest

from apps.gradio_ui import filters, options_row
from apps.gradio_ui.site import Site
from ragbot.composing.turns import TurnOptions
from ragbot.errors import UserError
from ragbot.index.filters import Filter

NOTHING: tuple[object, ...] = ("", [], [], [], [], "", "")


def test_values_become_a_filter() -> None:
    assert filters.Filters.read(NOTHING) == Filter()
    read = filters.Filters.read
    values = (" notes， *.pdf ", ["pdf"], ["zh"], ["a"], ["b"], " 2026-01-02 ", "2026-02-03")
    assert read(values) == Filter(
        sources=("*notes*", "*.pdf"),
        types=("pdf",),
        languages=("zh",),
        tags=("a",),
        collections=("b",),
        since="2026-01-02",
        until="2026-02-03",
    )
    for day in ("2026-02-30", "yesterday", "20x"):
        with pytest.raises(UserError, match="write it like 2026-01-31"):
            read((*NOTHING[:-1], day))


@pytest.fixture
def row() -> options_row.OptionsRow:
    async def lay_out() -> options_row.OptionsRow:
        with gr.Blocks():
            return options_row.build()

    return asyncio.run(lay_out())  # where no loop is running, Gradio makes some and leaves them open


def test_choices_are_what_the_documents_have(site: Site, row: options_row.OptionsRow) -> None:
    owner = site.visitor(None)
    with owner.using("default") as bot:
        updates = row.choices(bot, owner.where(), "zh")
        assert updates[row.model]["value"] == "extractive"
        assert updates[row.filters.types]["choices"] == ["md", "txt"]
        assert updates[row.filters.tags]["visible"] is False
    with owner.using("other") as bot:
        assert row.filters.choices(bot, owner.where())[row.filters.types]["visible"] is False


def test_settings_of_a_question_are_kept_within_bounds(row: options_row.OptionsRow) -> None:
    options, where = row.read(("", 10_000, "no such", None, *NOTHING))
    assert options == TurnOptions(top_k=50)
    assert where == Filter()
    options, _ = row.read(("extractive", 0, "strict", True, *NOTHING))
    assert options == TurnOptions("extractive", 0, "strict", agent=True)
