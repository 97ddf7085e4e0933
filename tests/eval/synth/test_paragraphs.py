"""What of a document can be asked about, and in which order."""

from __future__ import annotations

from collections import Counter

from eval.synth.paragraphs import paragraphs
from eval.synth.spread import spread
from ragbot.documents import ParsedDocument


def test_offsets_hold_and_what_is_no_prose_is_passed_over(both: dict[str, ParsedDocument]) -> None:
    dropped: Counter[str] = Counter()
    found = paragraphs(both, dropped)
    assert {paragraph.language for paragraph in found} == {"en", "zh"}
    assert dropped == {"table": 1, "references": 2}
    for paragraph in found:
        text = both[paragraph.source].text
        assert text[paragraph.start : paragraph.end] == paragraph.text
        for sentence in paragraph.sentences:
            assert text[sentence.start : sentence.end] == sentence.text
        assert "|" not in paragraph.text
        assert "……" not in paragraph.text
        assert not paragraph.text.startswith("#")


def test_only_the_first_paragraph_opens_a_section() -> None:
    text = "| a | b |\n| 1 | 2 |\n\nThe harbour of Ravna was dredged by the town and the state together.\n"
    from ragbot.documents import Heading

    document = ParsedDocument("# Harbour\n\n" + text, headings=(Heading(0, 1, "Harbour"),))
    (paragraph,) = paragraphs({"a.md": document}, Counter())
    assert not paragraph.opens  # the table came first


def test_another_language_is_counted() -> None:
    dropped: Counter[str] = Counter()
    text = "Les trains roulent moins vite pendant tout le mois de novembre, parce que les feuilles mouillées glissent."
    assert paragraphs({"fr.txt": ParsedDocument(text, language="fr")}, dropped) == []
    assert dropped == {"other language": 1}


def test_code_between_fences_is_passed_over() -> None:
    line = "print the whole sentence of at least sixty characters to the terminal.\n\n"
    dropped: Counter[str] = Counter()
    assert paragraphs({"a.md": ParsedDocument(f"```\n{line}{line}```\n", language="en")}, dropped) == []
    assert dropped == {"code": 3}


def test_any_first_part_is_spread_over_documents_and_their_length() -> None:
    sentence = "The harbour of Ravna was dredged by the town and the state together in a dry summer.\n\n"
    documents = {name: ParsedDocument(sentence * 16, language="en") for name in "abcd"}
    found = paragraphs(documents, Counter())
    order = spread(found, 7)
    assert sorted(order, key=lambda p: (p.source, p.start)) == found
    assert Counter(paragraph.source for paragraph in order[:16]) == dict.fromkeys("abcd", 4)
    for name in "abcd":
        quarters = {p.start * 4 // len(documents[name].text) for p in order[:16] if p.source == name}
        assert quarters == {0, 1, 2, 3}
    assert order == spread(found, 7) != spread(found, 8)
