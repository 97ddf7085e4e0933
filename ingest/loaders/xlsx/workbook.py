"""What a workbook says outside its sheets: their names, the shared strings, the number formats, the properties."""

from __future__ import annotations

from dataclasses import dataclass

from ingest.loaders.csv.table import MAX_CELLS
from ingest.loaders.xlsx.package import Attributes, Package
from ingest.loaders.xlsx.values import NumberFormat, number_format, unescape

#: Strings that cells share; a workbook may keep some that no cell has any more.
MAX_STRINGS = 2 * MAX_CELLS
#: What a cell holds at most in every spreadsheet program.
MAX_CELL_CHARACTERS = 32_767


class TooMuchTextError(ValueError):
    """More strings, or longer ones, than a spreadsheet program writes."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet's name, the part it stands in, and whether the program shows it."""

    name: str
    part: str
    hidden: bool


@dataclass(frozen=True, slots=True)
class Workbook:
    """A workbook without its cells; ``formats`` has one entry for each style that a cell may name."""

    sheets: tuple[Sheet, ...]
    strings: tuple[str, ...]
    formats: tuple[NumberFormat, ...]
    from_1904: bool


def read_workbook(package: Package) -> Workbook:
    """Read the parts that the sheets refer to.

    Raises:
        LookupError, ValueError, expat.ExpatError: the package is damaged, or out of bounds.
    """
    main = next((target for kind, target in package.relations("").values() if kind == "officeDocument"), "")
    relations = package.relations(main)
    sheets: list[Sheet] = []
    from_1904 = False

    def start(tag: str, attributes: Attributes) -> None:
        nonlocal from_1904
        if tag == "workbookPr":
            from_1904 = attributes.get("date1904") in {"1", "true"}
        elif tag == "sheet":
            identity = next((value for name, value in attributes.items() if name.endswith(":id")), "")
            kind, part = relations[identity]
            if kind == "worksheet":  # a sheet may also be a chart, or a dialog of old
                hidden = attributes.get("state", "visible") != "visible"
                sheets.append(Sheet(unescape(attributes["name"]), part, hidden))

    package.parse(main, start)
    by_kind = dict(relations.values())
    strings = _strings(package, by_kind["sharedStrings"]) if "sharedStrings" in by_kind else ()
    formats = _formats(package, by_kind["styles"]) if "styles" in by_kind else ()
    return Workbook(tuple(sheets), strings, formats, from_1904)


def read_properties(package: Package) -> dict[str, str]:
    """The core properties by name (``title``, ``creator``, ``created``, ``language``, ...)."""
    properties: dict[str, str] = {}
    part = next((target for kind, target in package.relations("").values() if kind == "core-properties"), "")
    if part in package:
        package.parse(part, lambda *_: None, lambda tag, text: properties.update({tag: unescape(text)}))
    return properties


class CellText:
    """Puts the runs of a string together, for shared strings and for those inside a cell."""

    def __init__(self) -> None:
        self._runs: list[str] = []
        self._length = 0
        self._phonetic = 0

    def start(self, tag: str) -> None:
        """See an element begin."""
        self._phonetic += tag == "rPh"  # how to say it, as East Asian text may carry along

    def end(self, tag: str, text: str) -> None:
        """See an element end, with its text.

        Raises:
            TooMuchTextError: the string is longer than a cell may be.
        """
        if tag == "rPh":
            self._phonetic -= 1
        elif tag == "t" and not self._phonetic:
            self._runs.append(text)
            self._length += len(text)
            if self._length > 2 * MAX_CELL_CHARACTERS:  # escapes are longer than what they stand for
                raise TooMuchTextError(f"a cell of more than {MAX_CELL_CHARACTERS:,} characters")

    def take(self) -> str:
        """The string, on one line; the next one begins."""
        text = unescape("".join(self._runs))
        self._runs.clear()
        self._length = 0
        return text


def _strings(package: Package, part: str) -> tuple[str, ...]:
    strings: list[str] = []
    current = CellText()

    def end(tag: str, text: str) -> None:
        current.end(tag, text)
        if tag == "si":
            strings.append(current.take())
            if len(strings) > MAX_STRINGS:
                raise TooMuchTextError(f"more than {MAX_STRINGS:,} shared strings")

    package.parse(part, lambda tag, _: current.start(tag), end)
    return tuple(strings)


def _formats(package: Package, part: str) -> tuple[NumberFormat, ...]:
    codes: dict[int, str] = {}
    numbers: list[int] = []
    inside = ""

    def start(tag: str, attributes: Attributes) -> None:
        nonlocal inside
        if tag in {"numFmts", "cellXfs", "cellStyleXfs", "dxfs"}:
            inside = tag
        elif tag == "numFmt" and inside == "numFmts":
            codes[int(attributes["numFmtId"])] = attributes["formatCode"]
        elif tag == "xf" and inside == "cellXfs":
            numbers.append(int(attributes.get("numFmtId", "0")))

    package.parse(part, start)
    known = {number: number_format(number, codes) for number in set(numbers)}
    return tuple(known[number] for number in numbers)
