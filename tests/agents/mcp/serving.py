"""The command line in a process of its own, on an embedder without weights that prints, as libraries do, and may be slow."""

from __future__ import annotations

import os
import signal
import sys
import time

import ragbot.bot
from ragbot.cli import main
from ragbot.models.embedders.base import Vectors
from ragbot.models.testing import HashEmbedder


class NoisyEmbedder(HashEmbedder):
    """Writes to standard output in both ways that there are."""

    def encode_query(self, text: str) -> Vectors:
        sys.stdout.write("a library says hello\n")
        sys.stdout.flush()
        os.write(1, "本地库也说话\n".encode())
        if "slow" in text:
            time.sleep(8)
        return super().encode_query(text)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a suite in the background inherits that it is ignored
    ragbot.bot.load_embedder = lambda spec, **options: NoisyEmbedder()  # type: ignore[assignment]
    sys.exit(main())
