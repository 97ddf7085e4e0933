"""SQuAD's and CMRC's scores equal those of the data sets' own scripts.

``reference_scores.json`` holds 400 rows ``[language, prediction, gold answers, exact match, F1]`` and the totals in
percent. The predictions are variants of the answers and evidence of data/eval/sample.jsonl: exact, cut, extended,
reordered, in capitals, full-width, with other marks, inside a sentence of the other language, empty, and so on. The
scores come from the scripts themselves: SQuAD's ``evaluate-v2.0.py`` (``get_raw_scores`` and ``make_eval_dict``), and
CMRC's ``cmrc2018_evaluate.py``, v6 (``calc_em_score``, ``calc_f1_score`` and ``evaluate``) with NLTK 3.10.4 and its
``punkt_tab`` data. An unanswerable question has no answers or the answer ``""``, of which SQuAD makes the same.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from eval.metrics.cmrc import cmrc_exact_match, cmrc_f1
from eval.metrics.squad import squad_exact_match, squad_f1

pytest.importorskip("nltk")

REFERENCE: dict[str, Any] = json.loads((Path(__file__).parent / "reference_scores.json").read_text(encoding="utf-8"))
SCORERS = {"en": (squad_exact_match, squad_f1), "zh": (cmrc_exact_match, cmrc_f1)}


@pytest.mark.parametrize("language", SCORERS)
def test_every_prediction_scores_as_the_official_script_says(language: str) -> None:
    exact_match, f1 = SCORERS[language]
    rows = [row[1:] for row in REFERENCE["rows"] if row[0] == language]
    assert len(rows) == 200
    wrong = [
        (prediction, answers)
        for prediction, answers, official_match, official_f1 in rows
        if exact_match(prediction, answers) != official_match
        or f1(prediction, answers) != pytest.approx(official_f1, abs=1e-6)
    ]
    assert wrong == []


@pytest.mark.parametrize("language", SCORERS)
def test_totals(language: str) -> None:
    rows = [row[1:3] for row in REFERENCE["rows"] if row[0] == language]
    totals = [100 * sum(scorer(*row) for row in rows) / len(rows) for scorer in SCORERS[language]]
    assert totals == pytest.approx(REFERENCE["totals"][language], abs=1e-6)
