"""The one normalisation that every loader applies: line ends, and characters that no text has.

Nothing else is touched in plain text and Markdown (no-break spaces, full-width forms and quotation marks stay), since a
quote must equal the file's own text. Formats with a layout of their own also turn U+00A0 into a space there.
"""

from __future__ import annotations

import re

_LINE_ENDS = re.compile(r"\r\n?|[\x0b\x0c\x85]")
_UNWANTED = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def clean(text: str) -> str:
    r"""Return ``text`` with ``\n`` line ends, without control characters (but ``\n``, ``\t``) and lone surrogates.

    A form feed, a vertical tab and NEL (U+0085) become a line end: dropping them would glue two words together.
    """
    return _UNWANTED.sub("", _LINE_ENDS.sub("\n", text))
