"""Source code: the text is the file's own, and its classes and functions are the headings.

A citation then says ``queue.py: Queue > put``. Code is read, never run, imported or completed; YAML, TOML and their like
are text as well, so that no anchor of theirs is ever expanded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from ingest.loaders.code.lines import LINE_SYNTAXES, line_scopes
from ingest.loaders.code.outline import to_headings
from ingest.loaders.code.trees import tree_scopes
from ingest.loaders.source import DEFAULT_MAX_BYTES
from ingest.loaders.text import read_text
from ragbot.documents import Heading, ParsedDocument
from ragbot.text import detect_language

#: Longer files are generated, as a rule; a syntax tree takes a hundred times the text and more.
MAX_OUTLINED = 1 * 1024 * 1024
#: A longer line is nobody's handwriting (minified, or data): its functions have names that say nothing.
MAX_LINE = 5_000
_LANGUAGE_SAMPLE = 200_000
# Each of them runs to the end of the sample where a comment is never closed, and does not come back: they are linear.
_HASH = re.compile(r"#+[ \t]*([^\n]++)")
_SLASHES = re.compile(r"//+[ \t]*([^\n]++)|/\*((?:[^*]|\*(?!/))++)")
_PYTHON = re.compile(r'#+[ \t]*([^\n]++)|"""((?:[^"]|"(?!""))*+)(?:""")?|\'\'\'((?:[^\']|\'(?!\'\'))*+)(?:\'\'\')?')
_DASHES = re.compile(r"--+[ \t]*([^\n]++)|/\*((?:[^*]|\*(?!/))++)")
_SEMICOLON = re.compile(r"(?m)^[ \t]*[;#!]+[ \t]*([^\n]++)")


@dataclass(frozen=True, slots=True)
class Syntax:
    """A programming language: its name, what its comments look like, and the grammar that outlines it.

    ``grammar`` is the ``package:function`` of a tree-sitter grammar, or empty.
    """

    name: str
    comments: re.Pattern[str]
    grammar: str = ""


_JAVASCRIPT = Syntax("javascript", _SLASHES, "tree_sitter_javascript:language")
_TYPESCRIPT = Syntax("typescript", _SLASHES, "tree_sitter_typescript:language_typescript")
_C = Syntax("c", _SLASHES, "tree_sitter_c:language")
_CPP = Syntax("cpp", _SLASHES, "tree_sitter_cpp:language")
_BASH = Syntax("bash", _HASH, "tree_sitter_bash:language")
_PY = Syntax("python", _PYTHON, "tree_sitter_python:language")
_KOTLIN = Syntax("kotlin", _SLASHES, "tree_sitter_kotlin:language")
_INI = Syntax("ini", _SEMICOLON)
_YAML = Syntax("yaml", _HASH)
_CSS = Syntax("css", _SLASHES)

SYNTAXES: Mapping[str, Syntax] = MappingProxyType(
    {
        ".bash": _BASH,
        ".bat": Syntax("batch", re.compile(r"(?im)^[ \t]*(?:rem|::)[ \t]+([^\n]++)")),
        ".c": _C,
        ".cc": _CPP,
        ".cfg": _INI,
        ".cjs": _JAVASCRIPT,
        ".conf": _INI,
        ".cpp": _CPP,
        ".cs": Syntax("csharp", _SLASHES, "tree_sitter_c_sharp:language"),
        ".css": _CSS,
        ".cts": _TYPESCRIPT,
        ".cu": _CPP,
        ".cxx": _CPP,
        ".dart": Syntax("dart", _SLASHES),
        ".go": Syntax("go", _SLASHES, "tree_sitter_go:language"),
        ".gradle": Syntax("gradle", _SLASHES),
        ".graphql": Syntax("graphql", _HASH),
        ".h": _CPP,  # the grammar of C++ reads C as well; that of C stumbles over every class
        ".hh": _CPP,
        ".hpp": _CPP,
        ".hxx": _CPP,
        ".ini": _INI,
        ".java": Syntax("java", _SLASHES, "tree_sitter_java:language"),
        ".jl": Syntax("julia", _HASH),
        ".js": _JAVASCRIPT,
        ".jsx": _JAVASCRIPT,
        ".kt": _KOTLIN,
        ".kts": _KOTLIN,
        ".less": _CSS,
        ".lua": Syntax("lua", _DASHES, "tree_sitter_lua:language"),
        ".mjs": _JAVASCRIPT,
        ".mts": _TYPESCRIPT,
        ".php": Syntax("php", _SLASHES, "tree_sitter_php:language_php"),
        ".pl": Syntax("perl", _HASH),
        ".properties": _INI,
        ".proto": Syntax("protobuf", _SLASHES),
        ".ps1": Syntax("powershell", _HASH),
        ".py": _PY,
        ".pyi": _PY,
        ".r": Syntax("r", _HASH),
        ".rb": Syntax("ruby", _HASH, "tree_sitter_ruby:language"),
        ".rs": Syntax("rust", _SLASHES, "tree_sitter_rust:language"),
        ".scala": Syntax("scala", _SLASHES, "tree_sitter_scala:language"),
        ".scss": _CSS,
        ".sh": _BASH,
        ".sql": Syntax("sql", _DASHES),
        ".swift": Syntax("swift", _SLASHES, "tree_sitter_swift:language"),
        ".tf": Syntax("terraform", _HASH),
        ".toml": Syntax("toml", _HASH),
        ".ts": _TYPESCRIPT,
        ".tsx": Syntax("typescript", _SLASHES, "tree_sitter_typescript:language_tsx"),
        ".yaml": _YAML,
        ".yml": _YAML,
        ".zsh": _BASH,
    }
)
_PLAIN = Syntax("", _HASH)


class CodeLoader:
    """Reads source code; ``metadata["syntax"]`` names the programming language.

    The document's ``language`` is the one that its comments are written in, or empty. A file that is too long, has
    lines that nobody wrote by hand, or does not parse in the time that it is given, is read without headings.
    """

    def __init__(self, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        self._max_bytes = max_bytes

    def load(self, path: Path) -> ParsedDocument:
        """See :meth:`ingest.loaders.base.Loader.load`."""
        text, metadata = read_text(path, self._max_bytes)
        syntax = SYNTAXES.get(path.suffix.lower(), _PLAIN)
        if syntax.name:
            metadata["syntax"] = syntax.name
        return ParsedDocument(
            text=text,
            title=path.name,
            type="code",
            language=_language(text, syntax),
            headings=_headings(text, syntax, path),
            metadata=metadata,
        )


def _headings(text: str, syntax: Syntax, path: Path) -> tuple[Heading, ...]:
    if len(text) > MAX_OUTLINED or max(map(len, text.split("\n"))) > MAX_LINE:
        return ()
    if syntax.grammar:
        return to_headings(text, tree_scopes(text, syntax.grammar), path.name)
    if syntax.name in LINE_SYNTAXES:
        return to_headings(text, line_scopes(text, syntax.name), path.name)
    return ()


def _language(text: str, syntax: Syntax) -> str:
    """The language of the comments; of the whole text it would be English for the keywords' sake."""
    comments = (match.group(match.lastindex or 0) for match in syntax.comments.finditer(text, 0, _LANGUAGE_SAMPLE))
    return detect_language("\n".join(comments))
