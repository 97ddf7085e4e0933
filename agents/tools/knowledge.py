"""The person's documents: searched, and read on. Whatever is shown is quoted exactly, and comes with its citation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from langchain_core.tools import BaseTool

from agents.tools.base import Result, ToolInputError, Traits, tool
from agents.tools.knowledge_names import all_names, matching, shown
from agents.tools.wording import Texts, nearest, spoken_for
from ragbot.documents import Citation, Document, ScoredChunk, heading_path, page_at
from ragbot.index.analysis import terms
from ragbot.index.catalog import Catalog
from ragbot.index.filters import Filter
from ragbot.retrieval.retriever import HybridRetriever
from ragbot.text import sentence_spans

SEARCH_SUMMARIES = {
    "en": "searches the user's documents; use it for every question that they may answer",
    "zh": "搜索用户的文档；文档里可能有答案的问题都用它",
}
READ_SUMMARIES = {
    "en": "reads on in a document that was found, from any character",
    "zh": "从任意位置继续阅读找到的文档",
}
_TEXTS = Texts(
    en={
        "query": "query is empty: write what to look for, in a few words or as a question.",
        "none": "Nothing was found. Try other words, or without filters.",
        "since": "“{since}” is not a day: write 2026-03-01, 2026-03 or 2026.",
        "type": "No document of the type “{type}” may be searched here.",
        "unknown": "There is no document called “{name}”.{near} Use a name as search_knowledge shows it.",
        "near": " Did you mean {names}?",
        "several": "Several documents are called “{name}”: {names}. Use one of these names.",
        "page": ", page {page}",
        "span": ", characters {start}-{end}",
        "of": " of {total}",
        "start": "The document has {total} characters: start is from 0 to {last}.",
        "length": "length is from 1 to {most}.",
        "more": "(it goes on: read_document with start={next})",
        "end": "(end of the document)",
        "empty": "{name} holds no text.",
    },
    zh={
        "query": "query 为空：请用几个词或一个问题写出要找什么。",
        "none": "没有找到。请换用别的词，或去掉筛选条件。",
        "since": "“{since}”不是日期：请写 2026-03-01、2026-03 或 2026。",
        "type": "这里没有可搜索的“{type}”类文档。",
        "unknown": "没有名为“{name}”的文档。{near}请使用 search_knowledge 显示的名称。",
        "near": "是不是 {names}？",
        "several": "有几个文档都叫“{name}”：{names}。请使用其中一个名称。",
        "page": "，第 {page} 页",
        "span": "，字符 {start}-{end}",
        "of": "，共 {total} 个",
        "start": "该文档共 {total} 个字符：start 应在 0 到 {last} 之间。",
        "length": "length 应在 1 到 {most} 之间。",
        "more": "（后面还有：用 read_document 并设 start={next}）",
        "end": "（文档结束）",
        "empty": "{name} 没有文字内容。",
    },
)
#: Characters of one passage, and of one reading.
_PASSAGE, _READING = 900, 3_000
_LIMIT = 6_000
#: How deep a search looks for the passages of one document where it cannot be told which those are.
_DEEP = 100
_DAY = re.compile(r"\d{4}(?:-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12]\d|3[01]))?)?")


def search_knowledge(
    retriever: HybridRetriever,
    language: str = "en",
    *,
    catalog: Catalog | None = None,
    where: Filter | None = None,
    top_k: int = 5,
) -> BaseTool:
    """A tool that searches the knowledge base.

    Args:
        retriever: finds passages.
        language: of its messages where the query is in none (``en`` or ``zh``).
        catalog: of the same knowledge base: a document that is named is then looked up before the search. Without it,
            it is looked for among the best hits.
        where: what may be searched at all; what the model filters by comes on top of it.
        top_k: how many passages are shown.
    """

    @tool("search_knowledge", Traits(timeout=120.0, output_limit=_LIMIT, summaries=SEARCH_SUMMARIES))
    def search(query: str, document: str = "", file_type: str = "", since: str = "") -> Result:
        """Search the user's documents. Returns numbered passages.

        Args:
            query: what to look for, for example paid leave per year.
            document: search only in the document of this name; empty for all.
            file_type: only this type, for example pdf or md; empty for all.
            since: only documents dated from this day on, for example 2026-03-01; empty for all.
        """
        spoken = spoken_for(query, language)
        if not query.strip():
            raise ToolInputError(_TEXTS(spoken, "query"))
        allowed = _narrowed(where or Filter(), file_type.strip().lower().lstrip("."), since.strip(), spoken)
        if document.strip():
            hits = _inside(retriever, catalog, query, document.strip(), allowed, top_k, spoken)
        else:
            hits = retriever.search(query, top_k, allowed)
        if not hits:
            return Result(_TEXTS(spoken, "none"), data={"hits": []})
        citations = [_citation(number, hit, query) for number, hit in enumerate(hits, 1)]
        pieces = [
            f"[{one.marker}] {_place(one, hit.chunk.document, spoken)}\n{one.quote}"
            for one, hit in zip(citations, hits, strict=True)
        ]
        data = {"hits": [{"document": one.title, "start": one.start, "end": one.end} for one in citations]}
        return Result("\n\n".join(pieces), tuple(citations), data)

    return search


def read_document(catalog: Catalog, language: str = "en", *, where: Filter | None = None) -> BaseTool:
    """A tool that reads a document of the knowledge base piece by piece.

    Args:
        catalog: of the knowledge base.
        language: of its messages where the name is in none (``en`` or ``zh``).
        where: what may be read at all.
    """

    @tool("read_document", Traits(timeout=30.0, output_limit=_LIMIT, summaries=READ_SUMMARIES))
    def read(document: str, start: int = 0, length: int = 2000) -> Result:
        """Read a part of one of the user's documents.

        Args:
            document: its name, as search_knowledge shows it.
            start: the first character, from 0.
            length: how many characters, at most 3000.
        """
        spoken = spoken_for(document, language)
        found = _named(document, catalog.documents(where), spoken)
        try:
            text, pages, headings = catalog.parsed_text(found.id)
        except KeyError:  # it was removed a moment ago
            raise ToolInputError(_TEXTS(spoken, "unknown", name=document[:100], near="")) from None
        if not 1 <= length <= _READING:
            raise ToolInputError(_TEXTS(spoken, "length", most=_READING))
        if not text:
            return Result(_TEXTS(spoken, "empty", name=shown(found)))
        if not 0 <= start < len(text):
            raise ToolInputError(_TEXTS(spoken, "start", total=len(text), last=len(text) - 1))
        end = min(start + length, len(text))
        cited = Citation(
            marker=1,
            source=found.source,
            title=found.title,
            page=page_at(pages, start),
            heading=" > ".join(heading_path(headings, start)),
            start=start,
            end=end,
            quote=text[start:end],
            document_id=found.id,
        )
        rest = _TEXTS(spoken, "more", next=end) if end < len(text) else _TEXTS(spoken, "end")
        place = _place(cited, found, spoken, _TEXTS(spoken, "of", total=len(text)))
        data = {"document": shown(found), "start": start, "end": end, "total": len(text)}
        return Result(f"[1] {place}\n{cited.quote}\n{rest}", (cited,), data)

    return read


def _narrowed(where: Filter, file_type: str, since: str, language: str) -> Filter:
    """``where`` and the model's own conditions: they can take away, and never add."""
    if file_type:
        if where.types and file_type not in where.types:
            raise ToolInputError(_TEXTS(language, "type", type=file_type[:40]))
        where = replace(where, types=(file_type,))
    if since:
        if not _DAY.fullmatch(since):
            raise ToolInputError(_TEXTS(language, "since", since=since[:40]))
        where = replace(where, since=max(where.since or "", since))
    return where


def _inside(
    retriever: HybridRetriever,
    catalog: Catalog | None,
    query: str,
    name: str,
    where: Filter,
    top_k: int,
    language: str,
) -> list[ScoredChunk]:
    """The best passages of the document called ``name``."""
    if catalog is not None:
        found = _named(name, catalog.documents(where), language)
        # Its source passes ``where``, so that this takes away as well.
        return retriever.search(query, top_k, replace(where, sources=(found.source,)))
    hits = retriever.search(query, _DEEP, where)
    documents = list({hit.chunk.document.id: hit.chunk.document for hit in hits}.values())
    found = _named(name, documents, language)
    return [hit for hit in hits if hit.chunk.document.id == found.id][:top_k]


def _named(name: str, documents: Sequence[Document], language: str) -> Document:
    found = matching(name, documents)
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(document.source for document in found[:5])
        raise ToolInputError(_TEXTS(language, "several", name=name[:100], names=names))
    known = all_names(documents)
    near = dict.fromkeys(shown(known[one]) for one in nearest(name, known))
    hint = _TEXTS(language, "near", names=", ".join(near)) if near else ""
    raise ToolInputError(_TEXTS(language, "unknown", name=name[:100], near=hint))


def _citation(number: int, hit: ScoredChunk, query: str) -> Citation:
    chunk = hit.chunk
    start, end = _window(chunk.text, query)
    return Citation(
        marker=number,
        source=chunk.document.source,
        title=chunk.document.title,
        page=chunk.page,
        heading=" > ".join(chunk.headings),
        start=chunk.start + start,
        end=chunk.start + end,
        quote=chunk.text[start:end],
        document_id=chunk.document.id,
    )


def _window(text: str, query: str) -> tuple[int, int]:
    """The whole sentences, no longer together than a passage may be, that share most words with the query."""
    if len(text) <= _PASSAGE:
        return 0, len(text)
    spans = list(sentence_spans(text)) or [(0, len(text))]
    wanted = set(terms(query))
    shared = [wanted.intersection(terms(text[start:end])) for start, end in spans]
    best, chosen = -1, (0, _PASSAGE)
    for first, (start, end) in enumerate(spans):
        last, found = first, set(shared[first])
        while last + 1 < len(spans) and spans[last + 1][1] - start <= _PASSAGE:
            last += 1
            found |= shared[last]
        # Different words count, not how often one stands there: "is" stands everywhere.
        if len(found) > best:
            best, chosen = len(found), (start, min(max(end, spans[last][1]), start + _PASSAGE))
    return chosen


def _place(cited: Citation, document: Document, language: str, total: str = "") -> str:
    page = _TEXTS(language, "page", page=cited.page) if cited.page is not None else ""
    heading = cited.heading.removeprefix(cited.title).removeprefix(" > ") if cited.title else cited.heading
    section = f" · {heading}" if heading else ""
    span = _TEXTS(language, "span", start=cited.start, end=cited.end)
    return f"{shown(document)}{page}{section}{span}{total}"
