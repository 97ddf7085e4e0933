"""The services, on loopback."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.agents.tools.net.providers import Providers, serving


@pytest.fixture
def providers() -> Iterator[Providers]:
    yield from serving()
