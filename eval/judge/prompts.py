"""What the judge is asked: our prompts, with question, passages and answer between tags that they cannot close."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from eval import prompts
from eval.datasets.base import Question
from eval.metrics.markers import strip_markers
from eval.prompts import render
from eval.responses import Response
from ragbot.text import answer_language, sentence_spans

_FAITHFULNESS, _RELEVANCE = "judge-faithfulness", "judge-relevance"
_LANGUAGES = ("en", "zh")
#: The beginning of a tag of ours inside the data, also with blanks or invisible characters, or a full-width bracket.
_TAG = re.compile(r"[<＜](?=\W{0,8}(?:passage|question|answer|sentence))", re.IGNORECASE)
_HEADING = re.compile(r"#{1,6} ")


def faithfulness_prompt(question: Question, sentences: Sequence[str], passages: Sequence[str]) -> str:
    """Ask for a verdict on each of the sentences, numbered from 1."""
    return render(
        _FAITHFULNESS,
        _language(question),
        passages=_framed("passage", passages),
        question=neutral(question.text),
        sentences=_framed("sentence", sentences),
        count=str(len(sentences)),
    )


def relevance_prompt(question: Question, answer: str) -> str:
    """Ask how well the answer meets the question, on a scale from 0 to 4."""
    said = neutral(strip_markers(answer).strip())
    return render(_RELEVANCE, _language(question), question=neutral(question.text), answer=said)


def sentences_of(answer: str) -> list[str]:
    """The sentences of an answer that can claim something: no markers, no headings, no rules."""
    text = strip_markers(answer)
    found = [text[start:end] for start, end in sentence_spans(text)]
    return [sentence for sentence in found if re.search(r"\w", sentence) and not _HEADING.match(sentence)]


def passages_of(response: Response) -> list[str]:
    """What the answer may rest on, each with its source: the hits, then the quotes that stand in no hit."""
    stretches = [(hit.source, hit.text) for hit in response.hits]
    for quote in response.quotes or ():
        if not any(quote.source == source and quote.text in text for source, text in stretches):
            stretches.append((quote.source, quote.text))
    return [f"{source}\n{text}" for source, text in stretches]


def neutral(data: str) -> str:
    """Data whose look-alikes of our tags are defused; everything else in it stays."""
    return _TAG.sub("‹", data)


@cache
def prompts_hash() -> str:
    """SHA-256 of all the judge's prompts: scores that were given under other prompts are not comparable."""
    digest = hashlib.sha256()
    for name in (_FAITHFULNESS, _RELEVANCE):
        for language in _LANGUAGES:
            file = f"{name}.{language}.txt"
            digest.update(f"{file}\0{files(prompts).joinpath(file).read_text(encoding='utf-8')}\0".encode())
    return digest.hexdigest()


def _language(question: Question) -> str:
    return "zh" if (question.language or answer_language(question.text)) == "zh" else "en"


def _framed(tag: str, texts: Sequence[str]) -> str:
    return "\n".join(
        f'<{tag} number="{number}">\n{neutral(text)}\n</{tag}>' for number, text in enumerate(texts, start=1)
    )
