"""What a conversation hands on with its next question: the last turns word for word, the older ones as a summary.

The summary runs along: it is made of the one before it and of the turns that have become old since, never of the whole
conversation again. Like the turns it is data, and stands where an answer stands, not where instructions do.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from ragbot.documents import Message
from ragbot.errors import GenerationError
from ragbot.generation.context import as_data
from ragbot.generation.prompts import render
from ragbot.generation.rewriting.asking import ask
from ragbot.generation.rewriting.parsing import spoken
from ragbot.models.embedders.base import estimate_tokens
from ragbot.sections.answers import SummaryName
from ragbot.text import answer_language, sentence_spans

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

log = logging.getLogger(__name__)

#: Of the budget, what the summary may take at most.
_SUMMARY_SHARE = 0.25
#: Turns that have to become old before the model is asked again; until then they stand in the summary in their own words.
_AT_ONCE = 4
#: Characters of a turn that the model is shown, and of a question and an answer in a summary in their own words.
_SHOWN, _QUESTION, _ANSWER = 600, 120, 200
#: Seconds that the next question waits for a summary, and characters after which the rest of it is not waited for.
SECONDS, _LONGEST = 20.0, 4000
_MARKER = re.compile(r"\s*\[\d{1,3}\]")
_SILENT = {"zh": "（文档中没有）", "en": "(not in the documents)"}


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question and its whole answer; ``abstained``: it was refused."""

    question: str
    answer: str
    abstained: bool = False


@dataclass(frozen=True, slots=True)
class Summary:
    """What the beginning of a conversation was about, and who says so."""

    text: str
    method: Literal["extractive", "model"]


@dataclass(frozen=True, slots=True)
class Recollection:
    """What goes with the next question.

    ``covered`` is how many of the first exchanges ``summary`` tells of. ``fresh`` says that it is new and worth to be
    stored; ``usage`` counts the chat model's tokens.
    """

    history: tuple[Message, ...] = ()
    summary: Summary | None = None
    covered: int = 0
    fresh: bool = False
    usage: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Memory:
    """Chooses what is handed on.

    Args:
        turns: the last exchanges that are handed on word for word, at most; 0: each question stands alone.
        tokens: budget for all of it.
        summary: of the older ones: ``model`` (the chat model's words), ``extractive`` (the questions, and the first
            sentences of the answers), ``none``, or ``auto`` (by the chat model if there is one).
        model: makes the chat model; None where there is none.
        count_tokens: how long a text is for the model; default: an estimate.
        seconds: that the model is waited for.
    """

    turns: int = 2
    tokens: int = 1000
    summary: SummaryName = "auto"
    model: Callable[[], BaseChatModel] | None = None
    count_tokens: Callable[[str], int] = estimate_tokens
    seconds: float = SECONDS

    def recall(
        self, exchanges: Sequence[Exchange], known: Mapping[int, Summary]
    ) -> Generator[None, None, Recollection]:
        """What goes with the question that follows ``exchanges``; a pause now and then, at which the caller may leave.

        A chat model that fails is logged: the summary is then extractive.

        Args:
            known: the summaries that there are, by how many of the first exchanges each covers.
        """
        if self.turns < 1:
            return Recollection()
        for_summary = int(self.tokens * _SUMMARY_SHARE) if self.summary != "none" else 0
        recent = self._recent(exchanges, self.tokens - for_summary)
        old = exchanges[: len(exchanges) - len(recent)]
        if not old or not for_summary:
            return Recollection(_messages(recent))
        language = answer_language(exchanges[-1].question)
        covered = max((number for number in known if number <= len(old)), default=0)
        so_far = known[covered].text if covered else ""
        pending = old[covered:]
        text = self._bounded([*so_far.splitlines(), *map(_line, pending)], for_summary)
        method: Literal["extractive", "model"] = known[covered].method if covered and not pending else "extractive"
        fresh, usage = bool(pending), dict[str, int]()
        if pending and self.model is not None and self.summary in {"auto", "model"}:
            fresh = len(pending) >= _AT_ONCE
            if fresh:
                try:
                    prompt = _prompt(so_far, pending, language)
                    reply = yield from ask(self.model(), prompt, self.seconds, _LONGEST)
                    said = [line for line in map(str.strip, spoken(reply.text).splitlines()) if line]
                    usage = dict(reply.usage)
                    if not said:
                        raise GenerationError("it said nothing")
                    text, method = self._bounded(said, for_summary), "model"
                except GenerationError as error:
                    log.warning("the conversation is summarised without the chat model: %s", error)
        return Recollection(
            _with_summary(_messages(recent), text, language),
            Summary(text, method),
            len(old) if fresh or not pending else covered,
            fresh,
            usage,
        )

    def _recent(self, exchanges: Sequence[Exchange], budget: int) -> list[Exchange]:
        """The last exchanges that fit; where not even the last one does, the beginnings of its question and answer."""
        chosen: list[Exchange] = []
        left = budget
        for exchange in reversed(exchanges[len(exchanges) - min(self.turns, len(exchanges)) :]):
            left -= self.count_tokens(exchange.question) + self.count_tokens(exchange.answer)
            if left < 0 and chosen:
                break
            if left < 0:
                question = self._cut(exchange.question, budget // 2)
                answer = self._cut(exchange.answer, budget - self.count_tokens(question))
                return [Exchange(question, answer, exchange.abstained)]
            chosen.insert(0, exchange)
        return chosen

    def _cut(self, text: str, budget: int) -> str:
        """The beginning of a text: as much as fits, to a sentence end if there is one."""
        if self.count_tokens(text) <= budget:
            return text
        end, most = 0, len(text)
        while most and self.count_tokens(text[:most]) > budget:
            most = most * 3 // 4
        for _, stop in sentence_spans(text):
            if stop > most:
                break
            end = stop
        return f"{text[: end or most].rstrip()} …"

    def _bounded(self, lines: Sequence[str], budget: int) -> str:
        """The last lines that fit; at least the last one, cut if need be."""
        chosen: list[str] = []
        for line in reversed(lines):
            budget -= self.count_tokens(line) + 1
            if budget < 0:
                if not chosen:
                    chosen = [self._cut(line, max(budget + self.count_tokens(line), 1))]
                break
            chosen.insert(0, line)
        return "\n".join(chosen)


def _messages(exchanges: Sequence[Exchange]) -> tuple[Message, ...]:
    return tuple(
        message
        for exchange in exchanges
        for message in (Message("user", exchange.question), Message("assistant", exchange.answer))
    )


def _with_summary(recent: tuple[Message, ...], text: str, language: str) -> tuple[Message, ...]:
    """The summary of older turns as a question and its answer in front of the last ones.

    So the roles still alternate, as many chat templates demand.
    """
    said = (
        Message("user", render("summary-recall", language)),
        Message("assistant", f"<summary>\n{as_data(text)}\n</summary>"),
    )
    return (*said, *recent)


def _line(exchange: Exchange) -> str:
    """An exchange in its own words, on one line."""
    language = answer_language(exchange.question)
    question = _short(" ".join(exchange.question.split()), _QUESTION)
    if exchange.abstained:
        return f"- {question} → {_SILENT[language]}"
    answer = " ".join(_MARKER.sub("", exchange.answer).split())
    first = next((answer[start:end] for start, end in sentence_spans(answer)), "")
    return f"- {question} → {_short(first, _ANSWER)}"


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def _prompt(so_far: str, pending: Sequence[Exchange], language: str) -> str:
    turns = "\n".join(
        f'<turn role="{message.role}">{_short(" ".join(as_data(message.content).split()), _SHOWN)}</turn>'
        for message in _messages(pending)
    )
    return render("summary-conversation", language, summary=as_data(so_far) or "—", conversation=turns)
