"""The world of the tasks: the agent's own tools, at a fixed time, over services on this machine and given documents.

Nothing in it changes from one run to the next, so that an answer can be right or wrong. Calculator, clock, units, tables
and the search of documents are those that everybody uses; weather, web search and pages ask a server on loopback.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Self
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

import httpx
from langchain_core.tools import BaseTool

from agents.tools.calculator import calculator
from agents.tools.clock import clock
from agents.tools.fetch import fetch_page
from agents.tools.knowledge import read_document, search_knowledge
from agents.tools.search_engines.searxng import SearxngEngine
from agents.tools.units import units
from agents.tools.weather import weather
from agents.tools.web_search import web_search
from eval.agents.services import FOLDER, Services, read_pages, read_places
from ragbot.bot import RagBot
from ragbot.errors import UserError
from ragbot.net.pages import Page, PageError

#: All tools there are, in the order in which an agent shows them.
TOOLS = (
    "calculator",
    "clock",
    "units",
    "search_knowledge",
    "read_document",
    "query_tables",
    "weather",
    "web_search",
    "fetch_page",
)
#: Passages of a search: more do not fit beside the tools into what a small model reads in a second or two.
PASSAGES = 2
_HERE = {"zh": ZoneInfo("Asia/Shanghai"), "en": ZoneInfo("Europe/London")}
_TITLE = re.compile(r"<title>(.*?)</title>", re.DOTALL)
_PARAGRAPH = re.compile(r"<p>(.*?)</p>", re.DOTALL)


class LocalPages:
    """Pages of the world by their addresses; call it with a URL, as the tool for pages does."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def __call__(self, url: str) -> Page:
        """Read a page. Raises PageError."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise PageError("address", f"{url} is no address of a page")
        try:
            reply = httpx.get(
                f"{self._services.url}/pages/{quote(parts.hostname + parts.path)}", timeout=5.0, trust_env=False
            )
        except httpx.TimeoutException as error:
            raise PageError("slow", f"{url} is too slow") from error
        except httpx.HTTPError as error:
            raise PageError("away", f"{url} cannot be reached") from error
        if reply.status_code != 200:
            raise PageError("status", f"{url}: {reply.status_code}", reply.status_code)
        title = _TITLE.search(reply.text)
        text = "\n".join(html.unescape(found) for found in _PARAGRAPH.findall(reply.text))
        if not text:
            raise PageError("empty", f"{url} has no text")
        return Page(url, html.unescape(title[1]) if title else url, text, "", None, "html")


class World:
    """The tools of one world; a context manager.

    Args:
        services: weather, web search and pages; default: those that the tasks speak of.
        bot: an open knowledge base, for the tools that search documents; None: they are not to be had.
        tables: files for ``query_tables``; none: it is not to be had. They are read when the tool is first asked for.
        passages: of a search in the documents.
    """

    def __init__(
        self,
        services: Services | None = None,
        bot: RagBot | None = None,
        tables: Sequence[Path] = (),
        passages: int = PASSAGES,
    ) -> None:
        self._stack = ExitStack()
        self.services = services or Services(read_places(), read_pages())
        self._stack.callback(self.services.close)
        self._bot, self._passages = bot, passages
        self._files = dict.fromkeys(("en", "zh"), tuple(tables))
        self._tables: dict[str, BaseTool] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def today(self) -> date:
        """The day that it is."""
        return self.services.now.date()

    def has(self, name: str) -> bool:
        """Whether the world has what the tool ``name`` works on."""
        if name == "query_tables":
            return any(self._files.values())
        return name in TOOLS and (self._bot is not None or name not in ("search_knowledge", "read_document"))

    def tools(self, names: Sequence[str], language: str) -> list[BaseTool]:
        """The tools called ``names``.

        Raises:
            UserError: there is no tool of a name, or what it works on is missing.
        """
        return [self._tool(name, language) for name in names]

    def lay_out(self, language: str, tables: Sequence[Path]) -> None:
        """From now on these are the tables of the tool in ``language``; the earlier ones are forgotten."""
        self._files[language] = tuple(tables)
        self._tables.pop(language, None)

    def fail(self, faults: Mapping[str, str]) -> None:
        """From now on these services fail (:class:`eval.agents.services.Services`), and no others."""
        self.services.failing = dict(faults)

    def _tool(self, name: str, language: str) -> BaseTool:
        url = self.services.url
        match name:
            case "calculator":
                return calculator(language, lambda: self.today)
            case "clock":
                return clock(language, self._now, _HERE[language])
            case "units":
                return units(language)
            case "search_knowledge" if self._bot:
                retriever, catalog = self._bot.retriever, self._bot.kb.catalog
                return search_knowledge(retriever, language, catalog=catalog, top_k=self._passages)
            case "read_document" if self._bot:
                return read_document(self._bot.kb.catalog, language)
            case "query_tables" if self._files[language]:
                return self._query(language)
            case "weather":
                return weather(url, url, 3.0, "", language)
            case "web_search":
                return web_search(SearxngEngine(url, 3.0), 3, language)
            case "fetch_page":
                return fetch_page(LocalPages(self.services), language)
        raise UserError(
            f"there is no tool {name!r} in this world, or nothing for it to work on: there are {', '.join(TOOLS)}"
        )

    def _query(self, language: str) -> BaseTool:
        from agents.tools.tables import tables

        if language not in self._tables:
            self._tables[language] = tables(self._files[language], language)
        return self._tables[language]

    def _now(self) -> datetime:
        return self.services.now.astimezone(UTC)


def table_files(folder: Path = FOLDER) -> list[Path]:
    """The tables that the tasks speak of."""
    return sorted((folder / "tables").glob("*.csv"))
