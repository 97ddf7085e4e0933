"""``ragbot models build``: what the bundled models need once is done now, and not when somebody waits for an answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragbot.models.registry import AUTO_RERANKER, READER

if TYPE_CHECKING:
    from ragbot.console.options import Options
    from ragbot.console.terminal import Terminal
    from ragbot.settings import Settings

#: The provider of the models whose weights arrive by pip, and the roles that models have.
BUNDLED = "bundled"
_TEXTS = {
    "en": {
        "embedder": "embedder",
        "reranker": "reranker",
        "llm": "answers",
        "agent": "agent",
        "working": "building {spec} …",
        "ready": "{role}: {spec} is ready ({seconds:.1f} s)",
        "nothing": "Nothing is built for these settings: none of their models is bundled.",
    },
    "zh": {
        "embedder": "嵌入模型",
        "reranker": "重排模型",
        "llm": "回答",
        "agent": "智能体",
        "working": "正在构建 {spec} …",
        "ready": "{role}：{spec} 已就绪（{seconds:.1f} 秒）",
        "nothing": "按当前设置没有可构建的模型：所用模型都不是自带的。",
    },
}


@dataclass(frozen=True)
class BuiltModel:
    """A model that is ready: what it is for, its name, and the seconds that this took."""

    kind: str
    spec: str
    seconds: float


@dataclass(frozen=True)
class BuiltModels:
    """All that the settings choose, the bundled ones of it."""

    cache: Path
    models: tuple[BuiltModel, ...]


def build(options: Options) -> None:
    """Build what the settings choose, and print it. What is there already is only checked.

    Raises:
        ModelNotFoundError: weights that the settings choose are not installed, or damaged.
        MissingExtraError: packages are not installed.
        StorageError: the cache is full, or may not be written to.
    """
    from ragbot.models.bundled import cache_root
    from ragbot.settings import load_settings

    settings, _ = load_settings({}, options.config)
    words = _TEXTS["zh" if settings.language == "zh" else "en"]
    built = []
    for kind, spec, load in chosen(settings):
        begin = time.perf_counter()
        with options.terminal.working(words["working"].format(spec=spec)):
            load()
        built.append(BuiltModel(kind, spec, time.perf_counter() - begin))
    options.terminal.show(BuiltModels(cache_root(), tuple(built)), lambda terminal, found: show(terminal, found, words))


def show(terminal: Terminal, found: BuiltModels, words: dict[str, str]) -> None:
    """A line a model."""
    for one in found.models:
        terminal.line(words["ready"].format(role=words[one.kind], spec=one.spec, seconds=one.seconds))
    if not found.models:
        terminal.line(words["nothing"])


def chosen(settings: Settings) -> Iterator[tuple[str, str, Callable[[], Any]]]:
    """The bundled models of the settings: what for, by which name, and what builds and loads each."""
    from agents.models import agent_llm
    from ragbot.generation.choice import settled
    from ragbot.models.registry import load_chat_model, load_embedder, load_reranker

    if settings.embedder == BUNDLED:
        yield "embedder", BUNDLED, lambda: load_embedder(BUNDLED)
    if settings.retrieval.reranker == BUNDLED or (settings.retrieval.reranker, settings.embedder) == (
        AUTO_RERANKER,
        BUNDLED,
    ):
        yield "reranker", BUNDLED, lambda: load_reranker(BUNDLED)
    llm, agent = settled(settings.llm), str(agent_llm(settled(settings.llm), settings.agent.llm))
    if llm.partition(":")[0] == READER:
        yield "llm", llm, lambda: _load_reader(llm)
    elif _bundled(llm):
        yield "llm", llm, lambda: load_chat_model(llm)
    if _bundled(agent) and agent != llm:
        yield "agent", agent, lambda: load_chat_model(agent)


def _bundled(llm: str) -> bool:
    return llm.partition(":")[0] == BUNDLED


def _load_reader(llm: str) -> None:
    from ragbot.generation.choice import reader_engine, shipped_reader

    folder = llm.partition(":")[2]
    reader_engine(Path(folder).expanduser() if folder else shipped_reader())
