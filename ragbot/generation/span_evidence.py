"""What speaks for each sentence of a passage as the one that answers: its words, and how near the embedder finds it."""

from __future__ import annotations

from collections.abc import Callable

from ragbot.generation.copying import flattened
from ragbot.generation.spans import Sentence, Weights
from ragbot.index.analysis import terms
from ragbot.models.embedders.base import Embedder
from ragbot.text import sentence_spans

#: A question and a passage to what is known of the passage's sentences.
Evidence = Callable[[str, str], list[Sentence]]

#: Sentences of a passage that are embedded; the others share too few words with the question.
_COMPARED = 64
#: The embedder whose cosines were measured.
_MEASURED = "multilingual-e5-small"
#: Fitted on dev articles by ``eval/benchmarks/reading_spans.py``; cosines of other embedders mean something else.
MEASURED, OTHERS = Weights(2.0, 20.0, 1.0), Weights(2.0, 0.0, 2.0)


def weighed(embedder: Embedder | None) -> tuple[Weights, Evidence]:
    """What the choice of an answer listens to, and how to come by it, where ``embedder`` is at hand."""
    if embedder is None or embedder.fingerprint.name != _MEASURED:
        return OTHERS, lambda question, passage: sentences(question, passage, None)
    return MEASURED, lambda question, passage: sentences(question, passage, embedder)


def sentences(question: str, passage: str, embedder: Embedder | None) -> list[Sentence]:
    """Each sentence of ``passage``; a cosine of 0 without an embedder, the least where it was not looked at."""
    spans = list(sentence_spans(passage))
    texts = [passage[start:end] for start, end in spans]
    asked = set(terms(question))
    coverage = [len(asked.intersection(terms(text))) / max(len(asked), 1) for text in texts]
    cosines = [0.0] * len(spans)
    if embedder is not None and len(spans) > 1:  # one sentence has nothing to be compared with
        compared = sorted(sorted(range(len(spans)), key=lambda at: -coverage[at])[:_COMPARED])
        found = (embedder.encode_documents([texts[at] for at in compared]) @ embedder.encode_query(question)).tolist()
        cosines = [min(found)] * len(spans)
        for at, cosine in zip(compared, found, strict=True):
            cosines[at] = cosine
    return [
        Sentence(_flat(passage, start), cosine, share)
        for (start, _), cosine, share in zip(spans, cosines, coverage, strict=True)
    ]


def _flat(passage: str, start: int) -> int:
    """The byte of :func:`flattened` that the character ``start`` of ``passage`` has become."""
    before = passage[:start]
    size = len(flattened(before))
    return size + 1 if size and before[-1].isspace() else size
