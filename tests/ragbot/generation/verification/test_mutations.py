"""Sentences of the sample documents with one thing changed: the checks notice, and leave alone what is true."""

from __future__ import annotations

from collections import defaultdict

import pytest

from eval.benchmarks.citation_mutations import corpus, paraphrases
from eval.benchmarks.citation_mutations_cases import TRUE, Case, cases, outcome, passages_of, sentences_of

EACH = 25


@pytest.fixture(scope="module")
def rates() -> dict[str, list[bool]]:
    """By kind: whether each case passed."""
    texts = corpus()
    cut = passages_of(texts)
    made: list[Case] = [
        *cases(cut, sentences_of(cut), EACH, seed=7),
        *cases(cut, paraphrases(texts, cut), EACH, seed=7),
    ]
    assert len(made) > 600
    found: dict[str, list[bool]] = defaultdict(list)
    for case in made:
        passed = outcome(case)
        found[case.kind].append(passed)
        found[f"{case.kind} {case.language}"].append(passed)
    return found


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_is_true_passes(rates: dict[str, list[bool]], language: str) -> None:
    passed = rates[f"{TRUE} {language}"]
    assert sum(passed) >= 0.95 * len(passed)


@pytest.mark.parametrize(
    "kind",
    ["marker", "foreign quote", "number: digit", "number: magnitude", "number: unit", "number: in words", "date", "negation",
     "opposite", "name"],
)  # fmt: skip
def test_what_is_false_is_caught(rates: dict[str, list[bool]], kind: str) -> None:
    assert len(rates[kind]) >= 25
    assert sum(rates[kind]) <= 0.05 * len(rates[kind])
