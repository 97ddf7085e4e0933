"""Scans of one search on several cores at once.

FAISS lets go of the interpreter while it compares, so that threads run side by side. Its own threads (OpenMP) do not
help here: they divide the queries among them, or the lists, and a search has one query and few lists; where a core is
busy, they wait for each other ten times as long as one of them takes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

from ragbot.models.cpu import cores

Found = TypeVar("Found")


def together(tasks: Sequence[Callable[[], Found]], alone: bool = False) -> list[Found]:
    """What each of these gives, in their order.

    The caller takes part, and waits for nobody who has not begun: on a busy machine it does all of it by itself.

    Args:
        alone: the caller does it all in any case.
    """
    results: dict[int, Found] = {}
    left = deque(enumerate(tasks))

    def work() -> None:
        import faiss

        faiss.omp_set_num_threads(1)  # of this thread alone
        while left:
            try:
                number, task = left.popleft()
            except IndexError:  # another thread was faster
                return
            results[number] = task()

    helpers = [] if alone else [_pool().submit(work) for _ in range(min(len(tasks), cores()) - 1)]
    try:
        work()
    finally:
        left.clear()
        for helper in helpers:
            if not helper.cancel():
                helper.result()
    return [results[number] for number in range(len(tasks))]


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max(cores() - 1, 1), thread_name_prefix="search")
