"""The agent's prompts: one file each and language, with ``$name`` for what is filled in."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from string import Template


def render(name: str, language: str, **values: str) -> str:
    """The text of ``name`` in ``language`` (``zh`` or ``en``) with the values filled in.

    Values are put in as they are and never read as templates themselves.
    """
    return _template(name, language).substitute(values)


@cache
def _template(name: str, language: str) -> Template:
    return Template(files(__name__).joinpath(f"{name}.{language}.txt").read_text(encoding="utf-8").rstrip("\n"))
