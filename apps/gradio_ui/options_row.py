"""The settings of a question, folded away under the field: model, hits, strictness, agent, filters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from apps.gradio_ui import filters
from apps.gradio_ui.text import label, texts
from ragbot.bot import RagBot
from ragbot.composing.turns import TurnOptions
from ragbot.index.filters import Filter

_STRICTNESS = ("", "mark", "strict", "off")
#: Inputs before those of the filters.
_OWN = 4


@dataclass(frozen=True, slots=True)
class OptionsRow:
    """The fields, as inputs of a handler in this order; :meth:`read` makes options of their values."""

    model: gr.Dropdown
    top_k: gr.Slider
    strictness: gr.Dropdown
    agent: gr.Checkbox
    filters: filters.Filters

    @property
    def inputs(self) -> list[Any]:
        """The components."""
        return [self.model, self.top_k, self.strictness, self.agent, *self.filters.inputs]

    def read(self, values: tuple[Any, ...]) -> tuple[TurnOptions, Filter]:
        """What the values of :attr:`inputs` mean. Raises UserError: a date is none."""
        model, top_k, strictness, agent = values[:_OWN]
        options = TurnOptions(
            model or "",
            min(max(int(top_k or 0), 0), 50),
            strictness if strictness in _STRICTNESS else "",
            bool(agent),
        )
        return options, self.filters.read(values[_OWN:])

    def choices(self, bot: RagBot, where: Filter, language: str) -> dict[Any, Any]:
        """Updates: the models that can be asked, and what the documents can be told apart by."""
        words = texts(language)
        usual = words["as_set"]
        models = [(words.get(f"model_{name}", name), name) for name in bot.models]
        return {
            self.model: gr.update(choices=models, value=bot.llm),
            self.top_k: gr.update(value=bot.settings.retrieval.top_k),
            self.strictness: gr.update(
                choices=[(usual if not name else words[f"strictness_{name}"], name) for name in _STRICTNESS]
            ),
            **self.filters.choices(bot, where),
        }


def build() -> OptionsRow:
    """Lay the row out, folded."""
    with gr.Accordion(label=label("turn_settings"), open=False, elem_id="rb-options"):
        with gr.Row(elem_classes="rb-filters"):
            model = gr.Dropdown(
                label=label("model"), choices=[], allow_custom_value=True, min_width=160, elem_id="rb-model"
            )
            top_k = gr.Slider(1, 50, value=10, step=1, label=label("top_k"), min_width=160, elem_id="rb-top-k")
            strictness = gr.Dropdown(
                label=label("strictness"),
                choices=[("", "")],
                value="",
                allow_custom_value=True,
                min_width=160,
                elem_id="rb-strictness",
            )
            agent = gr.Checkbox(
                label=label("use_agent"), info=label("use_agent_hint"), min_width=160, elem_id="rb-use-agent"
            )
        return OptionsRow(model, top_k, strictness, agent, filters.build("chat"))
