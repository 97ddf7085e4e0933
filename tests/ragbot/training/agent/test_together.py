"""Runs that share a pack: they are read as if each stood alone, and no token is spent twice on their prompt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from ragbot.training.agent.together import Prefixes, gather, side_by_side  # noqa: E402
from ragbot.training.agent.tokens import RunPack, RunTokens  # noqa: E402
from ragbot.training.agent.trainer import RunPacks  # noqa: E402
from ragbot.training.reader.attention import NAME, register  # noqa: E402
from ragbot.training.reader.plan import ReaderPlan  # noqa: E402
from ragbot.training.reader.states import read_pack  # noqa: E402
from tests.ragbot.training.agent.test_trainer import toy  # noqa: E402

RUNS = [toy(number, language) for number in range(12) for language in ("en", "zh")]


@pytest.fixture
def tokens(tiny_gemma: Path) -> RunTokens:
    from transformers import AutoTokenizer

    return RunTokens(AutoTokenizer.from_pretrained(tiny_gemma), 700)


def model_of(folder: Path) -> Any:
    from transformers import AutoModelForCausalLM

    register()
    return AutoModelForCausalLM.from_pretrained(folder, attn_implementation=NAME, dtype=torch.float32).eval()


def test_runs_side_by_side_are_read_as_if_each_were_alone(tiny_gemma: Path, tokens: RunTokens) -> None:
    model = model_of(tiny_gemma)
    packs = [pack for run in RUNS[::2][:4] for pack in tokens(run)]
    prefixes = Prefixes()
    for pack in packs:
        prefixes.add("en", pack)
    together = side_by_side(packs, prefixes["en"])
    assert 10 < prefixes["en"] < min(int(pack.at[0]) for pack in packs)
    assert together.ids.shape[1] == prefixes["en"] + sum(pack.ids.shape[1] - prefixes["en"] for pack in packs)
    assert together.wanted.tolist() == [token for pack in packs for token in pack.wanted.tolist()]
    with torch.inference_mode():
        shared = read_pack(model, together).states[0, together.at]
        alone = torch.cat([read_pack(model, pack).states[0, pack.at] for pack in packs])
    assert torch.allclose(shared, alone, atol=1e-4)
    for reply, (pack, own) in zip(together.replies, [(p, r) for p in packs for r in p.replies], strict=True):
        assert together.wanted[reply.begin : reply.end].equal(pack.wanted[own.begin : own.end])
        assert reply.tool == own.tool
    assert len(together.starts) == len(together.replies) == sum(len(pack.replies) for pack in packs)


def test_every_sequence_has_its_place_once_in_packs_that_are_full(tokens: RunTokens) -> None:
    packs = RunPacks(RUNS, tokens, ReaderPlan(epochs=1.0, limit=tokens.limit, packs_per_step=1))
    made = [packs[item] for item in range(len(packs))]
    alone = [pack for run in RUNS for pack in tokens(run)]
    assert _replies(made) == _replies(alone)
    assert all(pack.ids.shape[1] <= tokens.limit for pack in made)
    assert 2 <= len(made) < len(alone) / 2
    again = RunPacks(RUNS, tokens, ReaderPlan(epochs=2.0, limit=tokens.limit, packs_per_step=1))
    assert len(again) > len(made) and all(again[item].ids.equal(made[item].ids) for item in range(len(made)))
    assert any(not again[len(made) + item].ids.equal(made[item].ids) for item in range(len(made)))


def _replies(packs: list[RunPack]) -> list[list[int]]:
    return sorted(pack.wanted[reply.begin : reply.end].tolist() for pack in packs for reply in pack.replies)


def test_a_pack_is_begun_where_the_last_one_is_full() -> None:
    class Two:
        def __getitem__(self, key: str) -> int:
            return {"a": 5, "b": 1}[key]

    sequences = [("a", 8), ("a", 9), ("b", 10), ("a", 8), ("b", 2), ("a", 15)]
    assert gather(sequences, Two(), 15) == [[0, 1, 3], [2, 4], [5]]  # type: ignore[arg-type]
