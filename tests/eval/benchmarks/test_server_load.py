"""The load test of the server: its figures, and its stub."""

from __future__ import annotations

import math

import httpx
import pytest

from eval.benchmarks.server_load import Seen, percentile, row
from eval.benchmarks.server_load_stub import stub_endpoint


@pytest.mark.parametrize(("share", "value"), [(50, 2), (75, 3), (95, 4), (100, 4), (1, 1)])
def test_percentiles_are_values_that_were_seen(share: float, value: float) -> None:
    assert percentile([4, 1, 3, 2], share) == value
    assert math.isnan(percentile([], share))


def test_a_row_adds_up() -> None:
    seen = Seen(overhead=[0.01, 0.02], first=[0.5], memory=[(1, 100.0)])
    seen.statuses.update({200: 2, 429: 3, 500: 1})
    cells = [cell.strip() for cell in row(8, 6, seen, 2.0).split("|")[1:-1]]
    assert cells[:8] == ["8", "6", "2", "3", "1", "0", "0", "1.0"]
    assert cells[8:] == ["500 ms", "10.0 ms", "20.0 ms", "20.0 ms", "100 MiB at 1"]


def test_the_stub_repeats_the_number_of_the_question() -> None:
    with stub_endpoint(0.0) as url, httpx.Client(trust_env=False) as client:
        body = {"model": "stub", "messages": [{"role": "user", "content": "of number 17?"}], "stream": True}
        said = client.post(f"{url}/chat/completions", json=body).text
        vectors = client.post(f"{url}/embeddings", json={"model": "stub", "input": ["a", "一"]}).json()["data"]
    assert "data: [DONE]" in said
    assert "17" in said
    assert [len(one["embedding"]) for one in vectors] == [64, 64]
