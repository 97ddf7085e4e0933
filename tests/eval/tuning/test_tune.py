"""Tuning: finds what is there, recommends nothing that is not, keeps to its time, and goes on where it stopped."""

from __future__ import annotations

import json
import random
import time
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from eval.run import Plan
from eval.tuning import tune as tuning
from eval.tuning.report import as_toml, markdown, write_settings
from eval.tuning.space import Knob, changed, current, knobs
from eval.tuning.trials import Trial, TrialLog, search
from eval.tuning.tune import THRESHOLD, TunePlan, tune
from eval.workbench import Workbench
from ragbot.documents import ParsedDocument
from ragbot.errors import EvaluationError, SystemFailedError, UserError
from ragbot.settings import Settings

SYLLABLES = "ba ce di fo gu ha je ki lo mu na pe ri so tu va we xi yo zu".split()


def write_squad(path: Path, documents: int, questions: int = 4, hard: bool = True) -> None:
    """Articles of invented words. A question names two words of its sentence, which only the lexical half can tell."""
    rng = random.Random(0)

    def word() -> str:
        return "".join(rng.choices(SYLLABLES, k=3))

    data = []
    for n in range(documents):
        paragraphs = []
        for _ in range(questions):
            words = [word() for _ in range(9)]
            context = f"The {' '.join(words[:4])} of the {' '.join(words[4:8])} is {words[8]}."
            asked = f"What is the {words[0]} {words[5]}?" if hard else f"{context[:-1]}?"
            answer = {"text": words[8], "answer_start": context.index(words[8])}
            paragraphs.append(
                {"context": context, "qas": [{"id": word() + word(), "question": asked, "answers": [answer]}]}
            )
        data.append({"title": f"Article {n}", "paragraphs": paragraphs})
    path.write_text(json.dumps({"data": data}), encoding="utf-8")


@pytest.fixture
def plan(tmp_path: Path) -> TunePlan:
    path = tmp_path / "invented.json"
    write_squad(path, 30)
    return TunePlan(questions=Plan(dataset=path), metric="mrr@10", trials=8, only=("retrieval",), seconds=600)


@pytest.fixture
def settings() -> Settings:
    return Settings(retrieval={"dense_weight": 1.0}, chunking={"chunk_tokens": 32})


Tune = Callable[..., tuning.Tuned]


@pytest.fixture
def run(plan: TunePlan, settings: Settings, workbench: Workbench, tmp_path: Path) -> Tune:
    def call(
        folder: str = "search", settings: Settings = settings, progress: Any = None, **values: Any
    ) -> tuning.Tuned:
        return tune(replace(plan, **values), settings, workbench, tmp_path / folder, progress)

    return call


def test_what_is_better_is_found_confirmed_and_written(run: Tune, tmp_path: Path) -> None:
    tuned = run()
    assert tuned.start["retrieval.dense_weight"] == 1.0 and tuned.trials[0].values["retrieval.dense_weight"] == 1.0
    assert tuned.recommended["retrieval.dense_weight"] < 1.0
    assert "retrieval.candidates" not in tuned.recommended  # it changes nothing here, and so it is left as it is
    found = tuned.confirmations[0]
    assert found.recommended and found.difference.difference > 0.05 and found.p_adjusted < 0.05
    assert found.p_adjusted == pytest.approx(min(1, 2 * found.difference.p))
    assert tuned.search_documents == 18 and tuned.confirm_documents == 12
    path = tmp_path / "ragbot.toml"
    write_settings(path, tuned.recommended)
    assert tomllib.loads(path.read_text())["retrieval"]["dense_weight"] == tuned.recommended["retrieval.dense_weight"]
    with pytest.raises(UserError, match="is there already"):
        write_settings(path, tuned.recommended)
    text = markdown(tuned)
    assert "**recommended**" in text and "dense_weight = " in text and "(in use)" in text


def test_nothing_better_is_an_answer(run: Tune, plan: TunePlan, settings: Settings) -> None:
    write_squad(plan.questions.dataset, 30, hard=False)  # every question is its own sentence: nothing can be gained
    tuned = run(settings=changed(settings, {"retrieval.dense_weight": 0.5}))
    assert tuned.best.mean == tuned.trials[0].mean == 1.0
    assert not any(key.startswith("retrieval.") for key in tuned.recommended)
    assert all(found.metric != "mrr@10" for found in tuned.confirmations)


def test_what_confirms_was_not_searched_on(run: Tune, monkeypatch: pytest.MonkeyPatch) -> None:
    tested: list[set[str]] = []
    real = tuning._test

    def spy(before: Any, after: Any, questions: Any) -> Any:
        tested.append({question.id for question in questions})
        return real(before, after, questions)

    monkeypatch.setattr(tuning, "_test", spy)
    tuned = run()
    assert tested and not tested[0] & set(tuned.trials[0].scores)


def test_a_gain_that_the_other_documents_do_not_show_is_not_recommended(
    run: Tune, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuning, "_test", lambda before, after, questions: tuning.paired(
        [0.5] * 40, [0.5 + (0.1 if n % 2 else -0.09) for n in range(40)], list(range(40))))  # fmt: skip
    tuned = run()
    assert not tuned.confirmations[0].recommended and "retrieval.dense_weight" not in tuned.recommended
    assert "not significant" in markdown(tuned)


def test_it_goes_on_where_it_stopped(run: Tune, tmp_path: Path) -> None:
    def stop(progress: tuning.TuneProgress) -> None:
        if progress.trials == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(progress=stop)
    log = tmp_path / "search" / tuning.TRIALS
    log.write_bytes(log.read_bytes()[:-20])  # a kill in the middle of a line
    seen: list[int] = []
    tuned = run(progress=lambda progress: seen.append(progress.trials))
    assert min(seen) == 3 and len(tuned.trials) >= 4
    assert len({json.dumps(trial.values) for trial in tuned.trials}) == len(tuned.trials)  # none was made twice
    with pytest.raises(EvaluationError, match="another metric"):
        run(metric="hit@1")
    assert (tmp_path / "search" / tuning.RESULT).exists()


def test_a_search_of_something_else_is_not_gone_on_with(run: Tune, plan: TunePlan, settings: Settings) -> None:
    run(trials=1)
    with pytest.raises(EvaluationError, match="another settings"):
        run(trials=1, settings=changed(settings, {"retrieval.top_k": 3}))
    write_squad(plan.questions.dataset, 31)
    with pytest.raises(EvaluationError, match="another dataset, corpus"):
        run(trials=1)


def test_an_outage_is_no_score(run: Tune, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import eval.tuning.trials as trials

    calls = 0
    real = trials.ragbot_system

    def broken(*_: Any) -> Any:
        def system(question: Any) -> Any:
            nonlocal calls
            calls += 1
            raise ConnectionError("refused")

        return system

    monkeypatch.setattr(trials, "_PAUSES", (0.0, 0.0))
    monkeypatch.setattr(trials, "ragbot_system", broken)
    with pytest.raises(SystemFailedError, match=r"refused.*--resume"):
        run()
    assert calls == 3 and not (tmp_path / "search" / tuning.TRIALS).exists()

    def moody(*words: Any) -> Any:
        good, failed = real(*words), set()

        def system(question: Any) -> Any:
            if question.id not in failed:
                failed.add(question.id)
                raise ConnectionError("once")
            return good(question)

        return system

    monkeypatch.setattr(trials, "ragbot_system", moody)
    assert run(trials=1).trials[0].mean > 0


def test_one_search_at_a_time(run: Tune) -> None:
    def again(_: Any) -> None:
        with pytest.raises(EvaluationError, match="in use"):
            run(trials=1)

    run(trials=1, progress=again)


def test_a_threshold_needs_both_kinds_of_questions(run: Tune, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning.thresholds, "with_silence", lambda questions, seed: questions)
    tuned = run(trials=1)
    assert tuned.thresholds == {} and not tuned.confirmations


def test_it_keeps_to_its_time(run: Tune, monkeypatch: pytest.MonkeyPatch) -> None:
    from eval.tuning.trials import Bench

    real = Bench.scores

    def slow(self: Bench, values: Any, questions: Any, deadline: float = float("inf")) -> Any:
        time.sleep(0.4)
        return real(self, values, questions, deadline)

    monkeypatch.setattr(Bench, "scores", slow)
    tuned = run(seconds=3.0, trials=1000, metric="precision@3")  # which is never perfect here
    assert tuned.out_of_time and 1 <= len(tuned.trials) < 12
    assert "then the time was up" in markdown(tuned)


def test_too_few_documents_to_confirm_anything(run: Tune, plan: TunePlan) -> None:
    write_squad(plan.questions.dataset, 8)
    with pytest.raises(EvaluationError, match="only 3 documents are left to confirm"):
        run()


def test_parts_must_not_overlap(run: Tune) -> None:
    with pytest.raises(EvaluationError, match="must not have been searched on"):
        run(search_on=("train", "dev"), confirm_on=("dev",))
    with pytest.raises(EvaluationError, match="no part extra"):
        run(confirm_on=("extra",))


@pytest.mark.parametrize("metric", ["seconds", "auroc", "refused", "nonsense"])
def test_what_cannot_be_tuned_for(run: Tune, metric: str) -> None:
    with pytest.raises(EvaluationError, match="cannot be tuned for"):
        run(metric=metric)


def test_the_threshold(run: Tune, settings: Settings) -> None:
    # Far too strict: with it every question is refused.
    strict = changed(settings, {THRESHOLD: 0.99999})
    tuned = run(settings=strict, trials=1)
    (found,) = [found for found in tuned.confirmations if THRESHOLD in found.change]
    assert found.metric == tuning.BALANCED
    assert found.difference.a == pytest.approx(0.5)  # every silent question refused, and every other one, too
    assert found.recommended and tuned.recommended[THRESHOLD] < 0.99999
    assert 0.99999 in tuned.thresholds and max(tuned.thresholds.values()) > 0.6


# -- the space -------------------------------------------------------------------------------------------------------


def keys(languages: str, settings: Settings, answers: bool, only: tuple[str, ...] = ()) -> set[str]:
    documents = {language: ParsedDocument("x", language=language) for language in languages.split()}
    return {knob.key for knob in knobs(documents, settings, answers, only)}


def test_only_what_matters_is_tuned() -> None:
    search = {"retrieval.dense_weight", "retrieval.candidates"}
    sizes = {"chunking.chunk_tokens", "chunking.chunk_tokens_zh"}
    cut = "chunking.chunker"
    assert keys("en zh", Settings(), False) == search | sizes | {cut}
    assert keys("en", Settings(), False) == search | {"chunking.chunk_tokens", cut}
    assert keys("zh", Settings(), False) == search | {"chunking.chunk_tokens_zh", cut}
    assert keys("zh", Settings(), True, ("retrieval",)) == search | {"retrieval.top_k"}
    model = Settings(llm="openai:x")
    assert keys("en", model, True, ("generation",)) == {"generation.strategy", "generation.context_tokens"}
    with pytest.raises(UserError, match="cannot be tuned; there are"):
        keys("en", Settings(), True, ("colour",))
    with pytest.raises(UserError, match="nothing of generation matters"):
        keys("en", Settings(), True, ("generation",))


def test_every_knob_is_a_setting_within_its_range() -> None:
    chosen = knobs({"a": ParsedDocument("", language="en"), "b": ParsedDocument("", language="zh")},
                   Settings(llm="openai:x"), True)  # fmt: skip
    for knob in chosen:
        for value in knob.choices or (knob.low, knob.high):
            assert current([knob], changed(Settings(), {knob.key: value})) == {knob.key: value}
            assert knob.holds(value)
        assert not knob.holds("nonsense" if knob.choices else knob.high + knob.step)
        # The default is on the grid, or the sampler could not learn from it.
        assert knob.holds(current([knob], Settings())[knob.key]), knob.key


def test_a_start_off_the_grid_is_measured_all_the_same(tmp_path: Path) -> None:
    knob = Knob("retrieval.dense_weight", "search", 0.0, 1.0, 0.5)
    log = TrialLog(tmp_path / "t.jsonl")
    made = search(log, [knob], {knob.key: 0.33}, lambda values, _: {"q": float(values[knob.key])},
                  metric="mrr@10", most=4, deadline=float("inf"), seed=0, told=lambda _: None)  # fmt: skip
    assert made is False and log.trials[0].values == {knob.key: 0.33}
    tried = {float(trial.values[knob.key]) for trial in log.trials}
    assert {0.33} < tried <= {0.33, 0.0, 0.5, 1.0}
    assert log.best("mrr@10").values == {knob.key: max(tried)} and log.best("dangling").values == {knob.key: min(tried)}
    assert [trial.mean for trial in TrialLog(tmp_path / "t.jsonl").trials] == [trial.mean for trial in log.trials]


def test_the_best_is_made_simpler(tmp_path: Path) -> None:
    both = [Knob("a", "search", 0, 9, 1), Knob("b", "search", 0, 9, 1)]
    log = TrialLog(tmp_path / "t.jsonl")
    log.append(Trial({"a": 0, "b": 0}, {"q": 0.0}, 0))
    log.append(Trial({"a": 5, "b": 7}, {"q": 0.5}, 0))
    search(log, both, {"a": 0, "b": 0}, lambda values, _: {"q": 0.5 * (values["a"] == 5)},
           metric="mrr@10", most=2, deadline=float("inf"), seed=1, told=lambda _: None)  # fmt: skip
    # Set back one by one: without a it is lost, without b it is not.
    assert [dict(trial.values) for trial in log.trials[2:]] == [{"a": 0, "b": 7}, {"a": 5, "b": 0}]


def test_what_changes_nothing_is_set_back(tmp_path: Path) -> None:
    both = [Knob("a", "search", 0, 3, 1), Knob("b", "search", 0, 3, 1)]
    log = TrialLog(tmp_path / "t.jsonl")
    search(log, both, {"a": 0, "b": 0}, lambda values, _: {"q": float(values["a"] == 3)},
           metric="mrr@10", most=40, deadline=float("inf"), seed=1, told=lambda _: None)  # fmt: skip
    assert tuning.fewest_changes(log, {"a": 0, "b": 0}, "mrr@10").values == {"a": 3, "b": 0}


def test_toml() -> None:
    values = {"retrieval.dense_weight": 0.5, "generation.strategy": "few-shot", "kb": '名"\\', "retrieval.top_k": 4}
    assert tomllib.loads(as_toml(values)) == {
        "kb": '名"\\', "generation": {"strategy": "few-shot"}, "retrieval": {"dense_weight": 0.5, "top_k": 4},
    }  # fmt: skip


def test_trial_mean() -> None:
    assert Trial({}, {"a": 0.0, "b": 1.0}, 0).mean == 0.5
