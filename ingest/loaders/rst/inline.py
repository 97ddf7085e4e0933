"""The words of a reStructuredText paragraph, without its markup."""

from __future__ import annotations

import re
from collections.abc import Mapping

from docutils import nodes

# A role that docutils does not know (Sphinx has dozens): its text is what readers see.
_ROLE = re.compile(r"(?::[\w:.+-]+:)?`(.*)`(?::[\w:.+-]+:)?", re.DOTALL)
_TARGET = re.compile(r"(?<=\S)\s*<[^<>]*>$")
_HAN = "\u2e80-\u303f\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef"
# As in HTML, a line end in the source between two characters of Chinese is no space.
_HAN_LINE_END = re.compile(rf"(?<=[{_HAN}])[ \t]*\n\s*(?=[{_HAN}])")
_SPACE = re.compile(r"[ \t\n\u00a0]+")
#: Substitutions inside substitutions, and all of them in one paragraph: nobody needs more, a bomb does.
_MAX_NESTING = 5
_MAX_SUBSTITUTED = 200

Substitutions = Mapping[str, nodes.Element]


def words(node: nodes.Node, substitutions: Substitutions) -> str:
    """The text of ``node`` on one line."""
    return _SPACE.sub(" ", _HAN_LINE_END.sub("", "".join(_Inline(substitutions).parts(node, 0)))).strip()


def lines(node: nodes.Node, substitutions: Substitutions) -> str:
    """The text of ``node`` with its line ends."""
    return "".join(_Inline(substitutions).parts(node, 0))


class _Inline:
    def __init__(self, substitutions: Substitutions) -> None:
        self._substitutions = substitutions
        self._left = _MAX_SUBSTITUTED

    def parts(self, node: nodes.Node, nesting: int) -> list[str]:
        if isinstance(node, nodes.Text):
            return [node.astext()]
        if isinstance(node, nodes.problematic):
            return [_without_role(node.astext())]
        if isinstance(node, nodes.footnote_reference | nodes.citation_reference):
            return [f"[{node.astext()}]"]
        if isinstance(node, nodes.image):
            return [str(node.get("alt", ""))]
        if isinstance(node, nodes.system_message | nodes.target) and not node.astext():
            return []
        if isinstance(node, nodes.substitution_reference):
            definition = self._substitutions.get(nodes.fully_normalize_name(node.get("refname", "")))
            if definition is None or nesting >= _MAX_NESTING or self._left <= 0:
                return [node.astext()]
            self._left -= 1
            return [part for child in definition.children for part in self.parts(child, nesting + 1)]
        return [part for child in node.children for part in self.parts(child, nesting)]


def _without_role(source: str) -> str:
    match = _ROLE.fullmatch(source)
    if match is None:
        return source
    inner = match.group(1).lstrip("~!")
    return _TARGET.sub("", inner) or inner
