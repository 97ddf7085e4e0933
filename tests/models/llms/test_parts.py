"""The parts that chat models in this process are made of: options, slots, drafts, prefixes, text from tokens."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ragbot.errors import GenerationError, ModelNotFoundError, SettingsError
from ragbot.models.llms.calls import Call, CallCancelledError, room
from ragbot.models.llms.detokenizing import Detokenizer
from ragbot.models.llms.lookup import PromptLookup
from ragbot.models.llms.slots import Slots
from ragbot.models.registry import load_chat_model, split_options

DEFAULTS = {"max_new_tokens": 9, "temperature": 0.0, "timeout": 5.0, "first_token_timeout": None}


def test_options_of_a_call_go_before_those_of_the_model() -> None:
    call = Call.of({"max_tokens": 3, "timeout": None, "temperature": None, "other": 1}, ["", "x"], DEFAULTS)
    assert (call.max_new_tokens, call.timeout, call.temperature, call.stop) == (3, None, 0.0, ("x",))
    assert Call.of({}, None, DEFAULTS).timeout == 5.0
    assert Call.of({"top_logprobs": 2}, None, DEFAULTS).logprobs


@pytest.mark.parametrize(
    "options",
    [{"max_tokens": 0}, {"temperature": -1}, {"temperature": float("nan")}, {"timeout": 0}, {"top_logprobs": 99}],
)
def test_values_that_an_option_does_not_take(options: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="give"):
        Call.of(options, None, DEFAULTS)


def test_room_is_what_the_prompt_leaves() -> None:
    assert room(90, 100, 50, "m") == 10
    assert room(10, 100, 50, "m") == 50
    with pytest.raises(GenerationError, match=r"100 tokens.* m takes 100"):
        room(100, 100, 50, "m")


def test_who_waits_comes_in_turn() -> None:
    slots, order = Slots(1), []
    first = slots.taken(Call(1), "m")
    first.__enter__()
    threads = []
    for number in range(4):
        thread = threading.Thread(target=lambda n=number: _enter(slots, order, n))
        thread.start()
        threads.append(thread)
        while len(slots._line) <= number:
            threading.Event().wait(0.01)
    first.__exit__(None, None, None)
    for thread in threads:
        thread.join()
    assert order == [0, 1, 2, 3]
    assert slots.free == 1


def _enter(slots: Slots, order: list[int], number: int) -> None:
    with slots.taken(Call(1), "m"):
        order.append(number)


def test_who_leaves_the_line_does_not_block_it() -> None:
    slots, gone = Slots(1), Call(1)
    gone.cancelled.set()
    with slots.taken(Call(1), "m"), pytest.raises(CallCancelledError), slots.taken(gone, "m"):
        raise AssertionError("the slot was taken")
    late = Call(1, timeout=0.05)
    with slots.taken(Call(1), "m"), pytest.raises(GenerationError, match="all 1 slots"), slots.taken(late, "m"):
        raise AssertionError("the slot was taken")
    with pytest.raises(ZeroDivisionError), slots.taken(Call(1), "m"):
        raise ZeroDivisionError
    assert slots.free == 1


def test_never_more_than_there_are_slots() -> None:
    slots, lock, inside, most = Slots(3), threading.Lock(), [0], [0]

    def work(_: int) -> None:
        with slots.taken(Call(1), "m"):
            with lock:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
            threading.Event().wait(0.002)
            with lock:
                inside[0] -= 1

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(work, range(60)))
    assert most[0] == 3
    assert slots.free == 3


def test_drafts_continue_the_latest_occurrence() -> None:
    lookup = PromptLookup([1, 2, 3, 4, 5, 1, 2, 9, 8, 7, 1, 2], 8)
    assert lookup.draft(3) == [9, 8, 7]
    assert lookup.draft(0) == []
    assert PromptLookup([1, 2, 3, 9, 2], 8).draft(8) == []  # one token alone is no occurrence
    assert PromptLookup([1, 2, 1, 2], 0).draft(8) == []


def test_the_longer_occurrence_is_the_better_one() -> None:
    assert PromptLookup([5, 1, 2, 3, 7, 1, 2, 4, 5, 1, 2], 2).draft(2) == [3, 7]


def test_drafts_grow_with_success() -> None:
    lookup = PromptLookup([*range(50), 0, 1], 10)
    assert len(lookup.draft(99)) == 4
    lookup.judge(4, 4)
    assert len(lookup.draft(99)) == 8
    lookup.judge(8, 8)
    assert len(lookup.draft(99)) == 10
    for _ in range(9):
        lookup.judge(5, 0)
    assert len(lookup.draft(99)) == 1


@pytest.mark.parametrize("text", ["上海是中国最大的城市。", "naïve café 😀👩‍🔬 done", "a\ufffdb", ""])
def test_pieces_joined_are_the_text(text: str) -> None:
    """Tokens are single bytes here: no character is shown by half."""
    detokenizer = Detokenizer(lambda ids: bytes(ids).decode("utf-8", "replace"))
    pieces = [detokenizer.push(byte) for byte in text.encode()]
    assert "".join(pieces) + detokenizer.flush() == text
    assert all("\ufffd" not in piece for piece in pieces) or "\ufffd" in text


def test_an_unfinished_character_comes_at_the_end() -> None:
    detokenizer = Detokenizer(lambda ids: bytes(ids).decode("utf-8", "replace"))
    assert [detokenizer.push(byte) for byte in "上".encode()[:2]] == ["", ""]
    assert detokenizer.flush() == "\ufffd"
    assert detokenizer.flush() == ""


def test_options_behind_a_model() -> None:
    spec, options = split_options("transformers:Qwen/Qwen3-4B+adapter=./a+b+adapter=c/d+dtype=int8")
    assert spec == "transformers:Qwen/Qwen3-4B"
    assert options == {"adapters": ["./a+b", "c/d"], "dtype": "int8"}
    assert split_options("transformers:a+b") == ("transformers:a+b", {})
    with pytest.raises(ModelNotFoundError, match=r"\+adapter=VALUE"):
        split_options("m+adapter=")
    with pytest.raises(ModelNotFoundError, match=r"'openai' takes no \+adapter="):
        load_chat_model("openai:m+adapter=x")
