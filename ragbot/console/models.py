"""``ragbot models list``: which providers there are, and which of them work here."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ragbot.errors import ModelNotFoundError
from ragbot.generation.choice import settled
from ragbot.models.llms.choice import no_adapter
from ragbot.models.registry import (
    CHAT_MODELS,
    EMBEDDERS,
    EXTRACTIVE,
    NO_RERANKER,
    READER,
    RERANKERS,
    providers,
    split_spec,
)

if TYPE_CHECKING:
    from ragbot.console.terminal import Terminal
    from ragbot.models.bundled import BundledFile
    from ragbot.settings import Settings


@dataclass(frozen=True)
class _Provider:
    """What a built-in provider is, and what it needs: packages by import name, their extra, bundled weights, and what
    else may be lacking, in words."""

    about: str
    packages: tuple[str, ...] = ()
    extra: str = ""
    weights: Callable[[], tuple[str, tuple[BundledFile, ...]]] | None = None
    lacking: Callable[[], str] | None = None


def embedder_weights() -> tuple[str, tuple[BundledFile, ...]]:
    """Name in the cache, and files, of the bundled embedder's weights."""
    from ragbot.models.embedders.e5_onnx import CACHE_NAME, WEIGHTS

    return CACHE_NAME, (WEIGHTS,)


def chat_model_weights() -> tuple[str, tuple[BundledFile, ...]]:
    """Name in the cache, and files, of the bundled chat model's weights."""
    from ragbot.models.llms.bundled import CACHE_NAME, PARTS

    return CACHE_NAME, PARTS


_EMBEDDERS = {
    "bundled": _Provider(
        "multilingual-e5-small, int8, on the CPU", ("onnxruntime", "tokenizers"), "", embedder_weights
    ),
    "sentence-transformers": _Provider("a folder or a hub name: BAAI/bge-m3", ("sentence_transformers", "torch"), "hf"),
    "openai": _Provider("an OpenAI-compatible endpoint: openai:MODEL", ("httpx",)),
}
_RERANKERS = {
    NO_RERANKER: _Provider("no model: hits stay in the order of fusion"),
    "bundled": _Provider(
        "our own adapter on multilingual-e5-small, int8, on the CPU",
        ("onnxruntime", "tokenizers"),
        "",
        embedder_weights,
    ),
    "sentence-transformers": _Provider(
        "a cross-encoder, a folder or a hub name: BAAI/bge-reranker-v2-m3", ("sentence_transformers", "torch"), "hf"
    ),
    "onnx": _Provider(
        "the same as int8 ONNX on the CPU: onnx:FOLDER (ragbot[hf] only to export it)", ("onnxruntime", "tokenizers")
    ),
}
_CHAT_MODELS = {
    EXTRACTIVE: _Provider("no model: sentences of the documents, chosen and cited"),
    READER: _Provider(
        "the bundled model, trained to answer from passages; reader:FOLDER: another adapter (ragbot train lora)",
        ("onnxruntime", "tokenizers"),
        "bundled-llm",
        chat_model_weights,
        no_adapter,
    ),
    "bundled": _Provider(
        "Gemma 3 270M, int8, on the CPU; bundled:FOLDER with an adapter",
        ("onnxruntime", "tokenizers"),
        "bundled-llm",
        chat_model_weights,
    ),
    "transformers": _Provider("a folder or a hub name: Qwen/Qwen3-4B", ("torch", "transformers"), "hf"),
    "llamacpp": _Provider("a GGUF file, by llama.cpp: llamacpp:FILE.gguf", ("xllamacpp",), "llamacpp"),
    "vllm": _Provider("by vLLM in this process, with a GPU: vllm:MODEL", ("vllm",), "vllm"),
    "openai": _Provider("an OpenAI-compatible endpoint: openai:MODEL", ("langchain_openai",), "openai"),
}


def models(settings: Settings) -> dict[str, Any]:
    """All providers, built in and from entry points, as ``ragbot models list --json`` prints them."""
    return {
        "embedder": settings.embedder,
        "reranker": settings.retrieval.reranker,
        "llm": settings.llm,
        "embedders": _rows(
            settings.embedder, "embedder", EMBEDDERS, _EMBEDDERS, "ragbot.embedders", "sentence-transformers"
        ),
        "rerankers": _rows(
            settings.retrieval.reranker,
            "reranker",
            {NO_RERANKER: "", **RERANKERS},
            _RERANKERS,
            "ragbot.rerankers",
            "sentence-transformers",
        ),
        "chat_models": _rows(
            settled(settings.llm),
            "chat model",
            {EXTRACTIVE: "", READER: "", **CHAT_MODELS},
            _CHAT_MODELS,
            "ragbot.chat_models",
            "transformers",
        ),
    }


def show(terminal: Terminal, found: dict[str, Any]) -> None:
    """Print them in two tables."""
    titles = {
        "embedders": "Embedders (--embedder)",
        "rerankers": "Rerankers (retrieval.reranker)",
        "chat_models": "Chat models (--llm)",
    }
    for key, title in titles.items():
        terminal.line(title, "bold")
        terminal.columns(
            [
                (
                    "*" if row["default"] else "",
                    row["name"],
                    "ok" if row["usable"] else "missing",
                    row["about"],
                    row["reason"],
                )
                for row in found[key]
            ]
        )
        terminal.line()
    chosen = f"embedder {found['embedder']}, reranker {found['reranker']}, llm {found['llm']}"
    terminal.line(f"* is what the settings choose: {chosen}", "dim")


def _rows(
    spec: str, kind: str, table: dict[str, str], described: dict[str, _Provider], group: str, default: str
) -> list[dict[str, Any]]:
    names = providers(table, group)
    try:
        chosen = spec if spec in {EXTRACTIVE, READER, NO_RERANKER} else split_spec(spec, kind, names, default)[0]
    except ModelNotFoundError:
        chosen = ""
    origins = {point.name: point.value for point in importlib.metadata.entry_points(group=group)}
    rows = []
    for name in names:
        provider = described.get(name) or _Provider(f"from {origins.get(name) or table.get(name)}")
        reason = missing(provider)
        rows.append(
            {"name": name, "about": provider.about, "usable": not reason, "reason": reason, "default": name == chosen}
        )
    return rows


def missing(provider: _Provider) -> str:
    """Why a provider does not work here and what helps, or an empty string."""
    from ragbot.models.bundled import cache_root

    absent = [package for package in provider.packages if importlib.util.find_spec(package) is None]
    if absent:
        return f'pip install "ragbot[{provider.extra}]"' if provider.extra else f"not installed: {', '.join(absent)}"
    if provider.weights:
        name, files = provider.weights()
        if not (cache_root() / "models" / name).is_dir():
            try:
                for file in files:
                    file.locate()
            except ModelNotFoundError as error:
                return str(error)
    return provider.lacking() if provider.lacking else ""
