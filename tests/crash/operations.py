"""What the children of the laboratory do: each operation takes the request and a function that acknowledges."""

from __future__ import annotations

import contextlib
import io
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import ragbot.bot
from ragbot.bot import RagBot
from ragbot.cli import main
from ragbot.index import maintenance, transfer
from ragbot.models.testing import HashEmbedder
from ragbot.settings import Settings
from tests.crash.material import QUESTIONS
from tests.crash.reader import read_for, write_for
from tests.crash.state import observe

Ack = Callable[[str], None]
Request = Mapping[str, Any]


def settings(request: Request) -> Settings:
    """The defaults, with the store that is asked for and without a bound on confidence."""
    tree: dict[str, Any] = {"generation": {"min_confidence": 0.0}}
    if "vectors" in Settings.model_fields:
        tree["vectors"] = {"store": request["store"], **request.get("vectors", {})}
    return Settings(**tree)


def opened(request: Request, create: bool = True) -> RagBot:
    """The knowledge base of the request, opened anew."""
    return RagBot.open(
        Path(request["folder"]), embedder=HashEmbedder(), llm="extractive", settings=settings(request), create=create
    )


def ingest(request: Request, ack: Ack) -> Any:
    """Ingest files; each document is acknowledged when the run says that it was committed."""
    committed = 0

    def progress(state: Any) -> None:
        nonlocal committed
        if state.files > committed:  # else it only tells how far a batch is embedded
            ack(state.current)
        committed = state.files

    with opened(request) as bot:
        report = bot.ingest(*request["paths"], sync=request.get("sync", False), progress=progress)
    for source in report.removed:
        ack(source)
    return {"added": len(report.added), "updated": len(report.updated), "failed": [f.reason for f in report.failed]}


def remove(request: Request, ack: Ack) -> Any:
    """Remove documents one by one."""
    with opened(request, create=False) as bot:
        for source in request["sources"]:
            bot.remove(source)
            ack(source)
    return None


def compact(request: Request, ack: Ack) -> Any:
    return maintenance.compact(Path(request["folder"])).complete


def repair(request: Request, ack: Ack) -> Any:
    return list(maintenance.repair(Path(request["folder"])).removed)


def export(request: Request, ack: Ack) -> Any:
    done = transfer.export(Path(request["folder"]), Path(request["file"]))
    ack(request["file"])
    return done.documents


def import_(request: Request, ack: Ack) -> Any:
    done = transfer.import_(Path(request["file"]), Path(request["folder"]))
    ack(request["folder"])
    return done.documents


def search(request: Request, ack: Ack) -> Any:
    """Open, search and read everything, as a person would who knows of no damage."""
    with opened(request, create=False) as bot:
        return observe(bot, QUESTIONS)


def check(request: Request, ack: Ack) -> Any:
    """The same, and what ``kb verify`` says."""
    found = search(request, ack)
    problems = maintenance.verify(Path(request["folder"])).problems
    return {**found, "problems": [problem.message for problem in problems]}


def damaged(request: Request, ack: Ack) -> Any:
    """What each way in makes of a folder that may be damaged: the state, or the error that it is refused with."""
    from ragbot.errors import RagbotError

    found: dict[str, Any] = {}
    for name, do in (("search", search), ("verify", _verified)):
        try:
            found[name] = do(request, ack)
        except RagbotError as error:
            found[name] = {"refused": type(error).__name__, "message": str(error)}
    return found


def _verified(request: Request, ack: Ack) -> Any:
    return [problem.message for problem in maintenance.verify(Path(request["folder"])).problems]


def command(request: Request, ack: Ack) -> Any:
    """The command line, with an embedder that needs no weights."""
    vars(ragbot.bot)["load_embedder"] = lambda *_, **__: HashEmbedder()
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(request["words"])
    texts = []
    for stream in (out, err):
        stream.flush()
        stream.seek(0)
        texts.append(stream.read())
    return {"code": code, "out": texts[0], "err": texts[1]}


def hold(request: Request, ack: Ack) -> Any:
    """Hold the writer's lock for some seconds."""
    with opened(request) as bot, bot.kb.writing():
        ack("held")
        time.sleep(request["seconds"])
    return None


def idle(request: Request, ack: Ack) -> Any:
    """Have it open, without a question, for some seconds."""
    with opened(request, create=False) as bot:
        bot.search(QUESTIONS[0])
        time.sleep(request["seconds"])
    return None


def read(request: Request, ack: Ack) -> Any:
    with opened(request, create=False) as bot:
        ack("open")
        return read_for(bot, request["seconds"], request["seed"])


def write(request: Request, ack: Ack) -> Any:
    with opened(request) as bot:
        return write_for(bot, Path(request["sources"]), request["seconds"], request["seed"], request["documents"])


OPERATIONS: Mapping[str, Callable[[Request, Ack], Any]] = {
    "ingest": ingest,
    "remove": remove,
    "compact": compact,
    "repair": repair,
    "export": export,
    "import": import_,
    "search": search,
    "check": check,
    "damaged": damaged,
    "command": command,
    "hold": hold,
    "idle": idle,
    "read": read,
    "write": write,
}


def shown(value: Any) -> str:
    """A value as one line."""
    return json.dumps(value, ensure_ascii=False)
