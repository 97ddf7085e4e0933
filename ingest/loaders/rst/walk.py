"""The walk over docutils' tree: blocks in the order of the document."""

from __future__ import annotations

import re

from docutils import nodes

from ingest.loaders.builder import TextBuilder
from ingest.loaders.rst.directives import Directive, read_directive
from ingest.loaders.rst.inline import lines, words
from ingest.loaders.rst.parse import parse_rst
from ingest.loaders.rst.table import table_rows

_SKIPPED = (nodes.comment, nodes.substitution_definition, nodes.target, nodes.pending, nodes.meta, nodes.decoration)
_FENCES = re.compile(r"`{3,}")
#: The content of a directive that docutils does not know is parsed for itself, as deep as this.
_MAX_NESTING = 6


class RstWalk:
    """Writes a tree into a :class:`TextBuilder`."""

    def __init__(self) -> None:
        self.builder = TextBuilder()
        self.fields: dict[str, str] = {}
        self._substitutions: dict[str, nodes.Element] = {}
        self._nesting = 0
        self._level = 0
        self._indent = ""

    def document(self, text: str) -> None:
        """Parse and append ``text``.

        Raises:
            RecursionError: blocks are nested too deeply.
        """
        tree = parse_rst(text)
        for definition in tree.findall(nodes.substitution_definition):
            for name in definition.get("names", ()):
                self._substitutions[nodes.fully_normalize_name(name)] = definition
        self._blocks(tree)

    def _blocks(self, node: nodes.Element) -> None:
        for child in node.children:
            self._block(child)

    def _block(self, node: nodes.Node) -> None:
        match node:
            case nodes.system_message():
                self._message(node)
            case nodes.Invisible() if isinstance(node, _SKIPPED):
                pass
            case nodes.title() | nodes.subtitle():
                self._title(node)
            case nodes.section():
                self._level += 1
                self._blocks(node)
                self._level -= 1
            case nodes.bullet_list() | nodes.enumerated_list():
                self._list(node)
            case nodes.definition_list() | nodes.field_list() | nodes.option_list() | nodes.docinfo():
                self._pairs(node)
            case nodes.literal_block() | nodes.doctest_block() | nodes.math_block():
                self._verbatim(node)
            case nodes.line_block():
                self._add("\n".join(self._line_block(node)))
            case nodes.table():
                self._table(node)
            case nodes.footnote() | nodes.citation():
                self._item(node.children[1:], f"[{words(node.children[0], self._substitutions)}] ")
            case nodes.image():
                self._add(str(node.get("alt", "")))
            case nodes.attribution():
                self._add(f"— {words(node, self._substitutions)}")
            case nodes.Admonition():
                if not isinstance(node, nodes.admonition):  # that one has a title of its own
                    self._add(f"{type(node).__name__.capitalize()}:")
                self._blocks(node)
            case nodes.TextElement():
                self._add(words(node, self._substitutions))
            case nodes.Element() if not isinstance(node, _SKIPPED):
                self._blocks(node)
            case _:
                pass

    def _add(self, text: str) -> None:
        if self._indent:
            self.builder.add("\n".join(self._indent + line for line in text.split("\n")), "item")
        else:
            self.builder.add(text)

    def _title(self, node: nodes.Element) -> None:
        text = words(node, self._substitutions)
        if isinstance(node.parent, nodes.document | nodes.section) and not self._indent and not self._nesting:
            titled = isinstance(node.parent, nodes.document)
            if titled and isinstance(node, nodes.title):
                self._level = 1
            self.builder.heading(text, self._level + (1 if isinstance(node, nodes.subtitle) else 0))
        else:
            self._add(text)

    def _list(self, node: nodes.Element) -> None:
        if not self._indent:
            self.builder.close_group()
        number = int(node.get("start", 1))
        for item in node.children:
            if not isinstance(item, nodes.list_item):
                self._block(item)
                continue
            marker = "- "
            if isinstance(node, nodes.enumerated_list):
                marker = f"{node.get('prefix', '')}{_count(number, node.get('enumtype', ''))}{node.get('suffix', '.')} "
            self._item(item.children, marker)
            number += 1
        if not self._indent:
            self.builder.close_group()

    def _item(self, children: list[nodes.Node], marker: str) -> None:
        """Append blocks, the first behind ``marker``, the others set in below it."""
        outer = self._indent
        if children and isinstance(children[0], nodes.paragraph):
            self.builder.add(f"{outer}{marker}{words(children[0], self._substitutions)}", "item")
            children = children[1:]
        else:
            self.builder.add(f"{outer}{marker}", "item")
        self._indent = f"{outer}  "
        for child in children:
            self._block(child)
        self._indent = outer

    def _pairs(self, node: nodes.Element) -> None:
        if not self._indent:
            self.builder.close_group()
        for item in node.children:
            if isinstance(item, nodes.definition_list_item):
                terms = [words(part, self._substitutions) for part in item.children[:-1]]
                self._item([nodes.paragraph("", " : ".join(terms)), *item.children[-1].children], "")
            elif isinstance(item, nodes.field):
                name, body = item.children
                self._item(body.children, f"{words(name, self._substitutions)}: ")
            elif isinstance(item, nodes.option_list_item):
                options, description = item.children
                names = ", ".join(option.astext() for option in options.children)
                self._item(description.children, f"{names}: ")
            elif isinstance(node, nodes.docinfo):
                self._bibliographic(item)
            else:
                self._block(item)
        if not self._indent:
            self.builder.close_group()

    def _bibliographic(self, item: nodes.Node) -> None:
        name = type(item).__name__
        entries = item.children if isinstance(item, nodes.authors) else [item]
        text = ", ".join(words(entry, self._substitutions) for entry in entries)
        if not self._nesting:
            self.fields.setdefault("author" if name == "authors" else name, text)
        self.builder.add(f"{name}: {text}", "item")

    def _verbatim(self, node: nodes.Element) -> None:
        text = lines(node, self._substitutions)
        classes = [name for name in node.get("classes", ()) if name != "code"]
        if isinstance(node, nodes.math_block):
            self._fenced(text, "math")
        elif isinstance(node, nodes.doctest_block):
            self._fenced(text, "python")
        else:
            self._fenced(text, classes[0] if classes else "")

    def _fenced(self, text: str, language: str) -> None:
        fence = "`" * max(3, 1 + max(map(len, _FENCES.findall(text)), default=0))
        if text.strip():
            self._add(f"{fence}{language}\n{text.rstrip()}\n{fence}")

    def _line_block(self, node: nodes.Element, indent: str = "") -> list[str]:
        found: list[str] = []
        for child in node.children:
            if isinstance(child, nodes.line_block):
                found += self._line_block(child, f"{indent}  ")
            else:
                found.append(indent + words(child, self._substitutions))
        return found

    def _table(self, node: nodes.Element) -> None:
        for child in node.children:
            if isinstance(child, nodes.title):
                self._add(words(child, self._substitutions))
            elif isinstance(child, nodes.tgroup):
                self.builder.close_group()
                for number, row in enumerate(table_rows(child, self._substitutions)):
                    self.builder.add("| " + " | ".join(row) + " |", "row")
                    if number == 0:
                        self.builder.add("|" + " --- |" * len(row), "row")
                self.builder.close_group()

    def _message(self, node: nodes.Element) -> None:
        """docutils' report of what it could not use; it holds the source of a block that would be lost."""
        for child in node.children:
            if isinstance(child, nodes.literal_block):
                directive = read_directive(child.astext())
                if directive is None:
                    self._fenced(child.astext(), "")
                else:
                    self._directive(directive)

    def _directive(self, directive: Directive) -> None:
        if directive.is_code:
            self._fenced(directive.content, directive.argument)
            return
        if directive.is_files:
            for line in directive.content.split("\n"):
                self.builder.add(f"{self._indent}- {line.strip()}" if line.strip() else "", "item")
            self.builder.close_group()
            return
        content = directive.content
        if directive.is_prose:
            content = f"{directive.name}: {directive.argument}\n\n{content}"
        elif directive.argument:
            self._add(f"{directive.name}: {directive.argument}")
        if not content.strip():
            return
        if self._nesting >= _MAX_NESTING:
            self._fenced(content, "")
            return
        self._nesting += 1
        self.document(content)
        self._nesting -= 1


def _count(number: int, kind: str) -> str:
    if kind in {"loweralpha", "upperalpha"} and 1 <= number <= 26:
        return chr((96 if kind == "loweralpha" else 64) + number)
    return str(number)
