"""Tools by name, made of what there is: settings, a knowledge base, tables. A tool is imported when it is asked for."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from langchain_core.tools import BaseTool

from ragbot.errors import SettingsError, UserError
from ragbot.settings import Settings

if TYPE_CHECKING:
    from ragbot.documents import Answer
    from ragbot.index.knowledge_base import KnowledgeBase
    from ragbot.net.pages import PageReader
    from ragbot.retrieval.retriever import HybridRetriever


@dataclass(frozen=True)
class Parts:
    """What tools are made of.

    Attributes:
        settings: all of them.
        language: of what a tool says where its arguments are in none (``en``, ``zh``).
        kb: the knowledge base; None: its tools are not to be had.
        retriever: searches it.
        pages: makes what fetches a page within bounds; None: pages are not to be had.
        tables: files for the tool ``tables``.
        ask: answers a question from the documents; None: there are none.
        passages: how many a search in the knowledge base shows.
    """

    settings: Settings
    language: str = "en"
    kb: KnowledgeBase | None = None
    retriever: HybridRetriever | None = None
    pages: Callable[[], PageReader] | None = None
    tables: tuple[Path, ...] = ()
    ask: Callable[[str], Answer] | None = None
    passages: int = 5


def _calculator(parts: Parts) -> list[BaseTool]:
    from agents.tools.calculator import calculator

    return [calculator(parts.language)]


def _clock(parts: Parts) -> list[BaseTool]:
    from agents.tools.clock import clock

    return [clock(parts.language)]


def _units(parts: Parts) -> list[BaseTool]:
    from agents.tools.units import units
    from agents.tools.units_rates import read_rates

    file = parts.settings.agent.rates
    return [units(parts.language, read_rates(Path(file).expanduser()) if file else None)]


def _kb(parts: Parts) -> list[BaseTool]:
    if parts.kb is None or parts.retriever is None:
        raise UserError("the tool kb needs a knowledge base, and there is none: ragbot ingest FOLDER makes one")
    from agents.tools.knowledge import read_document, search_knowledge

    catalog = parts.kb.catalog
    search = search_knowledge(parts.retriever, parts.language, catalog=catalog, top_k=parts.passages)
    return [search, read_document(catalog, parts.language)]


def _ask_documents(parts: Parts) -> list[BaseTool]:
    from agents.tools.ask_documents import ask_documents

    if parts.ask is None:
        raise UserError(
            "the tool ask_documents needs a knowledge base, and there is none: ragbot ingest FOLDER makes one"
        )
    return [ask_documents(parts.ask, parts.language)]


def _tables(parts: Parts) -> list[BaseTool]:
    if not parts.tables:
        raise UserError("the tool tables needs files: name CSV, XLSX, Parquet or SQLite files with --table FILE")
    from agents.tools.tables import tables

    return [tables(parts.tables, parts.language)]


def _weather(parts: Parts) -> list[BaseTool]:
    from agents.tools.weather import weather

    web = parts.settings.web
    return [weather(web.places_url, web.weather_url, web.timeout, web.proxy, parts.language)]


def _web_search(parts: Parts) -> list[BaseTool]:
    from agents.tools.search_engines.registry import make_engine
    from agents.tools.web_search import web_search

    web = parts.settings.web
    return [web_search(make_engine(web), web.results, parts.language)]


def _fetch(parts: Parts) -> list[BaseTool]:
    from agents.tools.fetch import fetch_page

    if parts.pages is None:
        raise UserError("the tool fetch cannot be used here: open a RagBot, and take its agent")
    return [fetch_page(parts.pages(), parts.language)]


def _python(parts: Parts) -> list[BaseTool]:
    from agents.tools.python import python

    return [python(parts.language, isolated=parts.settings.agent.python_isolated)]


#: Names for people and settings, and what they stand for.
TOOLS: Mapping[str, Callable[[Parts], list[BaseTool]]] = {
    "calculator": _calculator,
    "clock": _clock,
    "units": _units,
    "kb": _kb,
    "ask_documents": _ask_documents,
    "tables": _tables,
    "weather": _weather,
    "web_search": _web_search,
    "fetch": _fetch,
    "python": _python,
}
#: The names of the single tools of an entry, which do as well.
_SINGLE = {"search_knowledge": "kb", "read_document": "kb", "fetch_page": "fetch", "query_tables": "tables"}


def make_tools(names: Sequence[str], parts: Parts) -> list[BaseTool]:
    """The tools called ``names``, each once, in their order.

    Raises:
        UserError: there is no tool of a name, or what it is made of is missing.
    """
    found: dict[str, BaseTool] = {}
    for name in names:
        entry = name if name in TOOLS else _SINGLE.get(name, "")
        if entry not in TOOLS:
            near = difflib.get_close_matches(name, [*TOOLS, *_SINGLE], 1, 0.5)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise UserError(f"there is no tool {name!r}{hint} There are {', '.join(TOOLS)}")
        try:
            made = TOOLS[entry](parts)
        except ModuleNotFoundError as error:
            if not (error.name or "").startswith("agents."):
                raise
            raise SettingsError(f"the tool {name} is not part of this installation: leave it out") from error
        for tool in made:
            if entry == name or tool.name == name:
                found.setdefault(tool.name, tool)
    return list(found.values())


def tool_names(name: str) -> str:
    """The pattern of tools that ``--allow NAME`` and rules mean: what an entry is called, or the tool itself."""
    return {"fetch": "fetch_page", "tables": "query_tables"}.get(name, name)
