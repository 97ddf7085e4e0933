"""From responses to metrics: what applies, what it is worth, and where a metric must be absent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eval.datasets.base import Question, QuestionSet, Span, ToolCall
from eval.metrics.table import METRICS
from eval.responses import Hit, Quote, Response
from eval.scoring import Scorer
from ragbot.models.testing import HashEmbedder
from tests.eval.conftest import EN, right, wrong


@pytest.fixture
def scorer(texts: dict[str, str]) -> Scorer:
    return Scorer(texts, HashEmbedder())


def by_id(questions: QuestionSet, name: str) -> Question:
    return next(question for question in questions.questions if question.id == name)


def test_every_metric_is_in_the_table(scorer: Scorer, questions: QuestionSet) -> None:
    for system in (right, wrong):
        for question in questions.questions:
            assert set(scorer.score(question, system(question))) <= set(METRICS)


@pytest.mark.parametrize("name", ["en-1", "zh-1"])
def test_all_right(scorer: Scorer, questions: QuestionSet, name: str) -> None:
    question = by_id(questions, name)
    scores = scorer.score(question, right(question))
    for metric in ("mrr@10", "hit@1", "recall@1", "ndcg@10", "map@10", "answer_recall@500", "document_hit@10", "contains",
                   "answered", "citation_precision", "citation_recall", "byte_exact", "language_match",
                   "answer_in_context"):  # fmt: skip
        assert scores[metric] == 1, metric
    assert scores["unsupported"] == scores["dangling"] == 0
    assert 0 < scores["f1"] <= 1 and 0 < scores["similarity"] <= 1 and "refused" not in scores
    assert (scores["seconds"], scores["search_seconds"], scores["first_token_seconds"]) == (0.3, 0.1, 0.2)
    assert scores["output_tokens"] == 7


@pytest.mark.parametrize("name", ["en-1", "zh-1"])
def test_all_wrong(scorer: Scorer, questions: QuestionSet, name: str) -> None:
    question = by_id(questions, name)
    scores = scorer.score(question, wrong(question))
    for metric in ("mrr@10", "hit@10", "answer_recall@2000", "document_hit@10", "f1", "contains", "exact_match",
                   "citation_precision", "citation_recall", "byte_exact", "answer_in_context"):  # fmt: skip
        assert scores[metric] == 0, metric
    assert scores["dangling"] == 1 and scores["unsupported"] == 0.5


def test_a_short_answer_is_what_is_compared_and_its_sentence_what_must_contain_it(
    scorer: Scorer, questions: QuestionSet
) -> None:
    question = by_id(questions, "en-1")
    said = right(question)
    gold = question.answers[0]
    long, short = scorer.score(question, said), scorer.score(question, replace(said, short=gold))
    assert long["exact_match"] == 0 and short["exact_match"] == short["f1"] == short["rouge_l"] == 1
    assert long["contains"] == short["contains"] == 1
    assert scorer.score(question, replace(said, short="nonsense"))["contains"] == 1
    elsewhere = scorer.score(question, replace(said, text="Something else [1].", short=gold))
    assert elsewhere["f1"] == 1 and elsewhere["contains"] == 0
    assert scorer.score(question, replace(said, short=gold, abstained=True))["f1"] == 0


def test_a_refusal(scorer: Scorer, questions: QuestionSet) -> None:
    silent = right(by_id(questions, "no-1"))
    scores = scorer.score(by_id(questions, "no-1"), silent)
    assert scores["refused"] == 1 and "answered" not in scores and "f1" not in scores and "mrr@10" not in scores
    assert scorer.score(by_id(questions, "no-2"), wrong(by_id(questions, "no-2")))["refused"] == 0
    # To refuse what the documents answer has found nothing and cited nothing.
    scores = scorer.score(by_id(questions, "en-1"), silent)
    assert scores["answered"] == scores["f1"] == scores["similarity"] == scores["citation_recall"] == 0
    assert "citation_precision" not in scores and "unsupported" not in scores


def test_two_places(scorer: Scorer, questions: QuestionSet) -> None:
    question = by_id(questions, "en-2")
    first, second = (item[0] for item in question.gold)
    hits = tuple(Hit("en.md", EN[span.start : span.end], span.start, span.end) for span in (first, second))
    junk = Hit("en.md", EN[:5], 0, 5)
    scores = scorer.score(question, Response(hits=(hits[0], junk, hits[1])))
    assert scores["recall@1"] == scores["recall@1"] == 0.5 and scores["recall@3"] == 1
    assert scores["precision@3"] == pytest.approx(2 / 3) and scores["map@10"] == pytest.approx((1 + 2 / 3) / 2)
    assert "f1" not in scores  # a search has no answer
    half = scorer.score(question, Response(hits=(hits[0],)))
    assert half["answer_recall@500"] == 0.5


def test_a_half_covered_span_is_not_found(scorer: Scorer, questions: QuestionSet) -> None:
    question = by_id(questions, "en-1")
    gold = question.gold[0][0]
    short = Hit("en.md", EN[gold.start : gold.end - 1], gold.start, gold.end - 1)
    assert scorer.score(question, Response(hits=(short,)))["hit@10"] == 0


def test_hits_without_offsets_are_judged_by_their_text(scorer: Scorer, questions: QuestionSet) -> None:
    question = by_id(questions, "en-1")
    scores = scorer.score(question, Response(hits=(Hit("en.md", "finished in\n1889."),)))
    assert scores["hit@1"] == 1 and "answer_recall@500" not in scores
    assert scorer.score(question, Response(hits=(Hit("zh.md", "finished in 1889."),)))["hit@1"] == 0
    assert scorer.score(question, Response(hits=(Hit("en.md", "finished in 188"),)))["hit@1"] == 0


def test_judged_documents_with_grades(scorer: Scorer) -> None:
    question = Question("q", "?", relevant={"a": 2, "b": 1})
    hits = (Hit("b", "x"), Hit("b", "y"), Hit("a", "z"))
    scores = scorer.score(question, Response(hits=hits))
    # Chunks of one document count once: the ranking is b, a.
    assert scores["precision@3"] == pytest.approx(2 / 3) and scores["recall@3"] == 1 and scores["mrr@10"] == 1
    ideal = 2 + 1 / 1.584962500721156
    assert scores["ndcg@10"] == pytest.approx((1 + 2 / 1.584962500721156) / ideal)


def test_the_gold_sentence_is_what_a_citation_must_hold(scorer: Scorer, questions: QuestionSet) -> None:
    question = by_id(questions, "en-1")
    start = EN.index("The tower")
    end = EN.index(" It stands")
    answer = Response("1889 [1].", False, quotes=(Quote(1, "en.md", start, end, EN[start:end]),))
    assert scorer.score(question, answer)["citation_precision"] == 1
    other = EN.index("It stands")
    answer = Response("1889 [1].", False, quotes=(Quote(1, "en.md", other, len(EN) - 1, EN[other:-1]),))
    assert (
        scorer.score(question, answer)["citation_precision"] == scorer.score(question, answer)["citation_recall"] == 0
    )


def test_language(scorer: Scorer, questions: QuestionSet) -> None:
    question = by_id(questions, "zh-1")
    assert scorer.score(question, Response("It ends at Jiayuguan in the west [1].", False))["language_match"] == 0
    assert scorer.score(question, Response("它西至嘉峪关。", False))["language_match"] == 1


def test_agents(scorer: Scorer) -> None:
    question = Question("a", "1 + 1?", ("2",), calls=(ToolCall("calculator", {"expression": "1+1"}),), language="en")
    made = (ToolCall("calculator", {"expression": "1+1"}), ToolCall("calculator", {"expression": "1+1"}))
    scores = scorer.score(question, Response("It is 2.", False, calls=made[:1]))
    assert scores["right_tools"] == scores["right_arguments"] == scores["tool_call_f1"] == scores["right_answer"] == 1
    scores = scorer.score(question, Response("It is 3.", False, calls=made))
    assert scores["right_answer"] == 0 and scores["loops"] == 1 and scores["steps"] == 2


def test_a_failure_scores_nothing(scorer: Scorer, questions: QuestionSet) -> None:
    for question in questions.questions:
        scores = scorer.score(question, None)
        assert scores and set(scores.values()) == {0.0}
        assert set(scores) >= ({"answered", "f1", "mrr@10"} if question.answerable else {"refused"})
        # Nor does it score well where less is better.
        assert not any(not METRICS[name].higher_is_better for name in scores), scores


@pytest.mark.parametrize("text", ["[1]", "。。。", "\U0001f600", "", "   "])
def test_an_answer_without_a_word(scorer: Scorer, questions: QuestionSet, text: str) -> None:
    scores = scorer.score(by_id(questions, "en-1"), Response(text, False, quotes=()))
    assert scores["f1"] == scores["contains"] == scores["citation_recall"] == 0
    assert all(value == value for value in scores.values())  # none is NaN, which could not be stored


def test_a_search_that_fails_has_not_answered_wrongly(texts: dict[str, str], questions: QuestionSet) -> None:
    scores = Scorer(texts, answers=False).score(by_id(questions, "en-1"), None)
    assert scores["mrr@10"] == 0 and not scores.keys() & {"f1", "answered", "contains", "citation_recall"}
    assert Scorer(texts, answers=False).score(by_id(questions, "no-1"), None) == {}


def test_an_unknown_source_is_no_crash(scorer: Scorer) -> None:
    question = Question("q", "?", ("x",), gold=((Span("gone.md", 5, 9),),), language="en")
    scores = scorer.score(question, replace(right(question), quotes=(Quote(1, "gone.md", 5, 9, "what"),)))
    assert scores["byte_exact"] == 0
