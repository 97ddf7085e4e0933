"""``"provider:model"`` strings to models; each class is imported when it is asked for.

A chat model can have options behind it: ``transformers:MODEL+adapter=FOLDER+dtype=int8``; ``+adapter=`` may be repeated.

A third party adds a provider through an entry point in the group ``ragbot.embedders``, ``ragbot.chat_models`` or
``ragbot.rerankers``, whose value is a callable ``(model: str, **options) -> model``.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.metadata
import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragbot.errors import ModelNotFoundError

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from ragbot.models.embedders.base import Embedder
    from ragbot.models.rerankers.base import Reranker

EMBEDDERS = {
    "bundled": "ragbot.models.embedders.e5_onnx:load",
    "sentence-transformers": "ragbot.models.embedders.sentence_transformers:SentenceTransformersEmbedder",
    "openai": "ragbot.models.embedders.openai:OpenAIEmbedder",
}
CHAT_MODELS = {
    "bundled": "ragbot.models.llms.bundled:load",
    "transformers": "ragbot.models.llms.transformers:TransformersChatModel.from_name",
    "llamacpp": "ragbot.models.llms.llamacpp:load",
    "vllm": "ragbot.models.llms.vllm:load",
    "openai": "ragbot.models.llms.openai:load",
}
RERANKERS = {
    "bundled": "ragbot.models.rerankers.e5:load",
    "sentence-transformers": "ragbot.models.rerankers.sentence_transformers:SentenceTransformersReranker",
    "onnx": "ragbot.models.rerankers.onnx:OnnxReranker",
}
#: Options behind a model's name, and the keyword that the provider gets them by: a list, or the last one's value.
SPEC_OPTIONS = {"adapter": "adapters", "dtype": "dtype"}
SPEC_OPTION = re.compile(rf"\+({'|'.join(SPEC_OPTIONS)})=")
#: The chat "model" that is none: sentences of the documents, chosen and cited.
EXTRACTIVE = "extractive"
#: The bundled reader, or ``reader:FOLDER`` of another adapter: it answers from passages, and is no model to chat with.
READER = "reader"
#: The bundled reader where it is installed, and else sentences of the documents.
AUTO_LLM = "auto"
_NO_CHAT_MODELS = {AUTO_LLM, EXTRACTIVE, READER}
#: The setting for no reranker: hits stay in the order of fusion.
NO_RERANKER = "none"
#: The bundled reranker where it was measured to help, and none elsewhere.
AUTO_RERANKER = "auto"


def is_chat_model(llm: object) -> bool:
    """Whether the setting ``llm`` names a model that follows prompts; what merely answers from passages does not."""
    return llm is not None and not (isinstance(llm, str) and llm.partition(":")[0] in _NO_CHAT_MODELS)


def load_embedder(spec: str, **options: Any) -> Embedder:
    """The embedder that ``spec`` names: ``bundled``, ``provider:model``, a folder or a hub name.

    Raises:
        ModelNotFoundError: no such provider or model.
        MissingExtraError: the provider's packages are not installed.
    """
    embedder: Embedder = _load("embedder", spec, EMBEDDERS, "ragbot.embedders", "sentence-transformers", options)
    return embedder


def load_chat_model(spec: str, **options: Any) -> BaseChatModel:
    """The chat model that ``spec`` names: ``bundled``, ``provider:model``, a folder or a hub name, and its options.

    Raises:
        ModelNotFoundError: no such provider or model.
        MissingExtraError: the provider's packages are not installed.
    """
    model: BaseChatModel = _load("chat model", spec, CHAT_MODELS, "ragbot.chat_models", "transformers", options)
    return model


def load_reranker(spec: str, **options: Any) -> Reranker:
    """The reranker that ``spec`` names: ``bundled``, ``provider:model``, a folder or a hub name.

    ``none`` (:data:`NO_RERANKER`) names no model: it is for the caller to ask for none then.

    Raises:
        ModelNotFoundError: no such provider or model.
        MissingExtraError: the provider's packages are not installed.
    """
    reranker: Reranker = _load("reranker", spec, RERANKERS, "ragbot.rerankers", "sentence-transformers", options)
    return reranker


def _load(kind: str, spec: str, table: dict[str, str], group: str, default: str, options: dict[str, Any]) -> Any:
    plain, chosen = split_options(spec)
    provider, model = split_spec(plain, kind, providers(table, group), default)
    if provider in table:
        factory = _resolve(table[provider])
    else:
        factory = next(point.load() for point in importlib.metadata.entry_points(group=group) if point.name == provider)
    _check_options(provider, factory, chosen)
    return factory(model, **{**options, **chosen})


def split_options(spec: str) -> tuple[str, dict[str, Any]]:
    """A spec without its options, and these as keywords: ``m+adapter=a+dtype=int8``.

    Raises:
        ModelNotFoundError: an option without a value.
    """
    plain, *pairs = SPEC_OPTION.split(spec)
    options: dict[str, Any] = {}
    for name, value in zip(pairs[::2], pairs[1::2], strict=True):
        if not value:
            raise ModelNotFoundError(f"{spec!r} gives no {name}: write +{name}=VALUE")
        if name == "adapter":
            options.setdefault("adapters", []).append(value)
        else:
            options[SPEC_OPTIONS[name]] = value
    return plain, options


def _check_options(provider: str, factory: Callable[..., Any], options: dict[str, Any]) -> None:
    # What only **options would take is not known to be understood.
    taken = inspect.signature(factory).parameters
    for name, keyword in SPEC_OPTIONS.items():
        if keyword in options and keyword not in taken:
            raise ModelNotFoundError(
                f"{provider!r} takes no +{name}=: it is for models of transformers, in this process; a server is told when "
                "it is started"
            )


def providers(table: dict[str, str], group: str) -> list[str]:
    """Names of all providers: built in and from entry points."""
    return [*table, *(point.name for point in importlib.metadata.entry_points(group=group) if point.name not in table)]


def split_spec(spec: str, kind: str, known: list[str], default: str) -> tuple[str, str]:
    """``(provider, model)`` of a spec; a folder or a ``owner/name`` without provider goes to ``default``."""
    provider, _, model = spec.partition(":")
    if provider in known and (model or provider == "bundled"):
        return provider, model
    if Path(spec).expanduser().is_dir():
        return default, str(Path(spec).expanduser())
    if "/" in spec and ":" not in spec:
        return default, spec
    near = difflib.get_close_matches(provider, known, 1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise ModelNotFoundError(
        f"{spec!r} names no {kind}.{hint} Give provider:model with one of {', '.join(known)}, a folder, or a hub name "
        f"such as owner/name."
    )


def _resolve(path: str) -> Callable[..., Any]:
    module, _, attributes = path.partition(":")
    value: Any = importlib.import_module(module)
    for attribute in attributes.split("."):
        value = getattr(value, attribute)
    factory: Callable[..., Any] = value
    return factory
