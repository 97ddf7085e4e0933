"""Questions asked of a chat model, and what is done so that its mistakes do not get into the set."""

from __future__ import annotations

import json
import logging
import re
from collections import Counter
from typing import TYPE_CHECKING

from eval.prompts import render
from eval.synth.base import Draft, Impossible, Paragraph
from eval.synth.filters import Places, content, squeezed
from ragbot.errors import GenerationError
from ragbot.index.analysis import terms

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

log = logging.getLogger(__name__)

#: The model, shown the paragraph and its own question, has to find its own answer again: F1 of the words.
ROUND_TRIP_F1 = 0.5
#: A model of which the first calls all fail is not asked any further.
PATIENCE = 5
#: Paragraphs that the model looks through before a question counts as unanswerable.
SEARCHED = 3

_OBJECT = re.compile(r"\{.*?\}", re.DOTALL)
_THOUGHT = re.compile(r"<think>.*?</think>", re.DOTALL)
_PAIR = re.compile(r'"(question|answer)"\s*:\s*"((?:[^"\\]|\\.)*)"')
_NONE = re.compile(r"\W*none\b", re.IGNORECASE)


class Writer:
    """A chat model that writes questions; ``dropped`` counts what came to nothing, by reason."""

    def __init__(self, model: BaseChatModel, dropped: Counter[str]) -> None:
        self._model = model
        self._dropped = dropped
        self._calls = 0
        self._failures = 0
        self._last: Exception | None = None

    def draft(self, paragraph: Paragraph) -> Draft | None:
        """A question about a paragraph with its answer, verbatim; None where the model did not manage it.

        Raises:
            GenerationError: every call so far has failed, and there were :data:`PATIENCE` of them.
        """
        reply = self._ask("synth-question", paragraph)
        if reply is None:
            return None
        made = parse(reply)
        if not made.get("question") or not made.get("answer"):
            self._dropped["model: no JSON"] += 1
            return None
        place = locate(paragraph.text, made["answer"])
        if place is None:
            self._dropped["model: not verbatim"] += 1
            return None
        start, end = place
        inside = [
            sentence
            for sentence in paragraph.sentences
            if sentence.start <= paragraph.start + start and paragraph.start + end <= sentence.end
        ]
        # An answer over several sentences, or in one that was too short to list: the whole paragraph is the evidence.
        evidence = inside[0] if inside else paragraph
        answer = paragraph.text[start:end]
        question = " ".join(made["question"].split())
        return Draft(question, answer, "model", "model", evidence.text, evidence.start, evidence.end, paragraph)

    def confirms(self, draft: Draft) -> bool:
        """Whether the model answers the question from the paragraph alone as it was meant to. Raises GenerationError."""
        reply = self._ask("synth-answer", draft.paragraph, question=draft.question, passage=draft.paragraph.text)
        if reply is None:
            return False
        if overlap(reply, draft.answer) >= ROUND_TRIP_F1:
            return True
        self._dropped["model: not answered the same again"] += 1
        return False

    def impossible(self, paragraph: Paragraph, places: Places, paragraphs: list[Paragraph]) -> Impossible | None:
        """A question near the paragraph that the best paragraphs of all documents do not answer. Raises GenerationError."""
        reply = self._ask("synth-unanswerable", paragraph)
        question = " ".join((parse(reply) if reply else {}).get("question", "").split())
        if not question:
            return None
        asked = content(question)
        if not asked:
            return None
        ranked = sorted(
            paragraphs,
            key=lambda other: -sum(places.rarity(term) for term in asked & set(terms(other.text))),
        )
        passage = "\n\n".join(other.text for other in ranked[:SEARCHED])
        answer = self._ask("synth-answer", paragraph, question=question, passage=passage)
        if answer is None:
            return None
        if not _NONE.match(answer):
            self._dropped["model: answerable after all"] += 1
            return None
        return Impossible(question, "unanswerable-near", paragraph.language, "model")

    def _ask(self, prompt: str, paragraph: Paragraph, **values: str) -> str | None:
        from langchain_core.messages import HumanMessage

        filled = {"title": paragraph.title, "heading": paragraph.heading, "passage": paragraph.text} | values
        self._calls += 1
        try:
            reply = self._model.invoke([HumanMessage(render(prompt, paragraph.language, **filled))])
        except Exception as error:  # noqa: BLE001  # any client library may stand behind the model, each with errors of its own
            self._failures += 1
            self._dropped["model: call failed"] += 1
            log.warning("the chat model failed on a paragraph of %s: %s", paragraph.source, error)
            self._last = error
            if self._calls >= PATIENCE:
                self.check()
            return None
        return _THOUGHT.sub("", str(reply.text)).strip()

    def check(self) -> None:
        """Raise GenerationError where the model was asked, and never answered."""
        if 0 < self._calls == self._failures:
            raise GenerationError(
                f"the chat model failed {self._calls} times out of {self._calls}, at last with: {self._last}; "
                "check that it runs, or make the questions without one"
            ) from self._last


def parse(reply: str) -> dict[str, str]:
    """The texts in the first JSON object of a reply, fenced, surrounded or broken as it may be; empty without one."""
    for match in _OBJECT.finditer(reply):
        try:
            found = json.loads(match.group(), strict=False)
        except ValueError:
            continue
        if isinstance(found, dict):
            return {str(key): value.strip() for key, value in found.items() if isinstance(value, str)}
    return {key: value.replace('\\"', '"').strip() for key, value in _PAIR.findall(reply)}


def locate(text: str, wanted: str) -> tuple[int, int] | None:
    """Where ``wanted`` stands in ``text``, white space and case aside; ``(start, end)`` in code points, or None."""
    needle = squeezed(wanted.strip().strip("“”\"'`").rstrip("。.,;，；"))
    if not needle:
        return None
    # Case folding may lengthen a character (ß), so each keeps the place that it came from.
    origin = [place for place, character in enumerate(text) if not character.isspace() for _ in character.casefold()]
    at = squeezed(text).find(needle)
    if at < 0:
        return None
    return origin[at], origin[at + len(needle) - 1] + 1


def overlap(said: str, meant: str) -> float:
    """F1 over the words (Chinese: characters) of two answers, as in SQuAD (Rajpurkar et al., 2016), in [0, 1]."""
    first, second = (
        Counter(re.findall(r"[\u3400-\u9fff]|[^\W\u3400-\u9fff]+", text.casefold())) for text in (said, meant)
    )
    shared = sum((first & second).values())
    return 2 * shared / (first.total() + second.total()) if shared else 0.0
