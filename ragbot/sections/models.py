"""``[openai]`` and ``[local]``: where chat models run."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, SecretStr

from ragbot.sections.base import Positive, Section

DtypeName = Literal["auto", "float32", "bfloat16", "float16", "int8", "4bit"]


class OpenAISettings(Section):
    """Any OpenAI-compatible endpoint: ``vllm serve``, Ollama, a cloud."""

    base_url: str = Field("http://127.0.0.1:8000/v1", description="address of the endpoint")
    api_key: SecretStr = Field(SecretStr(""), description="key of the endpoint; empty for a local server")
    timeout: float = Field(60.0, gt=0, description="seconds to wait for an answer, or for its next piece")
    max_retries: Annotated[int, Field(ge=0, le=20)] = Field(
        2, description="tries after the first, where the endpoint is away or overloaded"
    )


class LocalSettings(Section):
    """Chat models in this process, by transformers or llama.cpp."""

    device: str = Field("auto", min_length=1, description="where transformers runs: auto, cpu, cuda, cuda:1, mps")
    dtype: DtypeName = Field(
        "auto", description="precision of transformers: auto, float32, bfloat16, float16, int8, 4bit (NVIDIA GPU)"
    )
    context_tokens: Positive = Field(4096, description="prompt and answer together, for llama.cpp, in tokens")
    slots: Annotated[int, Field(gt=0, le=256)] = Field(4, description="answers under way at once; others wait in line")
