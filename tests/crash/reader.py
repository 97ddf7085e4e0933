"""A writer that never rests and the readers beside it: what they do for some seconds, and what they saw."""

from __future__ import annotations

import random
import re
import time
from pathlib import Path
from typing import Any

from ragbot.bot import RagBot
from ragbot.errors import RagbotError
from tests.crash.material import QUESTIONS, names, write

_MARK = re.compile(r"generation (\d+)")


def read_for(bot: RagBot, seconds: float, seed: int) -> dict[str, Any]:
    """Search over and over; a hit's document must be whole and of one generation."""
    rng = random.Random(seed)
    searches, hits, torn, newest = 0, 0, 0, 0
    errors: list[str] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            found = bot.retriever.search(rng.choice(QUESTIONS), 8)
            searches += 1
            for hit in found:
                hits += 1
                torn += _torn(hit)
                newest = max([newest, *map(int, _MARK.findall(hit.chunk.text))])
                errors += _faults(bot, hit)
        except RagbotError as error:
            errors.append(f"{type(error).__name__}: {error}")
    return {
        "searches": searches,
        "hits": hits,
        "torn": torn,
        "newest": newest,
        "errors": errors[:20],
        "error_count": len(errors),
    }


def _torn(hit: Any) -> bool:
    """Whether the passage is of another generation than the title of its document."""
    title, own = _MARK.search(hit.chunk.document.title), _MARK.search(hit.chunk.text)
    return bool(title and own and title[1] != own[1])


def _faults(bot: RagBot, hit: Any) -> list[str]:
    chunk = hit.chunk
    faults: list[str] = []
    # One statement, and so one state of the catalog; empty if the document was replaced since the search.
    whole = bot.kb.catalog.neighbours(chunk, 10**6)
    if not whole:
        return faults
    if [part.ordinal for part in whole] != list(range(len(whole))):
        faults.append(f"{chunk.document.source}: chunks {[part.ordinal for part in whole]}")
    generations = {mark for part in whole for mark in _MARK.findall(part.text)}
    if len(generations) > 1:
        faults.append(f"{chunk.document.source}: generations {sorted(generations)}")
    parts = {int(number) for part in whole for number in re.findall(r" part (\d+)", part.text)}
    if parts != set(range(len(parts))) or len(parts) < 2:
        faults.append(f"{chunk.document.source}: parts {sorted(parts)}")
    return faults


def write_for(bot: RagBot, sources: Path, seconds: float, seed: int, documents: int) -> dict[str, Any]:
    """Add, change and remove documents until the time is over."""
    rng = random.Random(seed)
    generation, changes = 1, 0
    present = {str(sources / name) for name in names(documents)}
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        generation += 1
        chosen = rng.sample(names(documents), rng.randint(1, 4))
        written = write(sources, chosen, generation)
        bot.ingest(*written)
        present.update(written)
        changes += len(written)
        if len(present) > documents // 2 and rng.random() < 0.5:
            gone = rng.choice(sorted(present))
            bot.remove(gone)
            present.discard(gone)
            changes += 1
    return {"changes": changes, "generations": generation}
