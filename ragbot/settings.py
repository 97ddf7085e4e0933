"""One tree of settings: argument > ``RAGBOT_*`` variable > ``ragbot.toml`` > default. Unknown keys are refused.

Variables name the tree with two underscores: ``RAGBOT_RETRIEVAL__TOP_K=20`` is ``[retrieval] top_k = 20``.
Two variables are read outside the tree, because they say where things are before there are settings:
``RAGBOT_CONFIG`` (the settings file) and ``RAGBOT_CACHE_DIR`` (models built from the bundled weights).
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
import pydantic_settings
from pydantic import BaseModel, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from ragbot.errors import SettingsError
from ragbot.sections.agent import AgentSettings
from ragbot.sections.base import Section as Section
from ragbot.sections.mcp import McpSettings
from ragbot.sections.server import ServerSettings
from ragbot.sections.web import WebSettings

FILE_NAME = "ragbot.toml"
PREFIX = "RAGBOT_"
DELIMITER = "__"
#: The file that makes a folder a knowledge base.
CATALOG = "catalog.sqlite3"
#: Read directly from the environment, never part of the tree.
ENVIRONMENT_ONLY = {"RAGBOT_CONFIG", "RAGBOT_CACHE_DIR"}
#: Settings that are tables themselves, and no branches of the tree.
_TABLES = {"ingest.readers", "agent.rules", "mcp.servers"}
#: A suffix in the table of readers, and what it is read by.
SUFFIX = re.compile(r"\.[a-z0-9_]{1,16}")
READER = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*:[^\W\d]\w*")
#: Never shown, not even in an error.
_SECRETS = {"openai.api_key", "vectors.chroma_token", "web.tavily_key", "web.brave_key", "mcp.key"}

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(gt=0)]
ChunkerName = Literal["recursive", "headings", "sentences", "semantic", "hierarchical", "code", "rows", "auto"]
ContextName = Literal["title", "none", "model"]
FusionName = Literal["z", "rrf"]
RewriteName = Literal["none", "rules", "standalone", "multi-query", "hyde", "decompose", "feedback"]
SummaryName = Literal["auto", "none", "extractive", "model"]
DtypeName = Literal["auto", "float32", "bfloat16", "float16", "int8", "4bit"]
StrategyName = Literal["zero-shot", "few-shot", "chain-of-thought", "self-consistency", "structured"]
StrictnessName = Literal["off", "mark", "strict"]


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


class ChunkingSettings(Section):
    """How documents are cut."""

    chunker: ChunkerName = Field(
        "recursive", description="how: recursive, headings, sentences, semantic, hierarchical, code, rows, auto"
    )
    chunk_tokens: int = Field(96, ge=16, le=8192, description="largest chunk, in the embedder's tokens")
    chunk_tokens_zh: int = Field(192, ge=16, le=8192, description="the same for documents in Chinese, Japanese, Korean")
    context: ContextName = Field(
        "title",
        description="embedded in front of a chunk: title (and headings), none, model (a line that llm writes too)",
    )


class IngestSettings(Section):
    """What ingestion accepts."""

    max_file_mb: Positive = Field(256, description="files larger than this are refused, in MiB")
    images: bool = Field(False, description="also read the pictures in folders; one that is named is always read")
    allow_private: bool = Field(False, description="whether a URL may name a host in a private network")
    user_agent: str = Field("ragbot", min_length=1, description="what web servers, and their robots.txt, are told")
    parsers: Annotated[int, Field(ge=0, le=256)] = Field(0, description="processes that parse; 0: one a core")
    parse_seconds: float = Field(120.0, gt=0, description="a file that takes longer to parse is refused")
    parse_memory_mb: Annotated[int, Field(ge=128)] = Field(
        2048, description="memory that parsing a file may take, in MiB"
    )
    readers: dict[str, str] = Field(
        {}, description='LlamaIndex readers by suffix: { ".hwp" = "llama_index.readers.file:HWPReader" }'
    )

    @field_validator("readers")
    @classmethod
    def _check_readers(cls, readers: dict[str, str]) -> dict[str, str]:
        for suffix, reader in readers.items():
            if not SUFFIX.fullmatch(suffix) or not READER.fullmatch(reader):
                raise ValueError(
                    f'{suffix!r} = {reader!r} is no suffix (small letters, with its dot) and reader: write ".hwp" = '
                    '"package.module:Class"'
                )
        return readers


class RetrievalSettings(Section):
    """How chunks are found."""

    top_k: Annotated[int, Field(gt=0, le=1000)] = Field(10, description="hits of a search")
    dense_weight: Fraction = Field(0.7, description="weight of the dense score; the rest is lexical")
    candidates: Positive = Field(100, description="candidates taken from each index before fusion")
    fusion: FusionName = Field(
        "z", description="of dense and lexical: z (standardised scores) or rrf (reciprocal ranks)"
    )
    reranker: str = Field(
        "auto",
        min_length=1,
        description="what reads the best hits again, as provider:model; none; auto: bundled beside the bundled embedder",
    )
    rerank_candidates: Annotated[int, Field(gt=0, le=1000)] = Field(
        20, description="best hits of the fusion that the reranker reads"
    )
    rerank_tokens: Annotated[int, Field(ge=64)] = Field(
        4000, description="no more of these than fit into so many tokens, which bounds the time"
    )
    rewrite: RewriteName = Field(
        "rules",
        description="questions before the search: none, rules, standalone, multi-query, hyde, decompose, feedback",
    )
    rewrites: Annotated[int, Field(gt=0, le=8)] = Field(
        3, description="texts that are searched for beside the question, at most"
    )
    duplicates: bool = Field(True, description="leave out hits that repeat a better one; that one names them")
    diversity: Fraction = Field(0.0, description="how much hits that differ from those above are preferred; 0: not")


class VectorSettings(Section):
    """Where vectors are kept. A knowledge base remembers the name of its store, and never an address."""

    store: str = Field("faiss", description="of new knowledge bases: faiss, chroma, chroma-server, langchain")
    chroma_url: str = Field("", description="address of a Chroma server (chroma run), such as http://127.0.0.1:8000")
    chroma_token: SecretStr = Field(SecretStr(""), description="bearer token that the Chroma server asks for")
    timeout: float = Field(10.0, gt=0, description="seconds to wait for a vector store's server")
    langchain: str = Field("", description="package.module:factory, which makes a LangChain vector store")


class GenerationSettings(Section):
    """How answers are made."""

    context_tokens: Positive = Field(1200, description="largest context handed to the chat model, in its tokens")
    answer_tokens: Positive = Field(256, description="longest answer, in tokens")
    temperature: float = Field(0.0, ge=0, le=2, description="randomness of a chat model; 0 takes the likeliest token")
    timeout: float = Field(600.0, gt=0, description="seconds that a chat model may take for one answer")
    first_token_timeout: float = Field(300.0, gt=0, description="seconds until its first token must have come")
    min_confidence: Fraction = Field(0.5, description="below this the question is refused")
    strategy: StrategyName = Field(
        "zero-shot",
        description="how a chat model is asked: zero-shot, few-shot, chain-of-thought, self-consistency, structured",
    )
    samples: Annotated[int, Field(gt=0, le=100)] = Field(5, description="answers that self-consistency compares")
    strictness: StrictnessName = Field(
        "mark", description="sentences that no source supports: off (not checked), mark, strict (removed)"
    )


class ConversationSettings(Section):
    """What is remembered of a conversation, and how long it is kept."""

    turns: Annotated[int, Field(ge=0, le=100)] = Field(
        2, description="last turns that go with a question word for word; 0: each question stands alone"
    )
    tokens: Annotated[int, Field(ge=64)] = Field(
        1000, description="largest history that goes with a question, in tokens"
    )
    summary: SummaryName = Field(
        "auto", description="of older turns: auto (model if there is one), none, extractive, model"
    )
    retention_days: Annotated[int, Field(ge=0)] = Field(
        0, description="conversations not used for so many days are deleted; 0: kept"
    )


class UISettings(Section):
    """The web interface."""

    host: str = Field("127.0.0.1", description="address to listen on; others than this machine need keys")
    models: list[str] = Field([], description='further chat models to choose from beside llm: ["openai:qwen3"]')
    port: int = Field(7860, ge=0, le=65535, description="port to listen on; 0 takes a free one")


class Settings(BaseSettings):
    """All settings of ragbot."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter=DELIMITER, extra="forbid", validate_default=True
    )

    kb: str = Field("default", description="knowledge base: a name, or a folder")
    data_dir: Path = Field(
        default_factory=lambda: Path(platformdirs.user_data_dir("ragbot", appauthor=False)),
        description="where knowledge bases given by name live",
    )
    embedder: str = Field("bundled", description="embedding model, as provider:model")
    llm: str = Field(
        "auto",
        description="what answers: provider:model; reader, extractive (no model); auto: reader where it is installed "
        "and its confidence measured, else extractive",
    )
    language: Literal["auto", "zh", "en"] = Field("auto", description="language of answers and messages")
    bench_dir: Path = Field(Path("../shared/bench"), description="folder of the public question sets (benchmarks only)")
    openai: OpenAISettings = OpenAISettings()
    local: LocalSettings = LocalSettings()
    chunking: ChunkingSettings = ChunkingSettings()
    ingest: IngestSettings = IngestSettings()
    vectors: VectorSettings = VectorSettings()
    retrieval: RetrievalSettings = RetrievalSettings()
    generation: GenerationSettings = GenerationSettings()
    conversation: ConversationSettings = ConversationSettings()
    agent: AgentSettings = AgentSettings()
    web: WebSettings = WebSettings()
    mcp: McpSettings = McpSettings()
    ui: UISettings = UISettings()
    server: ServerSettings = ServerSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what :func:`load_settings` has merged: the layers are read there, so that origins can be told."""
        return (init_settings,)

    def kb_path(self, kb: str | None = None) -> Path:
        """The folder of a knowledge base.

        Anything with a separator is a path. A plain name lives in the data folder, unless only the working folder
        has a knowledge base of that name.

        Raises:
            SettingsError: both have one.
        """
        name = kb or self.kb
        if name in {".", ".."} or any(mark in name for mark in "/\\~") or Path(name).is_absolute():
            return Path(name).expanduser().absolute()
        named = (self.data_dir / "kb" / name).expanduser().absolute()
        here = Path(name).absolute()
        if (here / CATALOG).is_file() and here != named:
            if (named / CATALOG).is_file():
                raise SettingsError(
                    f"{name!r} is a knowledge base here and in the data folder: say ./{name} or {named}"
                )
            return here
        return named


def load_settings(
    arguments: Mapping[str, Any] | None = None, file: Path | None = None
) -> tuple[Settings, dict[str, str]]:
    """Merge the layers; return the settings and, for each dotted key, where its value came from.

    Args:
        arguments: dotted keys to values; None values are left out.
        file: the settings file; default ``RAGBOT_CONFIG``, ``./ragbot.toml``, or the one in the user's config folder.

    Raises:
        SettingsError: an unknown key, a value that a key does not take, or a file that is not TOML.
    """
    path = settings_file(file)
    layers: list[tuple[str, dict[str, Any]]] = [
        (str(path) if path else FILE_NAME, _flat(_read_toml(path)) if path else {}),
        ("environment", _environment()),
        ("argument", {key: value for key, value in (arguments or {}).items() if value is not None}),
    ]
    known = dict(walk(Settings))
    tree: dict[str, Any] = {}
    origins = dict.fromkeys(known, "default")
    for name, layer in layers:
        for key, value in layer.items():
            if key not in known:
                near = difflib.get_close_matches(key, known, 1, 0.5)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                raise SettingsError(f"unknown setting {key!r} ({name}){hint} `ragbot config show` lists them all.")
            branch = tree
            *parents, leaf = key.split(".")
            for parent in parents:
                branch = branch.setdefault(parent, {})
            branch[leaf] = value
            origins[key] = f"{PREFIX}{key.upper().replace('.', DELIMITER)}" if name == "environment" else name
    try:
        return Settings(**tree), origins
    except ValidationError as error:
        problems = "; ".join(_problem(item, origins) for item in error.errors())
        raise SettingsError(problems) from error


def walk(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield ``(dotted key, description)`` of every setting."""
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from walk(field.annotation, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field.description or ""


def value_of(settings: BaseModel, key: str) -> Any:
    """The value under a dotted key."""
    value: Any = settings
    for part in key.split("."):
        value = getattr(value, part)
    return value


def _problem(item: Any, origins: Mapping[str, str]) -> str:
    key = ".".join(map(str, item["loc"]))
    table = next((name for name in _TABLES if key.startswith(f"{name}.")), "")
    # A table of servers may hold a secret that does not belong there.
    shown = "…" if key in _SECRETS or table == "mcp.servers" else repr(item["input"])
    return f"setting {key} = {shown} ({origins.get(table or key, 'default')}): {item['msg']}"


def settings_file(file: Path | None) -> Path | None:
    """The settings file that is read: the one given, ``RAGBOT_CONFIG``, or the first that exists; None without one.

    Raises:
        SettingsError: the file that was asked for does not exist.
    """
    explicit = file or (Path(os.environ["RAGBOT_CONFIG"]) if os.environ.get("RAGBOT_CONFIG") else None)
    if explicit:
        if not explicit.is_file():
            raise SettingsError(f"the settings file {explicit} does not exist")
        return explicit
    for candidate in (Path(FILE_NAME), Path(platformdirs.user_config_dir("ragbot", appauthor=False)) / FILE_NAME):
        if candidate.is_file():
            return candidate
    return None


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path} cannot be read as TOML: {error}") from error


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping) and f"{prefix}{key}" not in _TABLES:
            flat.update(_flat(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _environment() -> dict[str, Any]:
    source = EnvSettingsSource(Settings)
    try:
        found = _flat(source())
    except pydantic_settings.SettingsError as error:  # RAGBOT_RETRIEVAL=… is read as JSON, and is none
        raise SettingsError(f"{error}; set one key at a time: {PREFIX}RETRIEVAL{DELIMITER}TOP_K=20") from error
    # The source passes over variables that fit no field; a typo must not pass in silence.
    keys = {name[len(PREFIX) :].lower().replace(DELIMITER, ".") for name in os.environ if name.startswith(PREFIX)}
    ignored = {name[len(PREFIX) :].lower() for name in ENVIRONMENT_ONLY}
    return {**{key: os.environ.get(PREFIX + key.upper().replace(".", DELIMITER)) for key in keys - ignored}, **found}
