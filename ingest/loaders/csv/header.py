"""Whether the first row of a table names its columns: text, or years, over what is of another kind."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

#: A label stands in every row, so a sentence is none.
MAX_LABEL = 80

_SAMPLE = 50
_NUMBER = re.compile(
    r"[-+−(]?\s*[¥￥$€£]?\s*[-+]?\d[\d,. '\u00a0]*(?:[eE][-+]?\d+)?\s*[%‰]?\)?|(?:TRUE|FALSE)|#[A-Z0-9/!?]{3,8}",
    re.ASCII,
)
_MOMENT = re.compile(r"\d{1,4}([-/.年])\d{1,2}(?:[-/.月]\d{1,4}日?)?(?:[T ]\d{1,2}:.*)?|\d{1,2}:\d\d(?::\d\d.*)?")
_PERIOD = re.compile(r"(?:19|20)\d\d(?:\s?年(?:度)?|[-/.年]\d{1,2}月?|\s?[QH]\d)?(?:[-/.]\d{1,2})?")
_SENTENCE = re.compile(r"[。！？!?]|\.\s*$|\.\s+\S")

#: No label spans more columns than a sheet has.
MAX_SPAN = 16_385
#: The cells of a row by column, and the last columns of those that are merged to the right.
Cells = tuple[Mapping[int, str], Mapping[int, int]]


def find_header(rows: Sequence[Cells], above: Mapping[int, str]) -> tuple[Mapping[int, str], int]:
    """The labels by column and the number of rows that they take (0: there is no header).

    Args:
        rows: the first rows of a table, titles left out.
        above: the header of the table above, if any. A table that fits under it gets one of its own only if that is
            plain: text over numbers.
    """
    if len(rows) < 2 or len(rows[0][0]) < 2:
        return {}, 0
    depth = 2 if rows[0][1] and len(rows) > 2 and _are_labels(rows[1][0]) else 1
    labels = _join(rows[:depth])
    body = [cells for cells, _ in rows[depth : depth + _SAMPLE]]
    if not _are_labels(labels):
        return {}, 0
    used = set().union(*body)
    if 2 * len(used & labels.keys()) < len(used):
        return {}, 0
    typed = False
    for column, label in labels.items():
        values = [cells[column] for cells in body if column in cells]
        if label in values:
            return {}, 0
        if _PERIOD.fullmatch(label) and 2 * sum(map(_is_period, values)) > len(values):
            return {}, 0
        typed = typed or 2 * sum(map(is_data, values)) > len(values)
    fits = bool(above) and all(cells.keys() <= above.keys() for cells, _ in rows)
    return (labels, depth) if typed or not fits else ({}, 0)


def is_data(value: str) -> bool:
    """Whether a cell holds a number, a day or a time, a truth value or an error: no label."""
    return bool(_NUMBER.fullmatch(value) or _MOMENT.fullmatch(value))


def _is_period(value: str) -> bool:
    return bool(_PERIOD.fullmatch(value))


def _are_labels(cells: Mapping[int, str]) -> bool:
    texts = [value for value in cells.values() if not is_data(value)]
    return bool(texts) and all(
        len(value) <= MAX_LABEL and not _SENTENCE.search(value) and (not is_data(value) or _is_period(value))
        for value in cells.values()
    )


def _join(rows: Sequence[Cells]) -> dict[int, str]:
    """One label a column; a label that spans columns stands before the labels under it."""
    labels: dict[int, str] = {}
    for cells, spans in rows:
        columns = sorted(cells)
        for column, following in zip(columns, [*columns[1:], MAX_SPAN], strict=True):
            for target in range(column, min(spans.get(column, column) + 1, following)):
                before = labels.get(target, "")
                if cells[column] != before:
                    labels[target] = f"{before} {cells[column]}".strip()[: 2 * MAX_LABEL]
    return {column: label.rstrip(":：") or label for column, label in labels.items()}
