"""Makes small PDFs by hand for the tests: text at given places (any character, by a ToUnicode map), shapes, pictures."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Text:
    """A piece of text with its baseline's left end, in points from the lower left corner."""

    x: float
    y: float
    text: str
    size: float = 10.0


@dataclass(frozen=True)
class Shape:
    """Operators that draw something: ``10 10 m 90 10 l S``."""

    operators: str


@dataclass(frozen=True)
class Picture:
    """A JPEG of ``columns`` x ``rows`` pixels, ``width`` x ``height`` points large, with its lower left corner."""

    x: float
    y: float
    width: float
    height: float
    jpeg: bytes
    columns: int
    rows: int


Piece = Text | Shape | Picture

WIDTH = 500  # of every character, in thousandths of the type's size; a Chinese one is twice as wide


def lines(text: Sequence[str], x: float = 72, y: float = 700, leading: float = 14, size: float = 10) -> list[Text]:
    """Lines below each other."""
    return [Text(x, y - number * leading, line, size) for number, line in enumerate(text)]


def grid(xs: Sequence[float], ys: Sequence[float]) -> Shape:
    """All lines of a table, each from end to end."""
    across = "".join(f"{xs[0]} {y} m {xs[-1]} {y} l S\n" for y in ys)
    return Shape(across + "".join(f"{x} {ys[0]} m {x} {ys[-1]} l S\n" for x in xs))


def make_pdf(
    pages: Sequence[Sequence[Piece]],
    outline: Sequence[tuple[str, int]] = (),
    title: str = "",
    language: str = "",
    extra: bytes = b"",
    rotate: int = 0,
    box: tuple[int, int] = (600, 800),
) -> bytes:
    """A PDF of ``pages``; ``outline`` holds (title, page from 0); ``extra`` is put in as a packed stream of its own."""
    texts = [piece.text for page in pages for piece in page if isinstance(piece, Text)]
    characters = sorted({character for text in texts for character in text})
    codes = {character: number + 1 for number, character in enumerate(characters)}
    objects: list[bytes] = [b"", b"", b"", b"", b"", b""]  # 1 catalog, 2 pages, 3 font, 4 descendant, 5 map, 6 info
    kids = []
    for page in pages:
        content = ""
        names = b""
        for piece in page:
            if isinstance(piece, Shape):
                content += piece.operators + "\n"
            elif isinstance(piece, Picture):
                objects.append(
                    _stream(
                        piece.jpeg,
                        b"/Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace/DeviceRGB/BitsPerComponent 8"
                        b"/Filter/DCTDecode" % (piece.columns, piece.rows),
                    )
                )
                names += b"/I%d %d 0 R" % (len(objects), len(objects))
                content += f"q {piece.width} 0 0 {piece.height} {piece.x} {piece.y} cm /I{len(objects)} Do Q\n"
            else:
                content += (
                    f"BT /F1 {piece.size} Tf 1 0 0 1 {piece.x} {piece.y} Tm "
                    f"<{''.join(f'{codes[character]:04x}' for character in piece.text)}> Tj ET\n"
                )
        objects.append(_stream(zlib.compress(content.encode()), b"/Filter/FlateDecode"))
        objects.append(
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 %d %d]/Rotate %d/Contents %d 0 R"
            b"/Resources<</Font<</F1 3 0 R>>/XObject<<%s>>>>>>" % (*box, rotate, len(objects), names)
        )
        kids.append(len(objects))
    if extra:
        objects.append(_stream(extra, b"/Filter/FlateDecode"))
    first = len(objects) + 2
    if outline:
        last = first + len(outline) - 1
        objects.append(b"<</Type/Outlines/First %d 0 R/Last %d 0 R/Count %d>>" % (first, last, len(outline)))
    for number, (words, page_index) in enumerate(outline):
        following = b"/Next %d 0 R" % (first + number + 1) if number + 1 < len(outline) else b""
        objects.append(
            b"<</Title%s/Parent %d 0 R%s/Dest[%d 0 R/Fit]>>" % (_string(words), first - 1, following, kids[page_index])
        )
    objects[0] = b"<</Type/Catalog/Pages 2 0 R%s%s>>" % (
        b"/Outlines %d 0 R" % (first - 1) if outline else b"",
        b"/Lang" + _string(language) if language else b"",
    )
    objects[1] = b"<</Type/Pages/Count %d/Kids[%s]>>" % (len(kids), b" ".join(b"%d 0 R" % kid for kid in kids))
    objects[2] = b"<</Type/Font/Subtype/Type0/BaseFont/T/Encoding/Identity-H/DescendantFonts[4 0 R]/ToUnicode 5 0 R>>"
    widths = b" ".join(b"%d" % (WIDTH * (2 if character > "\x7f" else 1)) for character in characters)
    objects[3] = (
        b"<</Type/Font/Subtype/CIDFontType2/BaseFont/T/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>"
        b"/DW 500/W[1[%s]]>>" % widths
    )
    mapping = "".join(f"<{code:04x}> <{character.encode('utf-16-be').hex()}>\n" for character, code in codes.items())
    objects[4] = _stream(
        b"/CIDInit /ProcSet findresource begin begincmap\n1 begincodespacerange <0000> <ffff> endcodespacerange\n"
        b"%d beginbfchar\n%sendbfchar endcmap" % (len(codes), mapping.encode())
    )
    objects[5] = b"<</CreationDate(D:20240501120000+08'00')/Title%s>>" % _string(title)
    return _file(objects)


def _string(text: str) -> bytes:
    return b"<" + ("\ufeff" + text).encode("utf-16-be", "surrogatepass").hex().encode() + b">"


def _stream(data: bytes, entries: bytes = b"") -> bytes:
    return b"<</Length %d%s>>stream\n%s\nendstream" % (len(data), entries, data)


def _file(objects: Sequence[bytes]) -> bytes:
    output = b"%PDF-1.7\n"
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(output))
        output += b"%d 0 obj" % number + b"\n" + body + b"\nendobj\n"
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return output + b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<</Root 1 0 R/Info 6 0 R/Size %d>>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1, table, len(objects) + 1, len(output),
    )  # fmt: skip
