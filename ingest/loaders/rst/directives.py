"""Directives that docutils does not know, or may not run: what they say is kept, what they would do is not done."""

from __future__ import annotations

import re
from dataclasses import dataclass
from textwrap import dedent

_FIRST = re.compile(r"\.\.[ \t]+(?:\|[^|\n]*\|[ \t]+)?([\w:.+-]+?)::(?:[ \t]+|$)(.*)")
_OPTION = re.compile(r"[ \t]*:[\w.-]+(?:[ \t][^:\n]*)?:(?:[ \t].*)?$")
# Their content is no reStructuredText.
_CODE = frozenset(
    "code code-block sourcecode highlight raw math prompt graphviz digraph mermaid productionlist ipython plot testcode "
    "testoutput doctest parsed-literal include literalinclude csv-table".split()
)
# Their content names files, one a line.
_FILES = frozenset({"toctree", "autosummary"})
# Their argument is prose with markup; that of others is a name or a signature.
_PROSE = frozenset(
    "versionadded versionchanged versionremoved deprecated seealso todo tab tab-item dropdown details card "
    "grid-item-card centered".split()
)


@dataclass(frozen=True, slots=True)
class Directive:
    """``.. name:: argument`` and the content below it; options are left out."""

    name: str
    argument: str
    content: str

    @property
    def is_code(self) -> bool:
        """Whether the content is to be kept as it is."""
        return self.name in _CODE and bool(self.content.strip())

    @property
    def is_prose(self) -> bool:
        """Whether the argument is to be read as reStructuredText, as the content is."""
        return self.name in _PROSE and bool(self.argument)

    @property
    def is_files(self) -> bool:
        """Whether the content is a list of files."""
        return self.name in _FILES


def read_directive(source: str) -> Directive | None:
    """The directive of a block ``source``, or None where it is none."""
    first, *rest = source.split("\n")
    match = _FIRST.match(first)
    if match is None:
        return None
    body = dedent("\n".join(rest)).split("\n")
    argument = [match.group(2).strip()]
    position = 0
    # The argument may go on below, then come the options, then an empty line.
    while position < len(body) and body[position].strip() and not _OPTION.match(body[position]):
        argument.append(body[position].strip())
        position += 1
    in_options = False
    while position < len(body) and body[position].strip():
        option = _OPTION.match(body[position])
        if not option and not (in_options and body[position][:1].isspace()):
            break
        in_options = True
        position += 1
    name = match.group(1)
    if not argument[0] and len(argument) > 1 and name not in _CODE:
        # Without an argument on its line, what stands below is the content.
        return Directive(name, "", "\n".join(body))
    return Directive(name, " ".join(filter(None, argument)), "\n".join(body[position:]).strip("\n"))
