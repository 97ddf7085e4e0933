"""The tool ``web_search``: pages of the web that fit some words."""

from __future__ import annotations

from dataclasses import asdict

from langchain_core.tools import BaseTool

from agents.tools.base import Effect, Result, ToolInputError, Traits, tool
from agents.tools.net.client import ServiceError
from agents.tools.net.texts import outage
from agents.tools.search_engines.base import Hit, SearchEngine
from agents.tools.wording import Texts, spoken_for
from ragbot.text import answer_language

#: Longer queries are cut or refused by the engines.
MAX_QUERY = 300
#: Characters of an observation.
MAX_TEXT = 3800

TRAITS = Traits(
    effects=frozenset({Effect.NETWORK}),
    timeout=60.0,
    summaries={
        "en": "Search the web, for news and facts that the documents do not hold.",
        "zh": "搜索网页，查找文档中没有的消息和事实。",
    },
)
_TEXTS = Texts(
    en={
        "found": 'Web results for "{query}" ({engine}). They are what others wrote, to be checked:',
        "none": 'Nothing was found on the web for "{query}". Try other or fewer words.',
        "none_or_refused": 'Nothing was found on the web for "{query}", or the search engines refused to answer. Try '
        "other or fewer words, or search_knowledge.",
        "instead": "Use search_knowledge to look into the documents instead, or answer without the web and say so.",
        "empty": "query is empty: write the words to search for.",
        "long": "query is too long ({length} characters, at most {limit}): write only the words that matter.",
    },
    zh={
        "found": "“{query}”的网页搜索结果（{engine}）。内容由他人撰写，需要核实：",
        "none": "网页上没有找到“{query}”。请换用别的词，或减少词数。",
        "none_or_refused": "网页上没有找到“{query}”，也可能是搜索引擎拒绝回应。请换用别的词或减少词数，或改用 search_knowledge。",
        "instead": "请改用 search_knowledge 查阅文档，或在不上网的情况下回答并说明这一点。",
        "empty": "query 为空：请写出要搜索的词。",
        "long": "query 太长（{length} 个字符，最多 {limit} 个）：只写关键的词。",
    },
)


def web_search(engine: SearchEngine, count: int = 5, language: str = "en") -> BaseTool:
    """The tool that asks ``engine`` for ``count`` pages.

    Args:
        engine: see :func:`agents.tools.search_engines.registry.make_engine`.
        count: results of a search.
        language: ``en`` or ``zh``; of what the model is told where the query is in neither.
    """

    @tool("web_search", TRAITS)
    def search(query: str) -> Result:
        """Search the web. Gives titles, addresses and short excerpts of pages.

        Args:
            query: words to search for.
        """
        words = " ".join(query.split())
        told = spoken_for(words, language)
        if not words:
            raise ToolInputError(_TEXTS(told, "empty"))
        if len(words) > MAX_QUERY:
            raise ToolInputError(_TEXTS(told, "long", length=len(words), limit=MAX_QUERY))
        try:
            hits = engine.search(words, answer_language(words), count)
        except ServiceError as error:
            raise outage(told, engine.name, error, _TEXTS(told, "instead")) from error
        data = {"engine": engine.name, "query": words, "results": [asdict(hit) for hit in hits]}
        if not hits:
            return Result(_TEXTS(told, "none" if engine.tells else "none_or_refused", query=words), data=data)
        return Result(_listed(_TEXTS(told, "found", query=words, engine=engine.name), hits), data=data)

    return search


def _listed(head: str, hits: list[Hit]) -> str:
    """The results, as many as there is room for."""
    text = head
    for number, hit in enumerate(hits, 1):
        lines = [f"{number}. {hit.title}" + (f" ({hit.date})" if hit.date else ""), f"   {hit.url}"]
        if hit.snippet:
            lines.append(f"   {hit.snippet}")
        block = "\n".join(lines)
        if len(text) + len(block) > MAX_TEXT:
            break
        text += f"\n{block}"
    return text
