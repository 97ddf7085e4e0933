"""Chat models behind any OpenAI-compatible endpoint: OpenAI itself, vLLM, llama.cpp, Ollama, LM Studio."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pydantic import SecretStr

from ragbot.errors import MissingExtraError, SettingsError

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

#: What a server without keys is given, since the client insists on one.
NO_KEY = "none"


def load(
    model: str,
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    timeout: float = 120.0,
    max_retries: int = 2,
    temperature: float = 0.0,
    max_tokens: int | None = 512,
    call_timeout: float | None = None,
    first_token_timeout: float | None = None,
) -> BaseChatModel:
    """The model called ``model`` at ``base_url``; nothing is sent before it is used.

    Args:
        model: the name that the endpoint knows it by.
        base_url: such as ``http://localhost:8000/v1`` (default: ``OPENAI_BASE_URL``, or OpenAI's own).
        api_key: default: ``OPENAI_API_KEY`` where no ``base_url`` is given, so that the key of one service is never
            sent to another; else ``none``, which servers without keys ignore.
        timeout: seconds until the endpoint must have sent the next piece (the whole answer, unless it is streamed).
        max_retries: how often a call is made again after a connection error, 429 or 5xx, with growing pauses or as the
            endpoint asks; never once it has begun to answer.
        temperature: 0 for the likeliest answer.
        max_tokens: the longest answer, in tokens; None leaves it to the endpoint.
        call_timeout: seconds for a whole call, tries and pauses included; None: any.
        first_token_timeout: seconds until the first token must have come; None: any.

    Raises:
        MissingExtraError: langchain-openai is not installed.
        SettingsError: ``base_url`` is no http(s) URL.
    """
    try:
        from ragbot.models.llms.deadlines import clients
        from ragbot.models.llms.openai_client import OpenAICompatibleChatModel
    except ImportError as error:
        raise MissingExtraError("A chat model behind an OpenAI-compatible endpoint", "openai") from error

    if base_url is not None and not base_url.startswith(("http://", "https://")):
        raise SettingsError(f"base_url is {base_url!r}: give an http(s) URL such as http://localhost:8000/v1")
    if api_key is None and base_url is None:
        api_key = os.environ.get("OPENAI_API_KEY")
    return OpenAICompatibleChatModel(
        model=model,
        base_url=base_url,
        api_key=SecretStr(api_key or NO_KEY),
        timeout=timeout,
        max_retries=0,  # ours know what has been shown, and when the time is over
        retries=max_retries,
        call_timeout=call_timeout,
        first_token_timeout=first_token_timeout,
        temperature=temperature,
        max_completion_tokens=max_tokens,
        # Off by default in LangChain for other endpoints than OpenAI's; every current server counts tokens.
        stream_usage=True,
        **clients(base_url, timeout),
    )
