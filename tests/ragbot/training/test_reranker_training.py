"""Training of the reranker, on a handful of questions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file  # noqa: E402

from ragbot.errors import UserError  # noqa: E402
from ragbot.models.rerankers.e5 import BundledReranker  # noqa: E402
from ragbot.models.rerankers.e5_lower import LowerLayers  # noqa: E402
from ragbot.models.rerankers.e5_tokens import PlacedTokenizer  # noqa: E402
from ragbot.training.ranking_data import Candidate, Ranking  # noqa: E402
from ragbot.training.reranker import BEST, STATE, Look, RerankerPlan, RerankerTraining, sample  # noqa: E402
from ragbot.training.token_states import TokenStates  # noqa: E402

PLACES = ["harbour", "library", "museum", "station", "bridge", "灯塔", "码头", "车站", "图书馆", "博物馆"]
PLAN = RerankerPlan(
    questions_per_step=5, negatives=4, epochs=8, every=4, held_out=20, warmup=2, learning_rate=2e-3, small_rate=5e-3
)


def ranking(number: int, place: str) -> Ranking:
    """The search puts what tells of the closing above what tells of the opening."""
    english = place.isascii()
    year = str(1900 + number)
    text = f"The {place} was opened in {year}." if english else f"{place}于{year}年开放。"
    start = text.index(year)
    wrong = f"When the {place} is closed, knock." if english else f"{place}关闭时请敲门。"
    others = [f"The {other} is closed on Mondays." for other in PLACES if other != place][:4]
    return Ranking(
        f"q{number}",
        "toy_en" if english else "toy_zh",
        place,
        f"When was the {place} opened?" if english else f"{place}何时开放?",
        (year,),
        (Candidate(text, 1.0, 1, ((start, start + 4),)),),
        (Candidate(wrong, 4.0, 0), *(Candidate(other, 0.5, rank) for rank, other in enumerate(others, 2))),
    )


RANKINGS = [ranking(i, place) for i, place in enumerate(PLACES)]


@pytest.fixture(scope="module")
def states() -> TokenStates:
    found = TokenStates(LowerLayers(2), PlacedTokenizer.bundled())
    told: list[tuple[int, int]] = []
    found.prepare(RANKINGS, PLAN.reach, lambda done, of: told.append((done, of)))
    assert told[-1][0] == told[-1][1] == len({c.text for r in RANKINGS for c in (*r.positives, *r.negatives)})
    return found


def training(states: TokenStates, folder: Path, plan: RerankerPlan = PLAN) -> RerankerTraining:
    return RerankerTraining(states, RANKINGS, RANKINGS, folder, plan)


def run(states: TokenStates, folder: Path) -> Look:
    return training(states, folder).run(lambda look: None, lambda *_: None)


class Stopped(Exception):
    pass


def stop(step: int, _: int) -> None:
    if step == 6:  # after the look at step 4, before the next
        raise Stopped


def test_it_learns_and_the_result_needs_no_torch(states: TokenStates, tmp_path: Path) -> None:
    best = run(states, tmp_path)
    assert best.search_first == 0.0 and best.first == 1.0 and best.mrr == 1.0
    assert best.sets == {"toy_en": (1.0, 0.5), "toy_zh": (1.0, 0.5)}
    reranker = BundledReranker(tmp_path / BEST)
    for ranking in RANKINGS:
        candidates = [*ranking.positives, *ranking.negatives]
        scores = reranker.score(ranking.question, [candidate.text for candidate in candidates])
        scores += reranker.search_weight * np.array([candidate.score for candidate in candidates], np.float32)
        assert scores.argmax() == 0


def test_both_compute_the_same(states: TokenStates, tmp_path: Path) -> None:
    run(states, tmp_path)
    trained = training(states, tmp_path)  # where it ended, and not its best
    trained.model.learned().save(tmp_path / "end")
    reranker = BundledReranker(tmp_path / "end")
    for ranking in RANKINGS:
        candidates = [*ranking.positives, *ranking.negatives]
        with torch.no_grad():
            exact = trained._scores(ranking, candidates).numpy()
        found = reranker.score(ranking.question, [candidate.text for candidate in candidates])
        found += reranker.search_weight * np.array([candidate.score for candidate in candidates], np.float32)
        assert np.abs(found - exact).max() < 0.1  # bfloat16 and float16


def test_what_was_stopped_goes_on_to_the_same_end(states: TokenStates, tmp_path: Path) -> None:
    run(states, tmp_path / "whole")
    with pytest.raises(Stopped):
        training(states, tmp_path / "parts").run(lambda look: None, stop)
    again = training(states, tmp_path / "parts")
    assert again.step == 4 and [look.step for look in again.looks] == [0, 4]
    again.run(lambda look: None, lambda *_: None)
    ended, resumed = load_file(tmp_path / "whole" / STATE), load_file(tmp_path / "parts" / STATE)
    assert ended.keys() == resumed.keys() and any(name.startswith("optimizer.") for name in ended)
    for name in ended:
        assert torch.equal(ended[name], resumed[name]), name
    finished = training(states, tmp_path / "parts")
    assert finished.run(lambda look: None, stop) == max(again.looks, key=lambda look: look.mrr)
    with pytest.raises(UserError, match="other settings"):
        training(states, tmp_path / "parts", replace(PLAN, seed=1))


def test_untrained_it_begins_with_the_searchs_order_and_the_words(states: TokenStates, tmp_path: Path) -> None:
    begun = training(states, tmp_path)
    model = begun.model.learned()
    assert (model.matrix == np.eye(384)).all() and not model.weight.any() and model.search_weight == 1.0
    look = begun.look()
    assert look.search_mrr == 0.5 and look.search_first == 0.0


def test_held_out_questions_are_taken_from_every_set() -> None:
    chosen = sample([*RANKINGS, replace(RANKINGS[0], id="none", positives=())], replace(PLAN, held_out=6))
    assert sorted(ranking.set for ranking in chosen) == ["toy_en"] * 3 + ["toy_zh"] * 3
    assert all(ranking.positives for ranking in chosen)


def test_a_text_without_words_can_be_a_candidate(states: TokenStates) -> None:
    assert states.passage("").shape[1] == 384 and len(states.passage("")) == 1
