"""``ragbot similar``, ``topics``, ``duplicates`` and ``summarize``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ragbot.console import render
from ragbot.console.exploring_labels import LABELS, ExploringLabels, exploring_language
from ragbot.console.jsonout import plain
from ragbot.console.knowledge import existing_folder, opened_bot, opened_catalog, settings_of
from ragbot.console.labels import LABELS as COMMON
from ragbot.console.options import AnswerOptions, IndexOptions, KnowledgeBaseOptions
from ragbot.console.progress import QuestionProgress
from ragbot.console.terminal import Terminal

if TYPE_CHECKING:
    from ragbot.documents import Document
    from ragbot.exploring.duplicates import DuplicatePair, Duplicates
    from ragbot.exploring.similar import SimilarDocument
    from ragbot.exploring.topics import Topics
    from ragbot.index.catalog import Catalog
    from ragbot.index.filters import Filter

#: Documents that are named of a topic.
_NAMED = 4


def similar(options: IndexOptions, condition: Filter | None, name: str, top_k: int) -> None:
    """Print the documents that are most like one."""
    from ragbot.exploring.naming import document_called

    settings, terminal = settings_of(options), options.terminal
    with opened_bot(options, settings) as bot:
        document = document_called(bot.kb.catalog, name)
        with terminal.working("comparing …"):
            found = bot.similar(document.source, top_k, condition)
        if terminal.as_json:
            terminal.json({"document": plain(document), "similar": plain(found)})
            return
        language = exploring_language(settings, [document])
        if found:
            _print_similar(terminal, document, found, language)
        else:
            terminal.line(LABELS[language].nothing_similar if condition else LABELS[language].alone)


def _print_similar(terminal: Terminal, document: Document, found: list[SimilarDocument], language: str) -> None:
    say, labels = LABELS[language], COMMON[language]
    terminal.line(say.similar_to.format(_name(document)), "bold")
    for number, item in enumerate(found, 1):
        terminal.line()
        place = render.place(item.document.title, item.document.source, None, "", labels)
        terminal.line(f"{number}. {place} · {labels.score.format(f'{item.score:.2f}')}", "bold", hang=3)
        for match in item.matches[:1] if number > 3 else item.matches:
            terminal.line(render.snippet(match.passage.text), "dim", indent=3)
            terminal.line("↔ " + render.snippet(match.other.text), indent=3, hang=2)


def topics(
    options: KnowledgeBaseOptions, condition: Filter | None, count: int | None, png: Path | None, html: Path | None
) -> None:
    """Print the topics of a knowledge base, and draw its map into these files."""
    from ragbot.exploring.topics import find_topics

    settings, terminal = settings_of(options), options.terminal
    with opened_catalog(existing_folder(settings)) as catalog:
        with QuestionProgress(terminal, "reading") as progress:
            found = find_topics(catalog, count, condition, progress)
        documents = list({owner.document.id: owner.document for t in found.topics for owner in t.documents}.values())
        language = exploring_language(settings, documents)
        files: list[Path] = []
        if found.topics and (png or html):
            with terminal.working("drawing the map …"):
                files = _draw(terminal, catalog, found, png, html, language)
    if terminal.as_json:
        shown = {name: plain(getattr(found, name)) for name in ("topics", "chunks", "total", "silhouette")}
        terminal.json({**shown, "files": plain(files)})
    elif found.topics:
        _print_topics(terminal, found, len(documents), LABELS[language])
    else:
        terminal.line(LABELS[language].nothing_similar if condition else COMMON[language].no_documents)
    for file in files:
        terminal.note(LABELS[language].wrote.format(file))


def _draw(
    terminal: Terminal, catalog: Catalog, found: Topics, png: Path | None, html: Path | None, language: str
) -> list[Path]:
    from ragbot.exploring.files import write_bytes
    from ragbot.exploring.layout import topic_map
    from ragbot.exploring.map_html import html as page
    from ragbot.exploring.map_png import png as picture

    drawn, files = topic_map(catalog, found), []
    if drawn.method == "pca" and len(drawn.points) > 10:
        terminal.note(LABELS[language].by_pca)
    if html:
        write_bytes(html.expanduser(), page(drawn, language).encode())
        files.append(html)
    if png:
        data, named = picture(drawn)
        write_bytes(png.expanduser(), data)
        files.append(png)
        if not named:
            terminal.note(LABELS[language].numbers_only, "yellow")
    return files


def _print_topics(terminal: Terminal, found: Topics, documents: int, say: ExploringLabels) -> None:
    terminal.line(say.topics.format(len(found.topics), f"{found.chunks:,}", f"{documents:,}"), "bold")
    for topic in found.topics:
        terminal.line()
        terminal.line(f"{topic.number}. {topic.title} · {topic.share:.0%}", "bold", hang=3)
        terminal.line(say.comma.join(topic.keywords), indent=3)
        names = say.comma.join(_name(owner.document) for owner in topic.documents[:_NAMED])
        if len(topic.documents) > _NAMED:
            names = say.more.format(names, len(topic.documents) - _NAMED)
        terminal.line(say.documents.format(names), "dim", indent=3)
        if topic.passages:
            terminal.line(render.snippet(topic.passages[0].text), "dim", indent=3)
    if found.chunks < found.total:
        terminal.note(say.sampled.format(f"{found.chunks:,}", f"{found.total:,}"))


def duplicates(options: KnowledgeBaseOptions, condition: Filter | None, min_share: float) -> None:
    """Print the documents that share text."""
    from ragbot.exploring.duplicates import duplicates as find

    settings, terminal = settings_of(options), options.terminal
    with (
        opened_catalog(existing_folder(settings)) as catalog,
        QuestionProgress(terminal, "reading") as progress,
    ):
        found = find(catalog, condition, min_share, progress)
        documents = [document for group in found.clusters for document in group] or catalog.documents()
    if terminal.as_json:
        terminal.json(plain(found))
        return
    language = exploring_language(settings, documents)
    if found.pairs:
        _print_duplicates(terminal, found, LABELS[language])
    elif found.documents:
        terminal.line(LABELS[language].no_duplicates.format(f"{found.documents:,}", f"{min_share:.0%}"))
    else:
        terminal.line(LABELS[language].nothing_similar if condition else COMMON[language].no_documents)


def _print_duplicates(terminal: Terminal, found: Duplicates, say: ExploringLabels) -> None:
    terminal.line(say.duplicates.format(len(found.clusters), f"{found.documents:,}"), "bold")
    best: dict[int, DuplicatePair] = {}
    lengths: dict[int, int] = {}
    for pair in found.pairs:  # the most alike first
        for document, characters in zip((pair.document, pair.other), pair.characters, strict=True):
            best.setdefault(document.id, pair)
            lengths[document.id] = characters
    between = {(pair.document.id, pair.other.id): pair for pair in found.pairs}
    for group in found.clusters:
        terminal.line()
        first = group[0]
        terminal.line(f"{_label(first)} · {say.keep.format(f'{lengths[first.id]:,}')}", "bold", hang=3)
        for document in group[1:]:
            pair = between.get((first.id, document.id)) or best[document.id]
            newer = f" · {say.newer}" if pair.newer == document.source else ""
            terminal.line(f"- {_label(document)} · {_relation(pair, document, say)}{newer}", indent=3, hang=2)
            if first.id not in (pair.document.id, pair.other.id):
                other = pair.document if pair.other.id == document.id else pair.other
                terminal.line(f"↔ {_label(other)}", "dim", indent=5, hang=2)


def _relation(pair: DuplicatePair, document: Document, say: ExploringLabels) -> str:
    if pair.relation == "same":
        return say.same
    mine, theirs = pair.other_shared, pair.shared
    if pair.document.id == document.id:
        mine, theirs = theirs, mine
    return (say.contains if pair.relation == "contains" else say.near).format(f"{mine:.0%}", f"{theirs:.0%}")


def summarize(options: AnswerOptions, name: str, sentences: int | None, by_section: bool) -> None:
    """Print the summary of a document, with the quotes behind it."""
    from ragbot.exploring.naming import document_called

    settings, terminal = settings_of(options), options.terminal
    with opened_bot(options, settings) as bot:
        document = document_called(bot.kb.catalog, name)
        with QuestionProgress(terminal, "reading") as progress:
            done = bot.summarize(document.source, sentences, progress=progress)
    if terminal.as_json:
        terminal.json(plain(done))
        return
    say = LABELS[done.language]
    terminal.line(done.text)
    if by_section:
        terminal.line()
        terminal.line(say.by_section, "bold")
        for section in done.sections:
            if section.heading:
                terminal.line(section.heading, "bold", indent=2)
            terminal.line(section.text, indent=2)
    terminal.line()
    shown = {f"[{citation.marker}]" for citation in done.citations if f"[{citation.marker}]" in done.text or by_section}
    cited = [citation for citation in done.citations if f"[{citation.marker}]" in shown]
    # Without a model, the summary is the quotes: their places are enough.
    render.citations(terminal, cited, COMMON[done.language], quotes=done.method == "chat")
    if done.read < 0.95 and done.method == "chat":
        terminal.note(say.read_in_part.format(f"{done.read:.0%}"))


def _name(document: Document) -> str:
    return document.title or render.file_name(document.source)


def _label(document: Document) -> str:
    return f"{document.title} ({document.source})" if document.title else document.source
