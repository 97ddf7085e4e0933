"""A page of a PDF as a picture with spans of its text marked, drawn in a process of its own.

PDFium is not thread safe, and a damaged font or picture can crash it or keep it busy for minutes: as when a file is
parsed, that is a process's affair and not the application's.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

#: Left, top, right, bottom as fractions of the picture's width and height.
Box = tuple[float, float, float, float]
#: Seconds that a page may take, and MiB of memory.
SECONDS, MEMORY_MB = 60.0, 1024
#: Width of the picture in pixels: type of 10 points is some 20 pixels high on a page of A4.
WIDTH = 1200


@dataclass(frozen=True, slots=True)
class PagePicture:
    """A drawn page: PNG, its size in pixels, and what is marked.

    ``letters`` is how many visible characters the page's text layer has; ``problem`` says why there is no picture.
    """

    image: bytes | None = None
    size: tuple[int, int] = (0, 0)
    boxes: tuple[Box, ...] = ()
    letters: int = 0
    problem: str = ""


def draw_page(
    path: Path, page: int, text: str, spans: Sequence[tuple[int, int]], width: int = WIDTH, seconds: float = SECONDS
) -> PagePicture:
    """Draw page ``page`` (from 1) of the PDF at ``path`` with ``spans`` of its ``text`` marked.

    Args:
        path: the file.
        page: its number, from 1.
        text: of the page as ragbot read it; it may stand in another order and with other white space than in the file.
        spans: of ``text``; the later ones are marked over the earlier.
        width: of the picture in pixels.
        seconds: after which it is given up.
    """
    # UTF-8 would not carry halves of surrogate pairs; as JSON in ASCII they travel.
    request = json.dumps({"path": str(path), "page": page, "text": text, "spans": [*spans], "width": width})
    try:
        done = subprocess.run(
            # -P: the working folder is no place to import from.
            [sys.executable, "-P", "-m", "ragbot.showing.page_worker", str(MEMORY_MB)],
            input=request.encode("ascii"),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=seconds,
            check=False,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(_import_path()), "OMP_NUM_THREADS": "1"},
        )
    except subprocess.TimeoutExpired:
        return PagePicture(problem=f"it takes longer than {seconds:g} s")
    except OSError as error:
        return PagePicture(problem=str(error.strerror or error))
    try:
        reply = json.loads(done.stdout)
        if "problem" in reply:
            return PagePicture(problem=str(reply["problem"]))
        boxes = tuple((float(a), float(b), float(c), float(d)) for a, b, c, d in reply["boxes"])
        return PagePicture(base64.b64decode(reply["png"]), tuple(reply["size"]), boxes, int(reply["letters"]))
    except (ValueError, KeyError, TypeError, binascii.Error):
        return PagePicture(problem=f"the process that draws it ended with {done.returncode}")


def _import_path() -> list[str]:
    """Where we import from; the working folder only if this package lies there."""
    return list(dict.fromkeys([str(Path(__file__).parents[2]), *filter(None, sys.path)]))
