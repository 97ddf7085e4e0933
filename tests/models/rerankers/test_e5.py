"""The bundled reranker: late interaction over multilingual-e5-small's token vectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ragbot.models.embedders.e5_onnx import WEIGHTS
from ragbot.models.embedders.e5_weights import E5Weights
from ragbot.models.rerankers import e5, e5_lower
from ragbot.models.rerankers.e5 import BundledReranker
from ragbot.models.rerankers.e5_lower import LAYERS, LowerLayers
from ragbot.models.rerankers.e5_tokens import PlacedTokenizer
from ragbot.models.rerankers.interaction import LateInteraction

QUESTION = "How high does the tide reach?"
PASSAGES = [
    "Harbour\nThe tide reaches 4.2 m in March.",
    "潮位在三月达到4.2米。",
    "The library opens at nine.",
    "",
    "tide " * 900,
    "x",
]
ANSWERS = [
    (QUESTION, PASSAGES[0], "The tide table is printed in March and sold at the harbour."),
    ("潮位达到多高?", "三月的潮位达到4.2米。", "潮位表在三月印刷并出售。"),
    ("Who wrote the report?", "The report was written by the harbour master.", "The report is read every year."),
    ("报告是谁写的?", "这份报告由港务长撰写。", "这份报告每年宣读一次。"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Without training: the identity."""
    folder = tmp_path_factory.mktemp("rerankers") / "plain"
    zeros, one = np.zeros(384, np.float32), np.array(1.0, np.float32)
    LateInteraction(zeros, np.eye(384, dtype=np.float32), zeros, 10 * one, one).save(folder)
    return folder


@pytest.fixture(scope="module")
def reranker(folder: Path) -> BundledReranker:
    return e5.load(str(folder))


def test_a_score_does_not_depend_on_what_else_is_scored(reranker: BundledReranker) -> None:
    together = reranker.score(QUESTION, PASSAGES)
    assert together.dtype == np.float32 and together.shape == (len(PASSAGES),)
    assert len(set(together.tolist())) == len(PASSAGES)
    for i, passage in enumerate(PASSAGES):
        assert reranker.score(QUESTION, [passage]).tolist() == [together[i]]
    assert reranker.score(QUESTION, PASSAGES[::-1]).tolist() == together[::-1].tolist()


@pytest.mark.parametrize(("question", "right", "wrong"), ANSWERS)
def test_what_answers_is_above_what_shares_words(
    reranker: BundledReranker, question: str, right: str, wrong: str
) -> None:
    assert np.diff(reranker.score(question, [wrong, right])) > 0


def test_nothing_to_score(reranker: BundledReranker) -> None:
    assert reranker.score(QUESTION, []).shape == (0,)
    assert np.isfinite(reranker.score("", ["", "\udfff", "harbour"])).all()
    assert reranker.matches("", "harbour") == [] and reranker.matches("harbour", "") == []


def test_matches_are_what_the_score_is_made_of(reranker: BundledReranker) -> None:
    question, passage, _ = ANSWERS[2]
    found = reranker.matches(question, passage)
    assert "".join(question[match.question_start : match.question_end] for match in found) == question
    by_word = {
        question[match.question_start : match.question_end].strip(): passage[match.start : match.end].strip()
        for match in found
    }
    assert by_word["report"] == "report" and by_word["wrote"] == "written"
    assert sum(match.weight for match in found) == pytest.approx(1.0, abs=1e-5)
    score = 10.0 * sum(match.weight * match.cosine for match in found)
    assert reranker.score(question, [passage])[0] == pytest.approx(score, rel=1e-5)


def test_tokens_are_counted(reranker: BundledReranker) -> None:
    counts = reranker.count_tokens(QUESTION, PASSAGES)
    assert counts[4] == 512 and counts[0] < 30 and len(counts) == len(PASSAGES)


def test_states_are_the_models(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    from ragbot.models.embedders.e5_torch import bert_model
    from ragbot.models.embedders.e5_weights import dequantize

    weights = E5Weights(WEIGHTS.locate())
    model = bert_model(weights)
    (tokens,) = PlacedTokenizer.bundled().passages([PASSAGES[0]])
    words = torch.from_numpy(dequantize(weights.blocks("emb.word", 384)[tokens.ids]))[None]
    with torch.no_grad():
        exact = model(inputs_embeds=words, output_hidden_states=True).hidden_states[LAYERS][0].numpy()
    found = LowerLayers(1).states([tokens.ids])[0]
    cosines = (exact * found).sum(1) / np.linalg.norm(exact, axis=1) / np.linalg.norm(found, axis=1)
    assert cosines.min() > 0.98 and cosines.mean() > 0.995
    monkeypatch.setattr(e5_lower, "has_vnni", lambda: False)
    assert np.allclose(LowerLayers(1).states([tokens.ids])[0], found, atol=1e-4)


def test_the_threads_can_be_stopped_twice(folder: Path) -> None:
    with BundledReranker(folder, threads=1) as opened:
        assert opened.search_weight == 1.0 and opened.name == "e5:plain"
        opened.close()
