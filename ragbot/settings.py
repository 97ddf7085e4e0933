"""One tree of settings: argument > ``RAGBOT_*`` variable > ``ragbot.toml`` > default. Unknown keys are refused.

Variables name the tree with two underscores: ``RAGBOT_RETRIEVAL__TOP_K=20`` is ``[retrieval] top_k = 20``.
Two variables are read outside the tree, because they say where things are before there are settings:
``RAGBOT_CONFIG`` (the settings file) and ``RAGBOT_CACHE_DIR`` (models built from the bundled weights).
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import platformdirs
import pydantic_settings
from pydantic import BaseModel, Field, ValidationError
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from ragbot.errors import SettingsError
from ragbot.sections.agent import AgentSettings
from ragbot.sections.answers import ConversationSettings, GenerationSettings
from ragbot.sections.ingest import ChunkingSettings, IngestSettings
from ragbot.sections.mcp import McpSettings
from ragbot.sections.models import LocalSettings, OpenAISettings
from ragbot.sections.retrieval import RetrievalSettings, VectorSettings
from ragbot.sections.server import ServerSettings
from ragbot.sections.ui import UISettings
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
#: Never shown, not even in an error.
_SECRETS = {"openai.api_key", "vectors.chroma_token", "web.tavily_key", "web.brave_key", "mcp.key"}


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
