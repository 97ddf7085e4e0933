"""How the topics of a map are told apart: eight colours, and a shape for each round of them."""

from __future__ import annotations

#: Colours that most people tell apart who do not see all of them, after Okabe & Ito (2008); the yellow is darker, to be
#: seen on white. The page has brighter ones for the dark.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#b8609a", "#b58900", "#2f9fd0", "#5a5a5a", "#8b3a1d")
SHAPES = ("circle", "square", "triangle")


def style_of(number: int) -> tuple[int, int]:
    """Positions in :data:`SHAPES` and :data:`COLOURS` for the topic of this number, from 1."""
    round_, colour = divmod(number - 1, len(COLOURS))
    return round_ % len(SHAPES), colour
