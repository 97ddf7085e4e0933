"""Which stretch of a passage to answer with, once the reader has said how likely it finds each.

The likeliest stretch is often a poor answer: where the reader doubts whether to say *1911*, *in 1911* or *opened in
1911*, each alone is unlikely, and something wrong beside them may be likelier than any. So the stretch is taken that
has most in common with all of them, each weighed by its probability (minimum Bayes risk decoding: Kumar and Byrne 2004,
https://aclanthology.org/N04-1022/; here over spans of one text). And a small model is often unsure which sentence is
meant: what the embedder and the words say of the sentences counts, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

#: Spans that are weighed; the others are too unlikely to matter.
_MOST = 200


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes ``begin`` to ``end`` of :func:`ragbot.generation.copying.flattened`, and how likely the reader finds them."""

    begin: int
    end: int
    log_probability: float

    def moved(self, by: int, log_probability: float = 0.0) -> Span:
        """The same where its text begins ``by`` bytes later; what must hold for it has this probability, too."""
        return Span(self.begin + by, self.end + by, self.log_probability + log_probability)


@dataclass(frozen=True, slots=True)
class Weights:
    """What the choice listens to; fitted by ``eval/benchmarks/reading_spans.py`` on dev articles.

    Attributes:
        temperature: of the reader's probabilities; above 1, a doubt counts more.
        similarity: nats for a cosine between question and sentence that is higher by 1.
        coverage: nats for all words of the question in the sentence instead of none.
    """

    temperature: float = 1.0
    similarity: float = 0.0
    coverage: float = 0.0


@dataclass(frozen=True, slots=True)
class Sentence:
    """Where a sentence of the passage begins, in bytes, and what speaks for it: cosine, and share of the question's words."""

    begin: int
    similarity: float
    coverage: float

    def moved(self, by: int) -> Sentence:
        """The same where its text begins ``by`` bytes later."""
        return Sentence(self.begin + by, self.similarity, self.coverage)


@dataclass(frozen=True, slots=True)
class Choice:
    """The span that was chosen.

    Attributes:
        agreement: what it is expected to have in common with the right one, an F1 in (0, 1], if one of the spans is right.
        sentence: that it begins in; None where nothing is known of the sentences.
    """

    span: Span
    agreement: float
    sentence: Sentence | None


def chosen(spans: Sequence[Span], weights: Weights, sentences: Sequence[Sentence] = ()) -> Choice:
    """The span that has most in common with all others, weighed by how likely they are.

    What two have in common is the F1 of their bytes. A span belongs to the sentence that it begins in.

    Args:
        spans: at least one.
        sentences: in order; none where nothing is known of them.
    """
    kept = sorted(_merged(spans), key=lambda span: -span.log_probability)[:_MOST]
    begins = np.array([span.begin for span in kept], np.float64)
    ends = np.array([span.end for span in kept], np.float64)
    scores = np.array([span.log_probability for span in kept]) / weights.temperature
    at = np.searchsorted([one.begin for one in sentences], begins, side="right") - 1
    if sentences:
        support = [weights.similarity * one.similarity + weights.coverage * one.coverage for one in sentences]
        scores += np.array(support)[at.clip(0)]
    shares = np.exp(scores - scores.max())
    common = np.minimum(ends[:, None], ends) - np.maximum(begins[:, None], begins)
    lengths = ends - begins
    agreement = 2 * common.clip(0) / (lengths[:, None] + lengths) @ (shares / shares.sum())
    best = int(agreement.argmax())
    return Choice(kept[best], float(agreement[best]), sentences[max(at[best], 0)] if sentences else None)


def _merged(spans: Sequence[Span]) -> list[Span]:
    """Each stretch once: several ways to write it add up."""
    found: dict[tuple[int, int], float] = {}
    for span in spans:
        key = span.begin, span.end
        found[key] = float(np.logaddexp(found.get(key, -np.inf), span.log_probability))
    return [Span(*key, log_probability) for key, log_probability in found.items()]


def log_softmax(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Logarithms of the probabilities of ``logits``, which are all that there is."""
    shifted = logits.astype(np.float64) - float(logits.max())
    normal: npt.NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum())
    return normal
