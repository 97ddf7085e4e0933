"""reStructuredText to docutils' tree: no file is read, no URL fetched, no raw markup let through.

docutils applies substitutions by copying, which a few definitions that name each other turn into gigabytes; so of its
transforms only those run that find the title, the document's fields and the numbers of footnotes.
"""

from __future__ import annotations

from typing import Any

from docutils import frontend, nodes
from docutils.parsers.rst import Parser, roles
from docutils.transforms import frontmatter, references
from docutils.utils import new_document

#: docutils' own bound: its inline patterns are not linear, so a file with a longer line is read without it.
MAX_LINE = 10_000
_SETTINGS: dict[str, Any] = {
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "line_length_limit": MAX_LINE,
    "syntax_highlight": "none",
    "report_level": 5,
    "halt_level": 6,  # above every level: a mistake in a document stops nothing
    "warning_stream": False,
    "doctitle_xform": True,
    "docinfo_xform": True,
    "sectsubtitle_xform": False,
    "smart_quotes": False,
    "pep_references": False,
    "rfc_references": False,
}
_TRANSFORMS = (frontmatter.DocTitle, frontmatter.DocInfo, references.Footnotes)


def parse_rst(text: str) -> nodes.document:
    """The tree of ``text``. Not for several threads at once: docutils keeps the roles of a document in a global table.

    Raises:
        RecursionError: blocks are nested too deeply.
    """
    # Defaults only: the configuration files that docutils looks for are not read here.
    settings = frontend.get_default_settings(Parser)
    for name, value in _SETTINGS.items():
        setattr(settings, name, value)
    document = new_document("", settings)
    known = dict(roles._roles)
    try:
        Parser().parse(text, document)
    finally:
        # A role that one document defines is no role of the next.
        roles._roles.clear()
        roles._roles.update(known)
    document.transformer.add_transforms(list(_TRANSFORMS))
    document.transformer.apply_transforms()
    return document
