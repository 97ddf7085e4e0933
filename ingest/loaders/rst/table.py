"""Tables of docutils as rows of cells."""

from __future__ import annotations

from collections.abc import Iterator

from docutils import nodes

from ingest.loaders.rst.inline import Substitutions, words


def table_rows(group: nodes.Element, substitutions: Substitutions) -> list[list[str]]:
    """The rows of ``group``, all equally long; a cell that spans others stands in the first of them."""
    rows: list[list[str]] = []
    covered: dict[int, int] = {}  # by column: how many rows below are covered by a cell above
    for row in group.findall(nodes.row):
        cells: list[str] = []

        def skip_covered(cells: list[str] = cells) -> None:
            while covered.get(len(cells), 0):
                covered[len(cells)] -= 1
                cells.append("")

        for entry in row.children:
            if not isinstance(entry, nodes.entry):
                continue
            skip_covered()
            width = 1 + int(entry.get("morecols", 0))
            for column in range(len(cells), len(cells) + width):
                covered[column] = int(entry.get("morerows", 0))
            cells += [_cell(entry, substitutions), *[""] * (width - 1)]
        skip_covered()
        rows.append(cells)
    longest = max(map(len, rows), default=0)
    return [row + [""] * (longest - len(row)) for row in rows if any(row)]


def _cell(entry: nodes.Element, substitutions: Substitutions) -> str:
    return " ".join(filter(None, (words(block, substitutions) for block in _texts(entry))))


def _texts(node: nodes.Element) -> Iterator[nodes.Node]:
    """The innermost blocks of ``node``; of docutils' messages, what they quote from the source."""
    for child in node.children:
        if isinstance(child, nodes.TextElement | nodes.image):
            if not (isinstance(node, nodes.system_message) and isinstance(child, nodes.paragraph)):
                yield child
        elif isinstance(child, nodes.Element) and not isinstance(child, nodes.comment):
            yield from _texts(child)
