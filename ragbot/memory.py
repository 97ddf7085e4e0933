"""How much memory a process may take, and that what it freed goes back to the system."""

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


def bound(megabytes: int) -> None:
    """Let this process take so many MiB of private memory and no more; on Windows nothing is done.

    Private memory, not address space: models and libraries are mapped, and cost nothing until they are touched.
    """
    try:
        import resource
    except ModuleNotFoundError:  # Windows
        return
    limit = megabytes << 20
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (min(limit, hard) if hard != resource.RLIM_INFINITY else limit, hard))
