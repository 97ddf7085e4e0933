"""The words of the Gradio app, in Chinese and English, and which of the two a visitor reads.

Labels are translated in the browser by :class:`gradio.I18n`; what the server writes follows ``Accept-Language``. The
page is told which of the two it was (:mod:`apps.gradio_ui.page`), so it is never half in one language, half in the other.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
from gradio.i18n import I18nData

from ragbot.showing import words
from ragbot.showing.words import Language, Words

LANGUAGES = ("en", "zh")
#: All the Chinese that Gradio's page knows; :mod:`apps.gradio_ui.page` uses the first.
_CHINESE = ("zh-CN", "zh-TW")
#: Gradio has keys of its own; ours must not replace them.
_PREFIX = "ragbot_"


_WORDS = Words(Path(__file__).parent)
#: The words of this app alone.
texts, say = _WORDS.texts, _WORDS.say


def language_of(request: gr.Request | None, setting: str = "auto") -> Language:
    """``zh`` or ``en``: as the setting ``language`` says, with ``auto`` which of the two the browser prefers."""
    return words.language_of(request.headers.get("accept-language") if request else None, setting)


def translations() -> gr.I18n:
    """The same strings for the browser."""
    chinese = {_PREFIX + key: value for key, value in texts("zh").items()}
    english = {_PREFIX + key: value for key, value in texts("en").items()}
    return gr.I18n(en=english, **dict.fromkeys(_CHINESE, chinese))


def label(key: str) -> Any:
    """A string that the browser translates; for labels, placeholders and the like. Raises KeyError for no such key."""
    texts("en")[key]
    return I18nData(_PREFIX + key)
