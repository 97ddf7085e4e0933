"""The outline of a program by its syntax tree: tree-sitter's grammars read code with errors in it, and of any age.

One table serves all languages, as grammars use the same few names for the same things; a grammar that is added needs
a row here only where its names are new.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache
from importlib import import_module
from itertools import accumulate
from typing import TYPE_CHECKING

from ingest.loaders.code.outline import Scope

if TYPE_CHECKING:
    from tree_sitter import Language, Node, Point

#: How often a parse may report that it still runs, per KiB of code: ordinary code takes some 5, the densest 22, an
#: ambiguous text (``a<a<a<...`` in C++) any number, each slower than the last. A count, not a clock: a slow machine must not make another document of a file.
_REPORTS_PER_KIB = 30
_MIN_REPORTS = 1_000
_READ = 64 * 1024
_MAX_DEPTH = 40
_MAX_SCOPES = 20_000

_CONTAINERS = frozenset(
    "class_declaration abstract_class_declaration class_definition class_specifier struct_specifier union_specifier enum_specifier "
    "interface_declaration enum_declaration record_declaration annotation_type_declaration struct_declaration "
    "namespace_declaration namespace_definition internal_module module class trait_declaration "
    "trait_definition object_declaration object_definition enum_definition protocol_declaration extension_declaration "
    "mod_item struct_item enum_item trait_item impl_item union_item companion_object".split()
)
_FUNCTIONS = frozenset(
    "function_declaration generator_function_declaration function_definition method_declaration method_definition "
    "constructor_declaration compact_constructor_declaration destructor_declaration init_declaration "
    "deinit_declaration secondary_constructor function_item macro_definition method singleton_method "
    "local_function_statement operator_declaration".split()
)
# Their body stands in a field, or in a child of such a type; without one they only announce or use a name.
_BODIES = (
    "body",
    "class_body",
    "enum_class_body",
    "function_body",
    "declaration_list",
    "field_declaration_list",
    "block",
)
# Grammars that give these no body where it is empty, or never.
_WITHOUT_BODY = frozenset({"macro_definition", "method", "singleton_method"})
# A name bound to a function: (field of the name, field of the value).
_BINDINGS = {
    "variable_declarator": ("name", "value"),
    "assignment_expression": ("left", "right"),
    "public_field_definition": ("name", "value"),
    "field_definition": ("property", "value"),
    "pair": ("key", "value"),
}
_BOUND = frozenset("arrow_function function_expression generator_function class".split())
# What stands around a declaration and belongs to it.
_WRAPPERS = frozenset(
    "export_statement decorated_definition template_declaration lexical_declaration variable_declaration "
    "expression_statement ambient_declaration type_declaration".split()
)
_ATTACHED = frozenset("comment line_comment block_comment multiline_comment doc_comment attribute_item".split())


def tree_scopes(text: str, grammar: str) -> list[Scope]:
    """The classes and functions of ``text``, by their start; none if it cannot be parsed within the bounds.

    Functions inside a function are left out: they are details of it. ``grammar`` is ``"module:function"``.
    """
    from tree_sitter import Parser

    data = text.encode()
    reports = 0
    allowed = max(_MIN_REPORTS, _REPORTS_PER_KIB * len(data) // 1024)

    def read(offset: int, _: Point) -> bytes:
        return data[offset : offset + _READ]

    def stop(*_: object) -> bool:
        nonlocal reports
        reports += 1
        return reports > allowed

    try:
        tree = Parser(_language(grammar)).parse(read, progress_callback=stop)
    except ValueError:  # "Parsing failed": it was stopped
        return []
    found = _walk(tree.root_node)
    to_characters = _Offsets(text)
    return [Scope(to_characters(start), to_characters(end), name) for start, end, name in found]


@lru_cache(maxsize=32)
def _language(grammar: str) -> Language:
    from tree_sitter import Language

    module, function = grammar.split(":")
    return Language(getattr(import_module(module), function)())


def _walk(root: Node) -> list[tuple[int, int, str]]:
    """``(start, end, name)`` in bytes. An own stack, as a hostile tree is as deep as the file is long."""
    found: list[tuple[int, int, str]] = []
    # (node, start of what is wrapped around it, depth); the last is taken first, so children are put in backwards.
    stack: list[tuple[Node, int, int]] = [(root, 0, 0)]
    while stack and len(found) < _MAX_SCOPES:
        node, start, depth = stack.pop()
        if node is not root:
            name, is_function = _named(node)
            if name:
                found.append((start, node.end_byte, name))
            if is_function or depth >= _MAX_DEPTH:
                continue
        inner: list[tuple[Node, int, int]] = []
        attached = -1  # where the comments begin that stand directly above the next child
        last: Node | None = None
        for child in node.named_children:
            if attached >= 0 and last is not None and child.start_point.row > last.end_point.row + 1:
                attached = -1
            if child.type in _ATTACHED:
                own_line = last is None or last.end_point.row < child.start_point.row
                attached = child.start_byte if attached < 0 and own_line else attached
            else:
                begin = attached if attached >= 0 else child.start_byte
                if node.type in _WRAPPERS and node is not root:
                    begin = start
                inner.append((child, begin, depth + 1))
                attached = -1
            last = child
        stack.extend(reversed(inner))
    return found


def _named(node: Node) -> tuple[str, bool]:
    """The name of what ``node`` declares ("" if nothing), and whether that is a function."""
    kind = node.type
    if kind in _BINDINGS:
        name_field, value_field = _BINDINGS[kind]
        name, value = node.child_by_field_name(name_field), node.child_by_field_name(value_field)
        if name is not None and value is not None and value.type in _BOUND:
            return _text(name), value.type != "class"
        return "", False
    if kind in _FUNCTIONS:
        return (_function_name(node) if _has_body(node) else ""), True
    if kind in _CONTAINERS and _has_body(node):
        return _container_name(node), False
    if kind == "type_spec" and node.child_by_field_name("type") is not None:  # Go: type T struct { ... }
        declared = node.child_by_field_name("type")
        if declared is not None and declared.type in {"struct_type", "interface_type"}:
            return _text(node.child_by_field_name("name")), False
    return "", False


def _has_body(node: Node) -> bool:
    if node.child_by_field_name("body") is not None or node.type in _WITHOUT_BODY:
        return True
    return any(child.type in _BODIES for child in node.named_children)


def _container_name(node: Node) -> str:
    if node.type == "impl_item":  # impl Trait for Type
        trait, of = _text(node.child_by_field_name("trait")), _text(node.child_by_field_name("type"))
        return f"impl {trait} for {of}" if trait else f"impl {of}"
    name = _text(node.child_by_field_name("name"))
    return name or ("companion object" if node.type == "companion_object" else "")


def _function_name(node: Node) -> str:
    name = _text(node.child_by_field_name("name"))
    if not name:  # C: the name stands inside pointers, arrays and parameters
        inner = node.child_by_field_name("declarator")
        for _ in range(_MAX_DEPTH):
            below = inner.child_by_field_name("declarator") if inner is not None else None
            if inner is None or below is None:
                # A parenthesis and a reference hold theirs without a field.
                wrapped = inner is not None and inner.type in {"parenthesized_declarator", "reference_declarator"}
                if not wrapped or inner is None or not inner.named_children:
                    break
                below = inner.named_children[0]
            inner = below
        name = _text(inner)
    receiver = _text(node.child_by_field_name("receiver"))
    if receiver:  # Go: func (s *Server[T]) Close()
        of = receiver.strip("()").split("[")[0].split()
        name = f"{of[-1].lstrip('*')}.{name}" if of else name
    return name or {"deinit_declaration": "deinit", "secondary_constructor": "constructor"}.get(node.type, "")


def _text(node: Node | None) -> str:
    return (node.text or b"").decode(errors="replace") if node is not None else ""


class _Offsets:
    """From offsets in UTF-8 to offsets in characters: a table by line, since a line is short."""

    def __init__(self, text: str) -> None:
        self._ascii = text.isascii()
        if not self._ascii:
            self._lines = text.split("\n")
            self._bytes = list(accumulate((len(line.encode()) + 1 for line in self._lines), initial=0))
            self._characters = list(accumulate((len(line) + 1 for line in self._lines), initial=0))

    def __call__(self, offset: int) -> int:
        if self._ascii:
            return offset
        line = bisect_left(self._bytes, offset + 1) - 1
        if line >= len(self._lines):
            return self._characters[-1] - 1
        inside = self._lines[line].encode()[: offset - self._bytes[line]]
        return self._characters[line] + len(inside.decode(errors="ignore"))
