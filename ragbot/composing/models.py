"""The chat model of :class:`ragbot.RagBot`, which is loaded when it is first used, and once."""

from __future__ import annotations

import threading
from functools import cached_property
from typing import TYPE_CHECKING

from ragbot.generation.chat_models import chat_model
from ragbot.generation.choice import settled
from ragbot.models.llms.choice import why_no_reader
from ragbot.models.registry import EXTRACTIVE, READER
from ragbot.settings import Settings

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel


class ModelUser:
    """What answers.

    Args:
        llm: a spec, or a model; None for answers without one.
        settings: options of the model that the spec names.
    """

    settings: Settings

    def __init__(self, llm: BaseChatModel | str | None, settings: Settings) -> None:
        self.settings = settings
        self._llm = settled(llm) if isinstance(llm, str) else llm
        self._model: BaseChatModel | None = None
        self._model_lock = threading.Lock()

    @property
    def llm(self) -> str:
        """What answers: the spec, ``auto`` settled; the class of a model that was given as an instance."""
        return self._llm if isinstance(self._llm, str) else type(self._llm).__name__ if self._llm else EXTRACTIVE

    @cached_property
    def models(self) -> tuple[str, ...]:
        """What a question can be asked of: :attr:`llm`, ``ui.models``, the bundled reader where it is installed, and none."""
        reader = () if why_no_reader() else (READER,)
        return tuple(dict.fromkeys((self.llm, *self.settings.ui.models, *reader, EXTRACTIVE)))

    def _chat_model(self) -> BaseChatModel:
        """The chat model, which answers and the lines of ingestion share."""
        with self._model_lock:
            if self._model is None:
                assert self._llm is not None  # for mypy: extractive is dealt with before
                self._model = chat_model(self._llm, self.settings) if isinstance(self._llm, str) else self._llm
            return self._model
