"""The benchmark of rewriting: its cases, our follow-ups, and a table end to end on an embedder without weights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eval.benchmarks import rewriting
from eval.benchmarks.rewriting_cases import DATA, alone, behind_another_topic, follow_ups, two_at_once
from eval.benchmarks.rewriting_systems import RULES, SPLITTING, as_it_is, by_hand, measure
from eval.datasets.base import Question, Span
from eval.datasets.locate import Locator
from ragbot.bot import RagBot
from ragbot.documents import Message
from ragbot.errors import EvaluationError
from ragbot.generation.followup import standalone
from ragbot.generation.rewriting.checks import lost

RECORDS = [json.loads(line) for line in (DATA / "eval" / "followups.jsonl").read_text(encoding="utf-8").splitlines()]


def conversation(record: dict[str, list[str]]) -> list[Message]:
    return [Message("assistant" if n % 2 else "user", text) for n, text in enumerate(record["history"])]


def questions(bot: RagBot) -> list[Question]:
    """One about the lighthouse, one about the river."""
    sources = {Path(document.source).name: document for document in bot.documents()}
    out = []
    for name, text, answer in (
        ("plain.txt", "What colour is the lighthouse of Aalto?", "green"),
        ("misc.txt", "长江流经哪些城市？", "重庆"),
    ):
        start = bot.document_text(sources[name].id).index(answer)
        span = Span(sources[name].source, start, start + len(answer))
        out.append(Question(name, text, (answer,), gold=((span,),), document=sources[name].source))
    return out


@pytest.mark.parametrize("language", ["en", "zh"])
def test_our_follow_ups(language: str) -> None:
    records = [record for record in RECORDS if record["language"] == language]
    assert len(records) == 30 and len({record["id"] for record in records}) == 30
    for record in records:
        text = (DATA / "corpus" / record["source"]).read_text(encoding="utf-8")
        assert Locator(text).find(record["evidence"]), record["id"]
        assert len(record["history"]) % 2 == 0 and record["history"]
        # What a person would write must pass for sound, but for a number that stands in no earlier turn.
        reason = lost(record["standalone"], record["question"], conversation(record))
        assert reason in {"", "it brings in 50"}, record["id"]


def test_the_rules_on_our_follow_ups() -> None:
    follow = [record for record in RECORDS if record["standalone"] != record["question"]]
    told = [record for record in follow if standalone(record["question"], conversation(record)) != record["question"]]
    assert len(follow) == 54 and len(told) >= 44
    for record in RECORDS:
        if record["standalone"] == record["question"]:
            assert standalone(record["question"], conversation(record)) == record["question"]


def test_cases(bot: RagBot) -> None:
    asked = questions(bot)
    plain, changed, both = alone(asked), behind_another_topic(asked), two_at_once(asked)
    assert [case.text for case in plain] == [case.text for case in changed] == [question.text for question in asked]
    assert changed[0].history[0].content == asked[1].text
    assert both[0].text == "What colour is the lighthouse of Aalto? 长江流经哪些城市？"
    assert both[1].text == "长江流经哪些城市？What colour is the lighthouse of Aalto?"
    assert [len(case.gold) for case in both] == [2, 2] and both[0].gold == [*plain[0].gold, *plain[1].gold]
    assert behind_another_topic(asked[:1])[0].history == () and two_at_once(asked[:1]) == []


def test_measures(bot: RagBot) -> None:
    cases = alone(questions(bot))
    assert measure(bot, as_it_is, cases)["answer recall@1000"] == [1.0, 1.0]
    assert measure(bot, RULES, cases) == measure(bot, as_it_is, cases) == measure(bot, SPLITTING, cases)
    wrong = [case.__class__(case.text, case.gold, case.group, (), "vLLM") for case in cases]
    assert sum(measure(bot, by_hand, wrong)["MRR@10"]) < 2


def test_a_table(bot: RagBot, capsys: pytest.CaptureFixture[str]) -> None:
    rewriting.table(bot, "set", two_at_once(questions(bot)), {"as it is": as_it_is, "decompose": SPLITTING}, True)
    out = capsys.readouterr().out
    assert "set (n=2)" in out and "p=" in out
    assert [line.split(" | ")[0] for line in out.splitlines()[5:]] == ["| as it is", "| decompose", "| feedback"]
    assert bot.retriever.options.feedback == 0
    rewriting.table(bot, "nothing", [], {"as it is": as_it_is})
    assert not capsys.readouterr().out


def test_evidence_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eval.benchmarks.rewriting_cases.read_documents", lambda _: _documents())
    path = tmp_path / "f.jsonl"
    record = {**RECORDS[0], "source": "a.md", "evidence": "nowhere"}
    path.write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(EvaluationError, match=r"en-f-001.*a\.md"):
        follow_ups("en", path)
    assert follow_ups("zh", path) == []


def _documents() -> dict[str, object]:
    from ragbot.documents import ParsedDocument

    return {"a.md": ParsedDocument("text")}
