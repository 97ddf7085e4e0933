"""Memory that was freed goes back to the system where the C library would keep it."""

from __future__ import annotations

import ctypes
import sys


def give_back() -> None:
    """Return what glibc holds of freed memory; elsewhere nothing is done.

    Arrays of many sizes that come and go, as in merging parts of an index, leave its heap larger than what is in use.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
        if trim is not None:
            trim(0)
