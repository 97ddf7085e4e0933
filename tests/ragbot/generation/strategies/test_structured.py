"""An object of JSON, with whatever models put around it or leave out."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragbot.generation.strategies import STRATEGIES
from ragbot.generation.strategies.base import Request
from ragbot.generation.strategies.structured import Reply, from_json, parse
from tests.ragbot.generation.strategies.scripted import REFUSAL, Read, Scripted

STRUCTURED = STRATEGIES["structured"]


@pytest.mark.parametrize(
    ("reply", "shown"),
    [
        ('{"answer": "It is so.", "citations": [2, 1], "answerable": true}', "It is so. [2] [1]"),
        ('{"answer": "秩取八。", "citations": [1]}', "秩取八。 [1]"),
        ('{"answer": "\\u79e9取八 [1]。", "citations": [1]}', "秩取八 [1]。"),
        ('{"answer": "So [1, 2]. And 【3】.", "citations": [3, 4, 4]}', "So [1, 2]. And 【3】. [4]"),
        ('{"answer": "So.", "citations": ["2", "[3]", " 【4】", 5.0]}', "So. [2] [3] [4] [5]"),
        ('{"answer": "So.", "citations": 2}', "So. [2]"),
        ('{"answer": "So.", "citations": [true, null, 0, -1, 1.5, 1e300, 4000, "x", [1], {}]}', "So."),
        ('{"answer": "So.", "citations": null}', "So."),
        ('{"answer": 42}', "42"),
        ('```json\n{"answer": "So."}\n```', "So."),
        ('Here {you} are: {"answer": "So."} Is that {"answer": "fine"}?', "So."),
        ('{"answer": "Two\nlines"}', "Two\nlines"),
        ('{"answer": "a lone \\ud800 half"}', "a lone ? half"),
        ('{"result": {"answer": "So."}}', "So."),
        # Refusals.
        ('{"answer": "", "citations": [], "answerable": false}', REFUSAL),
        ('{"answer": "Perhaps so.", "answerable": false}', REFUSAL),
        ('{"answer": "Perhaps so.", "answerable": "False"}', REFUSAL),
        ('{"answerable": false}', REFUSAL),
        ('{"answer": null}', REFUSAL),
        ('{"answer": " ", "citations": [1]}', ""),
        # Broken off: the answer where it is whole.
        ('{"answer": "It is so.", "citations": [1', "It is so."),
        ('{"answer": "It is so."', "It is so."),
        ('{"answer": "It is so.", "answerable": True}', "It is so."),
        # No such object: the text is the answer.
        ("It is so [1].", "It is so [1]."),
        ("秩取八 [1]。", "秩取八 [1]。"),
        ('{"answer": "It is', '{"answer": "It is'),
        ('{"answer": "He said "yes" to it"}', '{"answer": "He said "yes" to it"}'),
        ('{"reply": "So."}', '{"reply": "So."}'),
        ('{"answer": ["So."]}', '{"answer": ["So."]}'),
        ('{"answer": true}', '{"answer": true}'),
        ("[1]", "[1]"),
        ("null", "null"),
        ("{}", "{}"),
        ("", ""),
    ],
)
def test_what_is_shown(read: Read, reply: str, shown: str) -> None:
    whole, pieces, say = read(STRUCTURED, reply)
    assert whole == shown
    assert [piece for piece in pieces if piece] == [shown] * bool(shown)  # never in part
    assert say.temperatures == [None] and say.closed == 1


@pytest.mark.parametrize(
    "hostile",
    [
        '{"answer": ' * 20_000,
        "[" * 100_000,
        '{"answer": ' + "[" * 100_000,
        '{"answer": ' + "9" * 10_000 + "}",
        "{" * 5_000,
    ],
    ids=["objects", "arrays", "array in an answer", "digits", "braces"],
)
def test_nothing_takes_it_down(hostile: str) -> None:
    assert parse(hostile) is None


@given(
    st.text(max_size=60), st.lists(st.integers(1, 999), max_size=4), st.booleans(), st.text('{}[]`" \n文a', max_size=9)
)
def test_what_was_written_is_read(answer: str, citations: list[int], answerable: bool, after: str) -> None:
    value = {"answer": answer, "citations": citations, "answerable": answerable}
    expected = Reply(answer, tuple(citations), True) if answerable else Reply("", (), False)
    for dumped in (json.dumps(value), json.dumps(value, ensure_ascii=False, indent=1)):
        assert parse(f"Here: {dumped}{after}") == expected


def test_closing_stops_the_model() -> None:
    say = Scripted(['{"answer": "So."}'], 2)
    pieces = from_json(Request(say, REFUSAL, 1))
    assert next(pieces) == ""
    pieces.close()  # type: ignore[attr-defined]  # a generator
    assert say.closed == 1
