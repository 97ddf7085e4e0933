"""``ragbot kb access``: who may see a document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragbot.console.knowledge import existing_folder, opened_catalog, settings_of
from ragbot.console.options import KnowledgeBaseOptions
from ragbot.errors import UserError

if TYPE_CHECKING:
    from ragbot.documents import Document


@dataclass(frozen=True)
class AccessLabels:
    """One language's words; ``{}`` is where a value goes."""

    everyone: str
    groups: str


LABELS = {
    "en": AccessLabels(everyone="{}: seen by everyone", groups="{}: seen by {}"),
    "zh": AccessLabels(everyone="{}：所有人可见", groups="{}：仅 {} 可见"),
}


def access(options: KnowledgeBaseOptions, name: str, groups: Sequence[str], everyone: bool) -> None:
    """Show the access list of a document, or change it; no model is loaded for it."""
    from ragbot.bot import store_options
    from ragbot.exploring.naming import document_called
    from ragbot.index.access import access_list, document_of
    from ragbot.index.knowledge_base import KnowledgeBase

    if everyone and groups:
        raise UserError("everyone, or these groups: leave one of the two out")
    names = access_list(groups)
    settings, terminal = settings_of(options), options.terminal
    folder = existing_folder(settings)
    with opened_catalog(folder) as catalog:
        document = document_called(catalog, name)
        fingerprint = catalog.fingerprint()
    if everyone or names:
        kb = KnowledgeBase(folder, fingerprint, create=False, store=store_options(settings))
        try:
            with kb.writing() as writing:
                document = document_of(writing, document.id)
                writing.set_acl(document.source, names)
                document = document_of(writing, document.id)
        finally:
            kb.close()
    say = LABELS["zh" if settings.language == "zh" else "en"]
    terminal.show(
        {"source": document.source, "access": list(document.acl)},
        lambda out, _: out.line(_line(document, say)),
    )


def _line(document: Document, say: AccessLabels) -> str:
    if not document.acl:
        return say.everyone.format(document.source)
    return say.groups.format(document.source, ", ".join(document.acl))
