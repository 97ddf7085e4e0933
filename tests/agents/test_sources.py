"""Answers are tied to what was found: passages word for word, results by their number."""

from __future__ import annotations

from agents.sources import final_answer, next_number, renumbered
from agents.steps import Observation, Step, step_of
from ragbot.documents import Citation
from tests.agents.doubles import agent, call, read_tool, say

ZH, EN = "秩通常取 8 或 16。", "Its lighthouse is painted green."


def citation(marker: int, quote: str, document: int = 1, start: int = 10) -> Citation:
    return Citation(marker, f"/docs/{document}.md", "Doc", 3, "Top > Sub", start, start + len(quote), quote, document)


def passages(*quotes: str, first: int = 1, call_id: str = "call1") -> Observation:
    found = tuple(citation(first + n, quote, first + n) for n, quote in enumerate(quotes))
    text = "\n".join(f"[{item.marker}] {item.quote}" for item in found)
    return Observation(action=call_id, tool="kb", text=text, source=first, citations=found)


def result(text: str, number: int, tool: str = "calculator") -> Observation:
    return Observation(action=f"call{number}", tool=tool, text=text, source=number, trusted=True)


def test_markers_count_through_the_run() -> None:
    text, found = renumbered("[1] a\n[2] b\n[9] c", [citation(1, "a"), citation(2, "b")], 4)
    assert text == "[4] a\n[5] b\n[9] c"
    assert [item.marker for item in found] == [4, 5]
    assert next_number([passages("a", "b"), result("3", 3)]) == 4
    assert next_number([]) == 1


def test_an_answer_from_passages_is_cited_and_checked() -> None:
    steps: list[Step] = [passages(EN, ZH)]
    found = final_answer("秩通常取 8 或 16。[2]", "LoRA 的秩取多少？", steps)
    assert found.text == "秩通常取 8 或 16 [1]。" or found.text == "秩通常取 8 或 16。 [1]" or "[1]" in found.text
    (source,) = found.sources
    assert source.citation and source.citation.quote == ZH
    assert (source.citation.document_id, source.citation.start, source.citation.page) == (2, 10, 3)
    assert source.citation.heading == "Top > Sub"
    assert [claim.status for claim in found.claims] == ["supported"]


def test_a_wrong_marker_is_put_right_and_a_missing_one_added() -> None:
    for text in ("The lighthouse is painted green. [2]", "The lighthouse is painted green."):
        found = final_answer(text, "What colour is the lighthouse?", [passages(EN, ZH)])
        assert [source.citation.quote for source in found.sources if source.citation] == [EN]


def test_what_no_passage_says_is_told() -> None:
    found = final_answer("秩通常取 32 或 64。", "LoRA 的秩取多少？", [passages(EN, ZH)])
    assert [claim.status for claim in found.claims] == ["unsupported"]
    assert {finding.claimed for finding in found.claims[0].findings} == {"32", "64"}


def test_results_take_part_beside_passages() -> None:
    steps: list[Step] = [passages(EN), result("17 * 3 = 51", 2)]
    found = final_answer("The lighthouse is painted green [1]. 17 * 3 = 51 [2].", "What colour, and 17 * 3?", steps)
    assert [(source.tool, source.citation is None) for source in found.sources] == [("kb", False), ("calculator", True)]
    assert found.sources[1].quote == "17 * 3 = 51"


def test_results_alone_keep_the_markers_of_the_model() -> None:
    steps: list[Step] = [result("6 * 7 = 42", 1), result("21 °C", 2, "weather")]
    found = final_answer("It is 21 degrees [2] and 42 [1, 7].", "What is it?", steps)
    assert found.text == "It is 21 degrees [1] and 42 [2]."
    assert [(source.marker, source.tool) for source in found.sources] == [(1, "weather"), (2, "calculator")]


def test_a_result_that_is_repeated_gets_its_marker() -> None:
    steps: list[Step] = [result("6 * 7 = 42", 1), result("21 °C", 2, "weather")]
    found = final_answer("答案是 42。", "六乘七是多少？", steps)
    assert (found.text, [source.tool for source in found.sources]) == ("答案是 42。 [1]", ["calculator"])
    assert final_answer("I do not know.", "?", steps).sources == ()
    assert final_answer("See [3].", "?", []).text == "See [3]."


def test_a_run_with_passages() -> None:
    found = (citation(1, EN),)
    run = agent(
        [call("read"), call("read", name="b"), say("It is painted green [2].")], [read_tool(f"[1] {EN}", found)]
    )
    made = run.run("What colour is the lighthouse?")
    seen = [step for step in made.steps if isinstance(step, Observation)]
    assert [step.text for step in seen] == [f"[1] {EN}", f"[2] {EN}"]
    assert [item.marker for step in seen for item in step.citations] == [1, 2]
    assert [item.quote for item in made.citations] == [EN]


def test_steps_come_back_from_json() -> None:
    steps: list[Step] = [passages(EN, ZH), result("3", 3)]
    steps.append(final_answer("The lighthouse is painted red. [1]", "What colour is it?", steps))
    assert [step_of(step.as_json()) for step in steps] == steps
