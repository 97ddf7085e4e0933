"""Stop sequences in streamed text, and loops."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ragbot.models.llms.stopping import SHORTEST_LOOP, StopText, in_loop


def run(pieces: list[str], stops: list[str]) -> str:
    text = StopText(stops)
    shown = "".join(text.push(piece) for piece in pieces)
    return shown + text.flush()


@given(st.lists(st.text("ab\n", max_size=4)), st.lists(st.text("ab\n", max_size=3), max_size=3))
def test_pieces_are_cut_where_the_whole_would_be(pieces: list[str], stops: list[str]) -> None:
    whole = "".join(pieces)
    found = [whole.index(stop) for stop in stops if stop and stop in whole]
    cut = run(pieces, stops)
    # A stop sequence that is complete earlier may start later than a longer one that is still open.
    ends = [whole.index(stop) + len(stop) for stop in stops if stop and stop in whole]
    assert cut == whole if not found else whole.startswith(cut) and min(found) <= len(cut) < min(ends)


def test_a_stop_sequence_over_several_pieces_is_never_shown() -> None:
    text = StopText(["\nAnswer:"])
    assert [text.push(piece) for piece in ("one\n", "Ans", "wer", ": two", "three")] == ["one", "", "", "", ""]
    assert text.hit


def test_what_only_looks_like_one_is_shown_late() -> None:
    text = StopText(["\nAnswer:"])
    assert [text.push("one\nAns"), text.push("ible")] == ["one", "\nAnsible"]
    assert text.push("\nAn") + text.flush() == "\nAn"
    assert not text.hit


def test_loops() -> None:
    assert in_loop([5] * SHORTEST_LOOP)
    assert in_loop([*range(100), *([1, 2, 3] * 11)])
    assert in_loop(list(range(20)) * 3)
    assert not in_loop([5] * (SHORTEST_LOOP - 1))
    assert not in_loop(list(range(20)) * 2)
    assert not in_loop([*([1, 2, 3] * 11), 9])
    assert not in_loop(list(range(500)))
