"""Packed questions: what is computed for them is what each alone gets, and what transformers itself computes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from ragbot.training.reader.attention import NAME, pack_masks, packed_attention, register  # noqa: E402
from ragbot.training.reader.contexts import Group, Packer  # noqa: E402
from ragbot.training.reader.decoding import decode_pack, sampled  # noqa: E402
from ragbot.training.reader.packing import Packed, pack_tokens  # noqa: E402
from ragbot.training.reader.packs import PackTokens  # noqa: E402
from ragbot.training.reader.states import read_pack  # noqa: E402

CONTEXT = list(range(2, 42))  # two and a half windows
PAIRS = [([50, 51, 52], [60, 61, 1]), ([53] * 9, [62, 1]), ([54, 55], [63, 64, 65, 66, 1])]


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def packed_model(make_network: Callable[..., Any]) -> Any:
    register()
    model = make_network()
    model.set_attn_implementation(NAME)
    return model


@pytest.fixture(scope="module")
def eager_model(make_network: Callable[..., Any]) -> Any:
    model = make_network()
    model.set_attn_implementation("eager")
    return model


def pack() -> Packed:
    packed, taken = pack_tokens(CONTEXT, PAIRS, 200)
    assert taken == 3
    return packed


@torch.no_grad()
def test_a_packed_question_is_read_as_if_it_were_alone(packed_model: Any, eager_model: Any) -> None:
    packed = pack()
    logits = packed_model.lm_head(read_pack(packed_model, packed).states)[0]
    begin = len(CONTEXT)
    assert packed.context == begin
    for number, (prompt, completion) in enumerate(PAIRS):
        alone = eager_model(torch.tensor([[*CONTEXT, *prompt, *completion]])).logits[0]
        size = len(prompt) + len(completion)
        assert packed.starts[number] == begin + len(prompt)
        torch.testing.assert_close(logits[begin : begin + size], alone[len(CONTEXT) :], rtol=1e-4, atol=1e-4)
        begin += size
    torch.testing.assert_close(logits[: len(CONTEXT)], alone[: len(CONTEXT)], rtol=1e-4, atol=1e-4)


def test_each_token_of_a_completion_is_predicted_by_the_one_before_it() -> None:
    packed = pack()
    wanted = [token for _, completion in PAIRS for token in completion]
    assert packed.wanted.tolist() == wanted
    assert packed.ids[0, packed.at + 1].tolist() == wanted
    # A long completion counts more than a short one, but not as often as it has tokens.
    sizes = [len(completion) for _, completion in PAIRS]
    sums = [float(part.sum()) for part in packed.weights.split(sizes)]
    assert sums == pytest.approx([size**0.5 for size in sizes])


def test_what_does_not_fit_is_left_out() -> None:
    packed, taken = pack_tokens(CONTEXT, PAIRS, len(CONTEXT) + 20)
    assert taken == 2 and packed.ids.shape[1] == len(CONTEXT) + 17 and len(packed.starts) == 2
    packed, taken = pack_tokens(list(range(100)), PAIRS, 100)
    assert packed.context == 75 and taken == 3
    assert pack_tokens(CONTEXT, [([1] * 500, [2])], 100)[1] == 0


@torch.no_grad()
def test_the_attention_is_that_of_transformers_with_the_whole_mask(eager_model: Any) -> None:
    from transformers.models.gemma3.modeling_gemma3 import eager_attention_forward

    packed = pack()
    length, module = packed.ids.shape[1], eager_model.model.layers[0].self_attn
    generator = torch.Generator().manual_seed(3)
    query, key, value = (torch.randn(1, heads, length, 16, generator=generator) for heads in (4, 2, 2))
    for window in (16, None):
        near = packed.visible
        if window:
            at = packed.positions[0]
            near = near & (at[:, None] - at[None, :] < window)
        whole = torch.zeros(length, length).masked_fill(~near, torch.finfo(torch.float32).min)[None, None]
        expected = eager_attention_forward(module, query, key, value, whole, scaling=0.25)[0]
        masks = pack_masks(packed.visible, packed.positions[0], packed.context, window)["sliding_attention"]
        for mask in (masks, near[None, None]):
            found = packed_attention(module, query, key, value, mask, scaling=0.25)[0]
            torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_a_plain_sequence_is_causal_under_this_attention_as_well(packed_model: Any, eager_model: Any) -> None:
    ids = torch.tensor([CONTEXT, CONTEXT[::-1]])
    mask = torch.ones_like(ids)
    mask[1, -5:] = 0
    found = packed_model(input_ids=ids, attention_mask=mask).logits
    expected = eager_model(input_ids=ids, attention_mask=mask).logits
    torch.testing.assert_close(found[0], expected[0], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(found[1, :-5], expected[1, :-5], rtol=1e-4, atol=1e-4)
    one = ids[:1]
    torch.testing.assert_close(packed_model(one).logits, eager_model(one).logits, rtol=1e-4, atol=1e-4)


def test_answers_are_those_that_transformers_generates(packed_model: Any, eager_model: Any) -> None:
    prompts, taken = pack_tokens(CONTEXT, [(prompt, []) for prompt, _ in PAIRS], 200)
    digits = torch.arange(48, 58)
    answers, chances = decode_pack(packed_model, prompts, 1, digits, 24)
    assert taken == 3 and chances.shape == (3, 10)
    for (prompt, _), answer, chance in zip(PAIRS, answers, chances, strict=True):
        ids = torch.tensor([[*CONTEXT, *prompt]])
        out = eager_model.generate(ids, max_new_tokens=24, do_sample=False, eos_token_id=1, pad_token_id=0)
        new = out[0, ids.shape[1] :].tolist()
        assert answer == (new[: new.index(1)] if 1 in new else new)
        with torch.no_grad():
            first = eager_model(ids).logits[0, -1, digits].softmax(-1)
        torch.testing.assert_close(chance, first, rtol=1e-3, atol=1e-4)
    assert len({tuple(answer) for answer in answers}) > 1


def test_sampled_answers_differ_and_come_again_with_the_seed(packed_model: Any) -> None:
    prompts, _ = pack_tokens(CONTEXT, [(PAIRS[0][0], [])] * 6, 200)
    runs = [
        decode_pack(packed_model, prompts, 1, torch.arange(10), 8, sampled(5.0, torch.Generator().manual_seed(seed)))[0]
        for seed in (1, 1, 2)
    ]
    assert runs[0] == runs[1] != runs[2] and len({tuple(answer) for answer in runs[0]}) > 1


@torch.no_grad()
@pytest.mark.parametrize("kind", ["llama", "qwen"])
def test_models_of_other_families_read_packs_too(kind: str) -> None:
    from transformers import LlamaConfig, LlamaForCausalLM, Qwen3Config, Qwen3ForCausalLM

    sizes: dict[str, Any] = {
        "vocab_size": 80,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
    }
    register()
    torch.manual_seed(0)
    model: Any = (
        LlamaForCausalLM(LlamaConfig(**sizes))
        if kind == "llama"
        else Qwen3ForCausalLM(Qwen3Config(head_dim=8, **sizes))
    )
    model.eval()
    packed = pack()
    alone = model(torch.tensor([[*CONTEXT, *PAIRS[0][0], *PAIRS[0][1]]])).logits[0, len(CONTEXT) :]
    model.set_attn_implementation(NAME)
    logits = model.lm_head(read_pack(model, packed).states)[0, len(CONTEXT) :]
    torch.testing.assert_close(logits[: len(alone)], alone, rtol=1e-4, atol=1e-4)
    prompts, _ = pack_tokens(CONTEXT, [(prompt, []) for prompt, _ in PAIRS], 200)
    answers, _ = decode_pack(model, prompts, 1, torch.arange(10), 6)
    ids = torch.tensor([[*CONTEXT, *PAIRS[1][0]]])
    out = model.generate(ids, max_new_tokens=6, do_sample=False, eos_token_id=1, pad_token_id=0)
    assert answers[1] == out[0, ids.shape[1] :].tolist()[: len(answers[1])]


def test_text_becomes_tokens_and_no_text_becomes_control(
    make_tokenizer: Callable[[], Any], groups: list[Group]
) -> None:
    tokenizer = make_tokenizer()
    tokens = PackTokens(tokenizer, 600)
    assert [tokenizer.decode([digit]) for digit in tokens.digits] == list("0123456789")
    assert tokens.ids("<eos>港<bos>") and not set(tokens.ids("<eos>港<bos>")) & {0, 1, 2}
    for group in (groups[0], groups[-1]):
        drawn = Packer([group]).pack(0, "seed")
        packed = tokens(drawn)
        text = tokenizer.decode(packed.ids[0], clean_up_tokenization_spaces=False)
        assert text.startswith(f"<bos>{drawn.context}") and all(question in text for question in drawn.questions)
        assert packed.wanted.tolist().count(tokenizer.eos_token_id) == len(drawn.questions)
        prompts = tokens(drawn, prompts_only=True)
        assert not len(prompts.wanted) and len(prompts.starts) == len(drawn.questions)
