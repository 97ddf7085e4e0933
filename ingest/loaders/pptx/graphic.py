"""The text of graphic frames: tables, charts and diagrams (DrawingML, ECMA-376, part 1, chapters 20 and 21).

Read from their XML: python-pptx has no diagrams, finds rows and points by counting from the first one each time, and
believes the number of points that a chart claims.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lxml import etree
from pptx.oxml.ns import qn
from pptx.slide import Slide

from ingest.loaders.builder import TextBuilder
from ingest.loaders.cleaning import clean

#: The cells of one table, or the points of one chart: a slide that people can read has some hundreds.
MAX_POINTS = 100_000

_DIAGRAM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}"
_CHART = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"

TextOf = Callable[[Any], str]


def add_graphic(builder: TextBuilder, slide: Slide, frame: Any, text_of: TextOf) -> None:
    """Append what stands in a table, a chart or a diagram; other shapes have no text."""
    table = next(frame.iter(qn("a:tbl")), None)
    if table is not None:
        cells = sum(1 for _ in table.iter(qn("a:tc")))
        if cells > MAX_POINTS:
            raise ValueError(f"a table of {cells:,} cells, at most {MAX_POINTS:,} are read")
        _add_rows(builder, [[_line(text_of(cell)) for cell in row.iter(qn("a:tc"))] for row in table.iter(qn("a:tr"))])
    chart = next(frame.iter(f"{_CHART}chart"), None)
    if chart is not None:
        _add_chart(builder, _related(slide, chart.get(f"{_RELATION}id")), text_of)
    diagram = next(frame.iter(f"{_DIAGRAM}relIds"), None)
    if diagram is not None:
        for point in _related(slide, diagram.get(f"{_RELATION}dm")).iter(f"{_DIAGRAM}pt"):
            # Other kinds of points are arrows and the shapes of the layout.
            if point.get("type", "node") == "node" and (text := _line(text_of(point))):
                builder.add(f"- {text}", "item")
        builder.close_group()


def _related(slide: Slide, identity: str) -> Any:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)
    return etree.fromstring(slide.part.related_part(identity).blob, parser)


def _add_chart(builder: TextBuilder, chart: Any, text_of: TextOf) -> None:
    """Append the title, and the values as a table: a row for each category, a column for each series."""
    title = chart.find(f"{_CHART}chart/{_CHART}title")
    if title is not None:
        builder.add(_line(text_of(title)))
    names: list[str] = []
    categories: dict[str, str] = {}
    columns: list[dict[str, str]] = []
    for series in chart.iter(f"{_CHART}ser"):
        names.append(" ".join(_points(series.find(f"{_CHART}tx")).values()))
        for tag in ("cat", "xVal"):
            for index, value in _points(series.find(f"{_CHART}{tag}")).items():
                categories.setdefault(index, value)
        values = _points(series.find(f"{_CHART}val")) or _points(series.find(f"{_CHART}yVal"))
        columns.append(values)
    indices = sorted({index for values in columns for index in values}, key=int)
    if len(indices) * len(columns) > MAX_POINTS:
        raise ValueError(f"a chart of {len(indices):,} by {len(columns):,} points, at most {MAX_POINTS:,} are read")
    if indices:
        rows = [[categories.get(index, ""), *(values.get(index, "") for values in columns)] for index in indices]
        _add_rows(builder, [["", *names], *rows])


def _points(source: Any) -> dict[str, str]:
    """The cached values under ``source`` by index; of categories in levels, the innermost."""
    points: dict[str, str] = {}
    if source is not None:
        for point in source.iter(f"{_CHART}pt"):
            points.setdefault(point.get("idx", "0"), _line(clean(point.findtext(f"{_CHART}v") or "")))
    return points


def _add_rows(builder: TextBuilder, rows: Sequence[Sequence[str]]) -> None:
    """Append a Markdown table, the first row taken for the header; each cell on one line."""
    builder.close_group()
    for index, row in enumerate(rows):
        builder.add("| " + " | ".join(row) + " |", "row")
        if index == 0:
            builder.add("|" + " --- |" * len(row), "row")
    builder.close_group()


def _line(text: str) -> str:
    return " ".join(text.split())
