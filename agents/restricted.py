"""An agent for somebody who may not see every document: whatever of its tools reaches documents sees those alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from langchain_core.tools import BaseTool

from agents.toolbox import Parts, make_tools
from agents.tools.knowledge import read_document, search_knowledge
from ragbot.documents import Answer
from ragbot.index.filters import Filter

#: Names of the toolbox for what searches and reads.
_DOCUMENTS = {"kb", "search_knowledge", "read_document"}


def restricted(parts: Parts, where: Filter, ask: Callable[[str, Filter], Answer] | None) -> Parts:
    """``parts`` whose answers come from documents that pass ``where``; for the tools themselves, see below."""
    return replace(parts, ask=None if ask is None else lambda question: ask(question, where))


def restricted_tools(names: Sequence[str], parts: Parts, where: Filter) -> list[BaseTool]:
    """The tools called ``names``; those for documents see what passes ``where``, and nothing else.

    Args:
        parts: as :func:`restricted` makes them.

    Raises:
        UserError: there is no tool of a name, or what it is made of is missing.
    """
    made: dict[str, BaseTool] = {}
    for name in names:
        if name in _DOCUMENTS and parts.kb is not None and parts.retriever is not None:
            catalog = parts.kb.catalog
            found: list[BaseTool] = [
                search_knowledge(parts.retriever, parts.language, catalog=catalog, where=where, top_k=parts.passages),
                read_document(catalog, parts.language, where=where),
            ]
            found = [tool for tool in found if name in {"kb", tool.name}]
        else:
            found = make_tools([name], parts)
        for tool in found:
            made.setdefault(tool.name, tool)
    return list(made.values())
