"""From the settings to the engine."""

from __future__ import annotations

from agents.tools.search_engines.base import SearchEngine
from ragbot.sections.web import WebSettings


def make_engine(web: WebSettings) -> SearchEngine:
    """The engine that ``web.search`` names. One that lacks its key or address is made, too: its searches say so."""
    if web.search == "searxng":
        from agents.tools.search_engines.searxng import SearxngEngine

        return SearxngEngine(web.searxng_url, web.timeout, web.proxy)
    if web.search == "tavily":
        from agents.tools.search_engines.tavily import TavilyEngine

        return TavilyEngine(web.tavily_key.get_secret_value(), web.timeout, web.proxy)
    if web.search == "brave":
        from agents.tools.search_engines.brave import BraveEngine

        return BraveEngine(web.brave_key.get_secret_value(), web.timeout, web.proxy)
    from agents.tools.search_engines.ddgs import DdgsEngine

    return DdgsEngine(web.timeout, web.proxy)
