"""How much a key may ask for: token buckets, one for requests and one for tokens, in the memory of a process.

A bucket holds what a minute allows and fills evenly (a token bucket: RFC 2697 describes one for packets). Tokens of an
answer are known when it is done: they are taken then, and a bucket below zero has to fill first. Each worker process
counts for itself.
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from apps.api.problems import ProblemError

#: Keys whose buckets are remembered; the ones that were used longest ago are forgotten first.
_MOST = 10_000


@dataclass(slots=True)
class _Bucket:
    level: float
    filled: float  # when, in seconds of the clock


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a caller may do in a minute; 0: any number."""

    requests: int = 0
    tokens: int = 0


class Limits:
    """Thread-safe.

    Args:
        clock: seconds, for tests.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: OrderedDict[tuple[str, str], _Bucket] = OrderedDict()
        self._lock = threading.Lock()

    def admit(self, who: str, allowance: Allowance) -> dict[str, str]:
        """Take one request.

        Returns:
            headers that tell what is left, by OpenAI's names.

        Raises:
            ProblemError: 429; ``Retry-After`` says when there is enough again.
        """
        now = self._clock()
        headers: dict[str, str] = {}
        with self._lock:
            for kind, most, least in (("tokens", allowance.tokens, 0.0), ("requests", allowance.requests, 1.0)):
                if not most:
                    continue
                bucket = self._bucket(who, kind, most, now)
                if bucket.level < least or (kind == "tokens" and bucket.level <= 0):
                    wait = max(math.ceil((max(least, 1.0) - bucket.level) * 60 / most), 1)
                    raise ProblemError(
                        429,
                        f"this key has used up its {most} {kind} a minute: try again in {wait} s",
                        code="rate_limit_exceeded",
                        headers={"Retry-After": str(wait), f"x-ratelimit-limit-{kind}": str(most)},
                    )
                bucket.level -= least
                headers[f"x-ratelimit-limit-{kind}"] = str(most)
                headers[f"x-ratelimit-remaining-{kind}"] = str(max(int(bucket.level), 0))
        return headers

    def spend(self, who: str, allowance: Allowance, tokens: int) -> None:
        """Take the tokens of an answer."""
        if allowance.tokens and tokens > 0:
            with self._lock:
                self._bucket(who, "tokens", allowance.tokens, self._clock()).level -= tokens

    def _bucket(self, who: str, kind: str, most: int, now: float) -> _Bucket:
        bucket = self._buckets.setdefault((who, kind), _Bucket(float(most), now))
        self._buckets.move_to_end((who, kind))
        # A limit that was lowered meanwhile lowers what is left, too.
        bucket.level = min(bucket.level + (now - bucket.filled) * most / 60, float(most))
        bucket.filled = now
        while len(self._buckets) > _MOST:
            self._buckets.popitem(last=False)
        return bucket
