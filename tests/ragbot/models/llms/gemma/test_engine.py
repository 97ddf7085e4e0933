"""The engine: the same numbers as the network in float32, whatever was cut, kept, drafted or shared on the way."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ragbot.errors import GenerationError
from ragbot.models.llms.gemma import decoding, files
from ragbot.models.llms.gemma.adapter import AdaptedWeights, LoraAdapter
from ragbot.models.llms.gemma.buffers import Buffers
from ragbot.models.llms.gemma.engine import GemmaEngine
from ragbot.models.llms.gemma.reference import embedded, hidden_states
from ragbot.models.llms.gemma.sampling import log_probability
from ragbot.models.llms.gemma.weights import Floats, GgufWeights
from ragbot.models.llms.lookup import PromptLookup

TEXT = "the sand and the thin 上海市。 in the sand and the thin 上海是 <b>and</b>"


def prompt(engine: GemmaEngine, text: str = TEXT) -> list[int]:
    return [engine.tokenizer.bos, *engine.tokenizer.encode(text)]


def exact(weights: Any, base: GgufWeights, ids: list[int]) -> Floats:
    """The logits after each token in float32."""
    table = base.embeddings()
    return hidden_states(weights, embedded(table[ids])) @ table.T


def cosine(a: Floats, b: Floats) -> float:
    """The mean over rows."""
    a, b = np.atleast_2d(a), np.atleast_2d(b)
    return float(((a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)).mean())


@pytest.mark.parametrize("signed", [True, False], ids=["signed", "unsigned"])
def test_logits_are_those_of_the_network(
    weights: GgufWeights, join: Callable[[Path], Path], cache: Path, monkeypatch: pytest.MonkeyPatch, signed: bool
) -> None:
    monkeypatch.setenv("RAGBOT_CACHE_DIR", str(cache))
    monkeypatch.setattr(files, "has_vnni", lambda: signed)
    engine = GemmaEngine(files.locate(None, join), threads=1)
    ids = prompt(engine)
    expected = exact(weights, weights, ids)
    text = engine.start(ids[:4])
    found = [text.logits]
    for token in ids[4:]:
        text.push([token])
        found.append(text.logits)
    assert cosine(np.array(found), expected[3:]) > 0.99


def test_smoothing_is_what_makes_them_so(weights: GgufWeights, engine: GemmaEngine, folders: files.GemmaFiles) -> None:
    from onnxruntime import InferenceSession

    from ragbot.models.llms.gemma.graph import layers_graph

    ids = prompt(engine)
    expected = exact(weights, weights, ids)

    def logits() -> Floats:
        return engine.head(engine.layers(Buffers(engine.config, len(ids)), ids, 0) / undone)

    undone = np.float32(1)
    smooth = logits()
    plain_graph = layers_graph(weights, folders.signed).SerializeToString()
    engine._layers = InferenceSession(plain_graph, providers=["CPUExecutionProvider"])
    undone = np.fromfile(folders.base / files.SMOOTH, np.float32)
    assert 1 - cosine(smooth, expected) < 0.7 * (1 - cosine(logits(), expected))


def test_the_reference_is_transformers_gemma(weights: GgufWeights, engine: GemmaEngine) -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    c = weights.config
    table = weights.embeddings()
    model = transformers.Gemma3ForCausalLM(
        transformers.Gemma3TextConfig(
            vocab_size=len(table),
            hidden_size=c.hidden,
            intermediate_size=c.ffn,
            num_hidden_layers=c.layers,
            num_attention_heads=c.heads,
            num_key_value_heads=c.kv_heads,
            head_dim=c.head_dim,
            query_pre_attn_scalar=c.head_dim,
            sliding_window=c.window,
            max_position_embeddings=c.context,
            rms_norm_eps=c.epsilon,
        )
    ).eval()
    state = {"model.embed_tokens.weight": table, "lm_head.weight": table, "model.norm.weight": weights.final_norm() - 1}
    parts = {
        "self_attn.q_norm": "q",
        "self_attn.k_norm": "k",
        "input_layernorm": "input",
        "post_attention_layernorm": "post_attention",
        "pre_feedforward_layernorm": "pre_feedforward",
        "post_feedforward_layernorm": "post_feedforward",
    }
    for layer in range(c.layers):
        for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
            state[f"model.layers.{layer}.self_attn.{name}.weight"] = weights.linear(layer, name)
        for name in ("gate_proj", "up_proj", "down_proj"):
            state[f"model.layers.{layer}.mlp.{name}.weight"] = weights.linear(layer, name)
        for theirs, ours in parts.items():
            state[f"model.layers.{layer}.{theirs}.weight"] = weights.norm(layer, ours) - 1
    model.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in state.items()})
    ids = prompt(engine)
    with torch.inference_mode():
        theirs = model(torch.tensor([ids])).logits[0].numpy()
    assert np.allclose(exact(weights, weights, ids), theirs, atol=2e-3, rtol=1e-3)


def test_a_prompt_in_parts_is_the_prompt(engine: GemmaEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = engine.start(prompt(engine)).logits
    engine.forget()
    monkeypatch.setattr(decoding, "CHUNK", 5)
    assert np.allclose(engine.start(prompt(engine)).logits, whole, atol=1e-2)


def test_what_was_read_before_is_not_read_again(engine: GemmaEngine) -> None:
    ids = prompt(engine)
    first = engine.start(ids)
    again = engine.start([*ids, *engine.tokenizer.encode(" and more")])
    assert first.usage.from_cache == 0
    assert again.usage.from_cache == len(ids)
    other = engine.start([*ids[:20], *engine.tokenizer.encode("上海")])
    assert other.usage.from_cache == 20
    engine.forget()
    assert np.allclose(engine.start(list(other.ids)).logits, other.logits, atol=1e-2)
    assert engine.start(list(other.ids)).usage.from_cache == len(other.ids) - 1  # the last is always read
    assert other.usage.prompt == len(other.ids)


@pytest.mark.parametrize("signed", [True, False], ids=["signed", "unsigned"])
def test_a_peek_tells_what_would_follow_and_leaves_no_trace(
    join: Callable[[Path], Path], cache: Path, monkeypatch: pytest.MonkeyPatch, signed: bool
) -> None:
    monkeypatch.setenv("RAGBOT_CACHE_DIR", str(cache))
    monkeypatch.setattr(files, "has_vnni", lambda: signed)
    engine = GemmaEngine(files.locate(None, join), threads=1)
    ids = prompt(engine)
    text, other = engine.start(ids[:5]), engine.start(ids[:5])
    generated = [token for token, _ in other.generate(6)]
    tokens = [list(range(3, 40)), [9], list(range(30, 0, -1))]
    seen = text.peek(ids[5:9], tokens)
    text.peek([8] * 20, [[1]])
    after = engine.start(ids[:6])
    for token, wanted, found in zip(ids[6:9], tokens, seen, strict=True):
        after.push([token])
        assert found == pytest.approx(after.logits[wanted], abs=0.05 * float(after.logits.std()))
    assert [token for token, _ in text.generate(6)] == generated
    with pytest.raises(GenerationError, match="model reads"):
        text.peek([5] * engine.context_tokens, [[1]])


def test_texts_that_share_a_beginning_do_not_mix(engine: GemmaEngine) -> None:
    ids = prompt(engine)
    first = engine.start(ids)
    said = list(first.generate(20))
    second = engine.start(ids)
    list(second.generate(40))
    third = engine.start(ids)
    assert third.usage.from_cache == len(ids) - 1
    assert [token for token, _ in third.generate(20)] == [token for token, _ in said]


@pytest.mark.parametrize("text", [TEXT, "and the and the and the and", "上海是上海市。上海是", "x"])
def test_lookup_changes_nothing_but_the_passes(engine: GemmaEngine, text: str) -> None:
    plain = engine.start(prompt(engine, text))
    without = list(plain.generate(60, stop=(), lookup=False))
    drafted = engine.start(prompt(engine, text))
    with_drafts = list(drafted.generate(60, stop=(), lookup=True))
    assert [token for token, _ in with_drafts] == [token for token, _ in without]
    # A pass over several tokens rounds otherwise than one over a single token, and eight bits make more of it.
    assert np.allclose([sure for _, sure in with_drafts], [sure for _, sure in without], atol=0.2)
    assert drafted.ids == plain.ids
    assert drafted.usage.new == plain.usage.new == 60
    assert 0 <= drafted.usage.accepted <= drafted.usage.drafted
    assert drafted.usage.passes <= plain.usage.passes


@pytest.mark.parametrize("wrong_at", [0, 1, 3])
def test_a_wrong_draft_is_not_given_out(engine: GemmaEngine, monkeypatch: pytest.MonkeyPatch, wrong_at: int) -> None:
    text = engine.start(prompt(engine))
    expected = [token for token, _ in text.generate(30, stop=(), lookup=False)]

    class Guess(PromptLookup):
        """Knows what comes next, but for one token of each draft."""

        def draft(self, most: int) -> list[int]:
            said = len(self._ids) - text.usage.prompt
            draft = expected[said : said + min(most, 5)]
            return [token + (i == wrong_at) for i, token in enumerate(draft)]

    monkeypatch.setattr(decoding, "PromptLookup", Guess)
    drafted = engine.start(prompt(engine))
    assert [token for token, _ in drafted.generate(30, stop=())] == expected
    assert drafted.ids == text.ids
    assert drafted.usage.passes < 30 or wrong_at == 0
    assert drafted.usage.accepted < drafted.usage.drafted


def test_drafts_are_accepted_where_the_text_repeats(engine: GemmaEngine) -> None:
    text = engine.start(prompt(engine, "and the and the and the and"))
    list(text.generate(150, stop=()))
    assert text.usage.accepted > 0
    assert text.usage.passes < 150


class Evenly:
    """Allows tokens of one residue only, which changes with each token."""

    def __init__(self) -> None:
        self.said: list[int] = []

    def allowed(self) -> list[int]:
        return list(range(5 + len(self.said) % 3, 200, 3))

    def push(self, token: int) -> None:
        assert token in self.allowed()
        self.said.append(token)


@pytest.mark.parametrize("lookup", [True, False])
def test_a_constraint_chooses_among_what_it_allows(
    engine: GemmaEngine, monkeypatch: pytest.MonkeyPatch, lookup: bool
) -> None:
    free = [token for token, _ in engine.start(prompt(engine)).generate(12, stop=())]
    plain = engine.start(prompt(engine)).generate(12, stop=(), constraint=Evenly(), lookup=False)
    expected = [token for token, _ in plain]
    rule = Evenly()
    # Drafts of which the first two tokens are allowed, and likely, and the third is not.
    monkeypatch.setattr(PromptLookup, "draft", lambda _, most: [*expected[len(rule.said) :][:2], free[0]][:most])
    text = engine.start(prompt(engine))
    said = list(text.generate(12, stop=(), constraint=rule, lookup=lookup))
    assert [token for token, _ in said] == rule.said == expected != free
    assert all((token - 5) % 3 == at % 3 for at, token in enumerate(expected))
    assert (text.usage.accepted > 0) == lookup
    other = engine.start(prompt(engine))
    for token, sure in said:
        # The model's own probability, not that among the allowed ones.
        assert sure == pytest.approx(log_probability(other.logits, token), abs=0.2)
        other.push([token])


def test_a_stop_token_ends_the_text_with_and_without_drafts(engine: GemmaEngine) -> None:
    free = [token for token, _ in engine.start(prompt(engine)).generate(40, stop=())]
    stop = free[25]
    for lookup in (True, False):
        text = engine.start(prompt(engine))
        assert [token for token, _ in text.generate(40, stop={stop}, lookup=lookup)] == free[: free.index(stop)]
        assert text.finish == "stop"
        assert text.end is not None
        assert text.end[0] == stop
        assert text.end[1] == pytest.approx(log_probability(text.logits, stop), abs=1e-3)


def test_a_text_that_is_left_can_be_gone_on_with(engine: GemmaEngine) -> None:
    whole = [token for token, _ in engine.start(prompt(engine)).generate(30, stop=())]
    text = engine.start(prompt(engine))
    tokens = text.generate(30, stop=())
    begun = [next(tokens)[0] for _ in range(7)]
    tokens.close()
    assert text.ids == (*prompt(engine), *whole[:7])
    rest = [token for token, _ in text.generate(23, stop=())]
    assert begun + rest == whole
    assert text.usage.new == 30


def test_buffers_grow(engine: GemmaEngine) -> None:
    long = engine.start(prompt(engine))
    capacity = long._buffers.capacity
    tokens = [token for token, _ in long.generate(engine.context_tokens, stop=())]
    assert len(long.ids) == engine.context_tokens > capacity
    assert long.finish == "length"
    assert len(tokens) == engine.context_tokens - len(prompt(engine))
    last = long.logits
    engine.forget()
    assert cosine(engine.start(long.ids).logits, last) > 0.999  # nothing was lost on the way
    with pytest.raises(GenerationError, match=r"1,025 tokens.*reads 1,024.*less context"):
        long.push([5])


def test_limits_and_cancelling(engine: GemmaEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(GenerationError, match="prompt is empty"):
        engine.start([])
    with pytest.raises(GenerationError, match="1,100 tokens"):
        engine.start([2] * 1100)
    assert list(engine.start(prompt(engine)).generate(0)) == []
    monkeypatch.setattr(decoding, "CHUNK", 8)
    asked: list[int] = []
    with pytest.raises(GenerationError, match="cancelled after 16 of"):
        engine.start([2, *range(300, 360)], lambda: asked.append(0) or len(asked) > 2)  # type: ignore[func-returns-value]
    text = engine.start(prompt(engine))
    said = []
    for token, _ in text.generate(50, stop=(), cancelled=lambda: len(said) >= 3):
        said.append(token)
    assert text.finish == "cancelled"
    assert 3 <= len(said) <= 3 + decoding.LOOKUP_TOKENS


def test_several_threads_share_an_engine(engine: GemmaEngine) -> None:
    texts = [TEXT, "上海市。上海是上海", "the thin sand in the sand", "<b>and</b> a the a the"]

    def said(text: str) -> list[int]:
        return [token for token, _ in engine.start(prompt(engine, text)).generate(25, stop=())]

    alone = [said(text) for text in texts]
    engine.forget()
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(said, texts)) == alone


def test_an_adapter_is_merged_and_shares_the_rest(
    weights: GgufWeights, adapter: Path, folders: files.GemmaFiles, join: Callable[[Path], Path], engine: GemmaEngine
) -> None:
    adapted = files.locate(adapter, join)
    assert adapted.base == folders.base
    assert adapted.layers != folders.layers
    other = GemmaEngine(adapted, threads=1)
    ids = prompt(engine)
    merged = AdaptedWeights(weights, LoraAdapter(adapter))
    expected = exact(merged, weights, ids)[-1]
    assert cosine(other.start(ids).logits, expected) > 0.99 > cosine(engine.start(ids).logits, expected)

    def never(path: Path) -> Path:
        raise AssertionError("built a second time")

    assert files.locate(adapter, never) == adapted


def test_sampling_draws_by_probability_and_repeats_with_a_seed(engine: GemmaEngine) -> None:
    def drawn(**options: Any) -> list[int]:
        return [token for token, _ in engine.start(prompt(engine)).generate(15, stop=(), **options)]

    assert drawn(temperature=4.0, seed=1) == drawn(temperature=4.0, seed=1)
    assert drawn(temperature=4.0, seed=1) != drawn(temperature=4.0, seed=2)
    assert drawn(temperature=4.0, top_p=1e-6, seed=1) == drawn(temperature=0.0)
