"""What throws a question out."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from eval.synth.base import Draft
from eval.synth.filters import Asked, Places, refuse
from eval.synth.paragraphs import paragraphs
from eval.synth.ranking import Ranking
from eval.synth.templates import drafts
from eval.synth.unanswerable import Corpus, far, near
from eval.synth.wording import words
from ragbot.documents import ParsedDocument
from ragbot.models.testing import HashEmbedder


@pytest.mark.parametrize(
    ("question", "answer", "language", "reason"),
    [
        ("How many arches does the viaduct have?", "14", "en", ""),
        ("茶场有多少名师傅？", "27 名", "zh", ""),
        ("Who built the 1883 bridge?", "1883", "en", "question quotes the answer"),
        ("Is the bridge old?", "old stone", "en", "yes or no"),
        ("茶场是不是在山里？", "山区", "zh", "yes or no"),
        ("这是茶场吗？", "山区", "zh", "yes or no"),
        ("What does this passage describe?", "a railway", "en", "refers to the text"),
        ("上述茶场在哪里？", "山区", "zh", "refers to the text"),
        ("Why?", "word " * 60, "en", "answer too long"),
        ("Why?", " ", "en", "no answer"),
    ],
)
def test_refused(question: str, answer: str, language: str, reason: str) -> None:
    assert refuse(question, answer, language) == reason


def test_nearly_the_same_question_is_asked_once() -> None:
    asked = Asked()
    assert asked.add("How many arches does the long viaduct over the Tolm have?")
    assert not asked.add("How many arches does the long viaduct over the Tolm have today?")
    assert asked.add("How many trains cross the long viaduct over the Tolm?")
    assert asked.add("茶场目前共有多少名制茶师傅？")
    assert not asked.add("茶场目前共有多少名制茶师傅呢？")


def _drafts(*texts: str) -> tuple[Places, list[Draft]]:
    documents = {f"{number}.txt": ParsedDocument(text, language="en") for number, text in enumerate(texts)}
    found = paragraphs(documents, Counter())
    return Places(found), [draft for paragraph in found for draft in drafts(paragraph, 0)]


def test_what_another_sentence_answers_too_is_ambiguous() -> None:
    bridge = "The stone bridge of Ravna was built by Halvard Brekke in 1883. Nobody drives over it any longer today."
    places, (first, *_) = _drafts(
        bridge, "The harbour of Aalto was dredged by the state. It is not deep enough for ships."
    )
    assert not places.is_ambiguous(first)
    places, (first, *_) = _drafts(
        bridge, "Halvard Brekke built the stone bridge of Ravna in 1883, as everybody knows here."
    )
    assert places.is_ambiguous(first)
    paid = "Halvard Brekke, who built ships, was paid for the bridge of Ravna in {year}, as everybody knows."
    wall = "Every single stone of the long harbour wall was counted by the state and by the town."
    places, (first, *_) = _drafts(bridge, paid.format(year=1883), wall)
    assert places.is_ambiguous(first)
    places, (first, *_) = _drafts(bridge, paid.format(year=1885), wall)
    assert not places.is_ambiguous(first)


def test_a_question_has_to_lead_to_its_sentence(both: dict[str, ParsedDocument]) -> None:
    found = paragraphs(both, Counter())
    ranking = Ranking(Places(found), HashEmbedder())
    made = [draft for paragraph in found for draft in drafts(paragraph, 0) if len(paragraph.sentences) > 2]
    assert made
    assert all(ranking.finds(draft) for draft in made)
    lost = replace(
        made[0], question="Why are trains slower in autumn?", evidence="The summit tunnel is not the evidence."
    )
    assert not ranking.finds(lost)


def test_unanswerable_questions_name_what_no_document_holds(both: dict[str, ParsedDocument]) -> None:
    found = paragraphs(both, Counter())
    corpus = Corpus([document.text for document in both.values()])
    made = [draft for paragraph in found for draft in drafts(paragraph, 0)]
    questions = list(near(made, found, corpus, 1))
    assert {question.language for question in questions} == {"en", "zh"}
    assert not {question.question for question in questions} & {draft.question for draft in made}
    strange = set(words("en")["strange_names"]) | set(words("en")["strange_persons"])
    assert any(name in question.question for question in questions for name in strange)
    for name in strange:
        # Once it is in the documents, it is in no question.
        if any(name in question.question for question in questions):
            known = Corpus([*(document.text for document in both.values()), f"We know {name} well."])
            assert not any(name in question.question for question in near(made, found, known, 1))
            break


def test_far_questions_are_those_whose_key_words_are_missing() -> None:
    everything = [question.question for question in far(["en", "zh"], Corpus([]), 1)]
    assert len(everything) >= 80
    assert [question.language for question in far(["en", "zh"], Corpus([]), 1)][:4] == ["en", "zh", "en", "zh"]
    known = [question.question for question in far(["en", "zh"], Corpus(["A mandolin.", "仙人掌和冰箱"]), 1)]
    gone = set(everything) - set(known)
    assert gone == {"How many strings does a mandolin have?", "仙人掌冬天多久浇一次水？", "剩米饭在冰箱里能放几天？"}
