"""Which answerer the setting ``llm`` means."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ragbot.errors import ModelNotFoundError
from ragbot.generation.answerers import Answerer, ChatAnswerer
from ragbot.index.knowledge_base import KnowledgeBase
from ragbot.models.embedders.base import Embedder
from ragbot.models.registry import READER, is_chat_model
from ragbot.settings import GenerationSettings

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel


def answerer(
    llm: BaseChatModel | str | None,
    kb: KnowledgeBase,
    embedder: Embedder,
    settings: GenerationSettings,
    chat_model: Callable[[], BaseChatModel],
) -> Answerer:
    """Sentences of the documents, the reader, or a chat model, which ``chat_model`` loads.

    Raises:
        ModelNotFoundError: the reader's adapter or the bundled weights are missing or damaged.
    """
    if is_chat_model(llm):
        return ChatAnswerer(chat_model(), settings.context_tokens, settings.strategy, settings.samples)
    if isinstance(llm, str) and llm.partition(":")[0] == READER:
        from ragbot.generation.reader import Reader
        from ragbot.generation.reading_answerer import ReadingAnswerer
        from ragbot.models.llms.gemma.engine import GemmaEngine

        folder = llm.partition(":")[2]
        if not folder:
            raise ModelNotFoundError(
                "reader names no adapter: write reader:FOLDER, a folder that ragbot train lora has made"
            )
        reader = Reader(GemmaEngine.load(Path(folder).expanduser()), settings.answer_tokens)
        return ReadingAnswerer(reader, settings.context_tokens)
    from ragbot.generation.extractive import ExtractiveAnswerer

    return ExtractiveAnswerer(kb, embedder)
