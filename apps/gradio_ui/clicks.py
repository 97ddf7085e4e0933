"""Buttons inside of HTML that speak to the server: a click anywhere in a component becomes an event with its data."""

from __future__ import annotations

from typing import Any

import gradio as gr

#: What a button does, by ``data-act``; without one it does what its component's buttons usually do. The data of the
#: elements around a button count, too: a button of an answer knows its turn.
_ON_LOAD = """
const known = ["open", "again", "revise", "rate", "swap", "ask", "bring", "pick", "shut", "leaf"];
element.addEventListener("click", event => {
  const button = event.target.closest("button");
  if (!button || !element.contains(button)) return;
  let data = {};
  for (let at = button; at && at !== element; at = at.parentElement) data = {...at.dataset, ...data};
  const act = data.act || "USUAL";
  if (known.includes(act)) trigger(act, data);
});
"""


def clickable(usual: str, more: str = "", **options: Any) -> gr.HTML:
    """An HTML component whose buttons are events: ``component.open(handler, …)``, which gets a ``gr.EventData``.

    Args:
        usual: the event of a button without ``data-act``.
        more: JavaScript that runs once, beside the listener.
        options: of :class:`gradio.HTML`.
    """
    return gr.HTML(js_on_load=_ON_LOAD.replace("USUAL", usual) + more, apply_default_css=False, **options)


def number(event: gr.EventData, name: str, default: int = -1) -> int:
    """A number among the data of a click; what is none becomes ``default``: anybody can send anything."""
    value = str(data(event).get(name, ""))
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 19 else default


def text(event: gr.EventData, name: str) -> str:
    """A text among the data of a click; empty if there is none."""
    value = data(event).get(name, "")
    return value if isinstance(value, str) else ""


def data(event: gr.EventData) -> dict[str, Any]:
    """All data of a click."""
    found = event._data
    return found if isinstance(found, dict) else {}
