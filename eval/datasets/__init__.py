"""Question sets: one model (:mod:`eval.datasets.base`), and a reader for each format.

``open_dataset(path)`` recognises the format by its content.
"""

from eval.datasets.base import PARTS, Question, QuestionSet, Span, split_by_document
from eval.datasets.beir import read_beir
from eval.datasets.jsonl import read_jsonl, write_jsonl
from eval.datasets.locate import Locator, locate
from eval.datasets.open import fingerprint, open_dataset
from eval.datasets.rgb import read_rgb
from eval.datasets.splits import read_splits
from eval.datasets.squad import read_squad

__all__ = [
    "PARTS",
    "Locator",
    "Question",
    "QuestionSet",
    "Span",
    "fingerprint",
    "locate",
    "open_dataset",
    "read_beir",
    "read_jsonl",
    "read_rgb",
    "read_splits",
    "read_squad",
    "split_by_document",
    "write_jsonl",
]
