"""Models as the settings want them: endpoint, key, sampling, and the length of an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragbot.models.registry import CHAT_MODELS, EXTRACTIVE, load_chat_model
from ragbot.settings import Settings

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel


#: The settings of ``local`` that a provider takes.
_LOCAL = {"transformers": {"device", "dtype", "slots"}, "llamacpp": {"context_tokens", "slots"}, "vllm": {"dtype"}}
#: What a provider calls the time of a whole call; elsewhere there is no such option.
_WHOLE_CALL = {"openai": "call_timeout", "transformers": "timeout", "llamacpp": "timeout", "vllm": "timeout"}


def chat_model(spec: str, settings: Settings) -> BaseChatModel:
    """The chat model that ``spec`` names, with the endpoint and the sampling of the settings. Raises ModelNotFoundError."""
    return load_chat_model(spec, **model_options(spec, settings), **_chat_options(spec, settings))


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


def _chat_options(spec: str, settings: Settings) -> dict[str, Any]:
    from ragbot.generation.strategies import strategy_called

    generation = settings.generation
    provider = _provider(spec)
    limit = "max_tokens" if provider == "openai" else "max_new_tokens"
    # Reasoning, or the frame of an object, must not eat up the room of the answer.
    tokens = generation.answer_tokens + strategy_called(generation.strategy).extra_tokens
    options: dict[str, Any] = {"temperature": generation.temperature, limit: tokens}
    if provider == "openai":
        options["max_retries"] = settings.openai.max_retries
    options |= settings.local.model_dump(include=_LOCAL.get(provider, set()))
    if name := _WHOLE_CALL.get(provider):
        options |= {name: generation.timeout, "first_token_timeout": generation.first_token_timeout}
    return options


def _provider(spec: str) -> str:
    """The provider of ``spec``; a folder or a hub name without one is for transformers."""
    provider, colon, _ = spec.partition(":")
    return provider if colon or provider in (*CHAT_MODELS, EXTRACTIVE) else "transformers"
