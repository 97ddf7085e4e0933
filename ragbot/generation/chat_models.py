"""Models as the settings want them: endpoint, key, sampling, and the length of an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragbot.models.registry import load_chat_model
from ragbot.settings import Settings

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel


def chat_model(spec: str, settings: Settings) -> BaseChatModel:
    """The chat model that ``spec`` names, with the endpoint and the sampling of the settings. Raises ModelNotFoundError."""
    return load_chat_model(spec, **model_options(spec, settings), **_sampling(spec, settings))


def model_options(spec: str, settings: Settings) -> dict[str, Any]:
    """What the provider of ``spec`` needs to know of the settings."""
    if spec.partition(":")[0] != "openai":
        return {}
    endpoint = settings.openai
    return {
        "base_url": endpoint.base_url,
        "api_key": endpoint.api_key.get_secret_value() or None,
        "timeout": endpoint.timeout,
    }


def _sampling(spec: str, settings: Settings) -> dict[str, Any]:
    from ragbot.generation.strategies import strategy_called

    generation = settings.generation
    limit = "max_tokens" if spec.partition(":")[0] == "openai" else "max_new_tokens"
    # Reasoning, or the frame of an object, must not eat up the room of the answer.
    tokens = generation.answer_tokens + strategy_called(generation.strategy).extra_tokens
    return {"temperature": generation.temperature, limit: tokens}
