"""Tell an answer from the set phrase of a refusal."""

from __future__ import annotations

from ragbot.generation.markers import MARKER

_STOPS = ".。 \n"


def refuses(text: str, phrase: str, cited: bool) -> bool:
    """Whether ``text`` is the set phrase, markers and full stops aside, or goes on from it without citing anything.

    "The documents do not answer this directly, but … [1]" is an answer.
    """
    bare = phrase.strip(_STOPS)
    return MARKER.sub("", text).strip(_STOPS) == bare or (text.lstrip().startswith(bare) and not cited)
