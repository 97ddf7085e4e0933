"""``python -m ragbot``: the same as the command ``ragbot``."""

from __future__ import annotations

import sys

from ragbot.cli import main

if __name__ == "__main__":
    sys.exit(main())
