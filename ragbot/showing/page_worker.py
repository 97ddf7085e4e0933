"""The process that draws a page: a request as JSON on standard input, the picture as JSON on standard output.

Started by :mod:`ragbot.showing.pages`, for one page.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from ragbot import memory


def main(memory_mb: int) -> None:
    """Draw what is asked for."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; whoever started us decides
    request = json.loads(sys.stdin.buffer.read())
    out = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)  # what a library prints must not get into the reply
    memory.bound(memory_mb)
    with out:
        json.dump(_answer(request), out)


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    from ragbot.errors import LoaderError
    from ragbot.showing.page_drawing import drawn

    try:
        spans = [(int(start), int(end)) for start, end in request["spans"]]
        found = drawn(Path(request["path"]), int(request["page"]), str(request["text"]), spans, int(request["width"]))
    except MemoryError:
        return {"problem": "it takes too much memory"}
    except LoaderError as error:
        return {"problem": str(error)}
    except OSError as error:
        return {"problem": str(error.strerror or error)}
    except Exception as error:  # noqa: BLE001  # a defect met in one page is told, and the text is shown instead
        return {"problem": f"{type(error).__name__}: {error}"[:300]}
    return {
        "png": base64.b64encode(found.image).decode("ascii"),
        "size": found.size,
        "boxes": found.boxes,
        "letters": found.letters,
    }


if __name__ == "__main__":
    main(int(sys.argv[1]))
