"""Training of the reranker, on a handful of questions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file  # noqa: E402

from ragbot.errors import UserError  # noqa: E402
from ragbot.models.embedders.e5_onnx import HUB_NAME, WEIGHTS  # noqa: E402
from ragbot.models.embedders.e5_weights import E5Weights  # noqa: E402
from ragbot.models.rerankers.e5 import BundledReranker  # noqa: E402
from ragbot.models.rerankers.e5_lower import LowerLayers  # noqa: E402
from ragbot.models.rerankers.e5_pairs import PairTokenizer  # noqa: E402
from ragbot.training.lora_layers import adapter_state, write_adapter  # noqa: E402
from ragbot.training.pair_loss import pair_loss, targets  # noqa: E402
from ragbot.training.pair_model import PairModel, Scores  # noqa: E402
from ragbot.training.ranking_data import Candidate, Ranking  # noqa: E402
from ragbot.training.reranker import BEST, STATE, RerankerPlan, RerankerTraining, Texts  # noqa: E402

PLACES = ["harbour", "library", "museum", "station", "bridge", "灯塔", "码头", "车站", "图书馆", "博物馆"]
PLAN = RerankerPlan(
    rank=4,
    alpha=4,
    questions_per_step=4,
    questions_at_once=2,
    negatives=2,
    hard=2,
    epochs=4,
    easy_share=1.0,
    every=4,
    held_out=4,
    warmup=0.1,
    learning_rate=2e-3,
)


def ranking(number: int, place: str) -> Ranking:
    text = f"The {place} was opened in {1900 + number}." if place.isascii() else f"{place}于{1900 + number}年开放。"
    year = str(1900 + number)
    start = text.index(year)
    others = [f"The {other} is closed on Mondays ({number})." for other in PLACES if other != place][:4]
    return Ranking(
        f"q{number}",
        "toy",
        place,
        f"When was the {place} opened?" if place.isascii() else f"{place}何时开放?",
        (year,),
        (Candidate(text, 1.0, 2, ((start, start + 4),)),),
        tuple(Candidate(other, 0.5, rank, ()) for rank, other in enumerate(others)),
    )


RANKINGS = [ranking(i, place) for i, place in enumerate(PLACES)]


@pytest.fixture(scope="module")
def weights() -> E5Weights:
    return E5Weights(WEIGHTS.locate())


@pytest.fixture(scope="module")
def texts() -> Texts:
    return Texts(LowerLayers(2), PairTokenizer.bundled())


def training(weights: E5Weights, texts: Texts, folder: Path, plan: RerankerPlan = PLAN) -> RerankerTraining:
    torch.manual_seed(0)
    model = PairModel(weights, plan.rank, plan.alpha)
    return RerankerTraining(model, texts, RANKINGS, RANKINGS, folder, plan)


def test_it_learns_goes_on_where_it_was_and_runs_without_torch(
    weights: E5Weights, texts: Texts, tmp_path: Path
) -> None:
    whole = training(weights, texts, tmp_path / "whole")
    untrained = whole.look()
    best = whole.run(lambda look: None, lambda *_: None)
    assert best.mrr > untrained.mrr and best.first > best.retriever_first == 0
    assert whole.looks[-1].loss < whole.looks[0].loss

    class Stopped(Exception):
        pass

    def stop(step: int, *_: float) -> None:
        if step == 6:  # after the look at step 4, before the next
            raise Stopped

    with pytest.raises(Stopped):
        training(weights, texts, tmp_path / "parts").run(lambda look: None, stop)
    again = training(weights, texts, tmp_path / "parts")
    assert again.step == 4
    again.run(lambda look: None, lambda *_: None)
    ended, resumed = load_file(tmp_path / "whole" / STATE), load_file(tmp_path / "parts" / STATE)
    assert ended.keys() == resumed.keys()
    for name in ended:
        assert torch.equal(ended[name], resumed[name]), name

    with pytest.raises(UserError, match="other settings"):
        training(weights, texts, tmp_path / "parts", replace(PLAN, seed=1))

    write_adapter(tmp_path / "adapter", load_file(tmp_path / "whole" / BEST), PLAN.rank, PLAN.alpha, HUB_NAME)
    reranker = BundledReranker(tmp_path / "adapter")
    for ranking in RANKINGS:
        passages = [ranking.positives[0].text, *(candidate.text for candidate in ranking.negatives)]
        read = reranker.read(ranking.question, passages)
        assert read[0].score == max(passage.score for passage in read)


def test_the_base_model_stays_as_it_is(weights: E5Weights, texts: Texts, tmp_path: Path) -> None:
    run = training(weights, texts, tmp_path, replace(PLAN, epochs=1))
    before = {
        name: value.clone()
        for name, value in run.model.state_dict().items()
        if "parametrizations.weight.0" not in name and not name.startswith("head_")
    }
    run.run(lambda look: None, lambda *_: None)
    after = run.model.state_dict()
    assert before and all(torch.equal(value, after[name]) for name, value in before.items())


def test_a_new_adapter_changes_nothing(weights: E5Weights) -> None:
    plain, adapted = PairModel(weights, 4, 4).eval(), PairModel(weights, 4, 8).eval()
    plain.load_state_dict(adapted.state_dict(), strict=True)
    for value in adapter_state(adapted.encoder).values():
        value.mul_(2)  # B is zero: whatever A is, the product is zero
    ids = [np.arange(5, 15)]
    assert torch.equal(plain.lower(ids)[0], adapted.lower(ids)[0])


def test_what_peft_calls_the_layers(weights: E5Weights) -> None:
    names = adapter_state(PairModel(weights, 2, 2).encoder)
    assert len(names) == 2 * 6 * 4  # A and B of six matrices in each of four layers
    assert "base_model.model.encoder.layer.11.attention.self.query.lora_A.weight" in names


def test_targets_are_the_tokens_of_the_answer() -> None:
    tokenizer = PairTokenizer.bundled()
    candidates = [RANKINGS[0].positives[0], RANKINGS[0].negatives[0], RANKINGS[6].positives[0]]
    passages = tokenizer.passages([candidate.text for candidate in candidates])
    starts, ends = targets(passages, candidates)
    for passage, candidate, start, end in zip(passages, candidates, starts.tolist(), ends.tolist(), strict=True):
        if not candidate.spans:
            assert (start, end) == (0, 0)
            continue
        begin, finish = passage.offsets[start - passage.first, 0], passage.offsets[end - passage.first, 1]
        assert candidate.text[begin:finish].strip().startswith(candidate.text[slice(*candidate.spans[0])])


def test_the_loss_falls_with_the_right_order_and_place() -> None:
    relevant = torch.tensor([True, False, False])
    starts, ends = torch.tensor([2, 0, 0]), torch.tensor([3, 0, 0])

    def loss(rank: list[float], place: int) -> float:
        logits = torch.full((3, 5), -2.0)
        logits[0, place] = 2.0
        logits[1:, 0] = 2.0
        other = logits.clone()
        other[0] = logits[0].roll(1)
        return float(pair_loss(Scores(torch.tensor(rank), logits, other), starts, ends, [3], relevant)[0])

    assert loss([2.0, -2.0, -2.0], 2) < loss([-2.0, 2.0, -2.0], 2)
    assert loss([2.0, -2.0, -2.0], 2) < loss([2.0, -2.0, -2.0], 1)


def test_a_group_without_an_answer_is_no_list() -> None:
    scores = Scores(torch.tensor([1.0, 2.0]), torch.zeros(2, 3), torch.zeros(2, 3))
    nowhere = torch.tensor([0, 0])
    loss, parts = pair_loss(scores, nowhere, nowhere, [2], torch.tensor([False, False]))
    assert parts["rank"] == 0 and torch.isfinite(loss)
