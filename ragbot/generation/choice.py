"""Which answerer the setting ``llm`` means."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ragbot.errors import ModelNotFoundError
from ragbot.generation.answerers import Answerer, ChatAnswerer
from ragbot.generation.confidence import reader_measured
from ragbot.index.knowledge_base import KnowledgeBase
from ragbot.models.embedders.base import Embedder
from ragbot.models.llms.choice import no_adapter, why_no_reader
from ragbot.models.registry import AUTO_LLM, EXTRACTIVE, READER, is_chat_model
from ragbot.models.shipped import adapter_folder
from ragbot.sections.answers import GenerationSettings

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from ragbot.generation.reader import Engine
    from ragbot.generation.reading_answerer import ReadingAnswerer


log = logging.getLogger(__name__)
#: Tokens of a model to one that was estimated, at most.
_ESTIMATED = 1.5


def settled(llm: str) -> str:
    """What ``auto`` stands for on this machine, ``reader`` or ``extractive``; everything else as it is.

    A reader whose confidence nobody has measured is not chosen by itself: it would refuse too much, or too little.
    """
    if llm != AUTO_LLM:
        return llm
    missing = why_no_reader() or ("" if reader_measured() else "how sure the reader may be has not been measured")
    if missing:
        log.info("answers are sentences of the documents: %s", missing)
        return EXTRACTIVE
    return READER


def answerer(
    llm: BaseChatModel | str | None,
    kb: KnowledgeBase,
    embedder: Embedder,
    settings: GenerationSettings,
    chat_model: Callable[[], BaseChatModel],
    history_tokens: int = 1000,
) -> Answerer:
    """Sentences of the documents, the reader, or a chat model, which ``chat_model`` loads.

    Args:
        history_tokens: what a memory may hand on of a conversation, by its own estimate.

    Raises:
        ModelNotFoundError: the reader's adapter or the bundled weights are missing or damaged.
    """
    if is_chat_model(llm):
        budget = round(_ESTIMATED * history_tokens)
        return ChatAnswerer(chat_model(), settings.context_tokens, settings.strategy, settings.samples, budget)
    if isinstance(llm, str) and llm.partition(":")[0] == READER:
        folder = llm.partition(":")[2]
        return reading(Path(folder).expanduser() if folder else shipped_reader(), embedder, settings)
    from ragbot.generation.extractive import ExtractiveAnswerer

    return ExtractiveAnswerer(kb, embedder)


def reading(folder: Path, embedder: Embedder | None, settings: GenerationSettings) -> ReadingAnswerer:
    """The reader in ``folder``, as it answers where passages were found with ``embedder``.

    Raises:
        ModelNotFoundError, MissingExtraError: as :func:`reader_engine`.
    """
    from ragbot.generation.reader import Reader
    from ragbot.generation.reading_answerer import ReadingAnswerer
    from ragbot.generation.span_evidence import weighed

    reader = Reader(reader_engine(folder), settings.answer_tokens, *weighed(embedder))
    return ReadingAnswerer(reader, settings.context_tokens)


def shipped_reader() -> Path:
    """The folder of the reader that ragbot ships.

    Raises:
        ModelNotFoundError: this copy of ragbot has none.
    """
    reason = no_adapter()
    if reason:
        raise ModelNotFoundError(
            f"{reason}: name a folder that ragbot train lora has made (reader:FOLDER), or use extractive"
        )
    return adapter_folder(READER)


def reader_engine(folder: Path) -> Engine:
    """What runs the reader in ``folder``: an adapter of the bundled model or of another one, or a whole model.

    Raises:
        ModelNotFoundError: it is none of these, or its base cannot be had.
        MissingExtraError: another base than the bundled one needs ``ragbot[hf]``.
    """
    from ragbot.models.llms.bundled import HUB_NAME

    config = folder / "adapter_config.json"
    if not config.is_file() and (folder / "config.json").is_file():
        from ragbot.models.llms.torch_engine import TorchEngine

        return TorchEngine.load(str(folder))
    base = _base(config) if config.is_file() else HUB_NAME
    if base != HUB_NAME:
        from ragbot.models.llms.torch_engine import TorchEngine

        if "/" not in base:  # an adapter names a folder without the way to it
            raise ModelNotFoundError(
                f"{folder} is an adapter of {base}, a folder of the machine that it was trained on: merge them with ragbot "
                f"train export {folder} --base FOLDER --output MODEL, and use reader:MODEL"
            )
        return TorchEngine.load(base, folder)
    from ragbot.models.llms.gemma.engine import GemmaEngine

    return GemmaEngine.load(folder)


def _base(config: Path) -> str:
    try:
        return str(json.loads(config.read_text(encoding="utf-8"))["base_model_name_or_path"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelNotFoundError(
            f"{config} cannot be read ({error!r}): give the folder that ragbot train lora named"
        ) from error
