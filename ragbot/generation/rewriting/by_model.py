"""A question rewritten by a chat model; the rules stand in wherever it fails."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ragbot.documents import Message
from ragbot.errors import GenerationError
from ragbot.generation.context import as_data
from ragbot.generation.prompts import render
from ragbot.generation.rewriting.asking import ask
from ragbot.generation.rewriting.base import BY_RULES, Rewriter, Rewritten, Steps
from ragbot.generation.rewriting.strategies import Asked, Reading, Strategy
from ragbot.text import answer_language

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

log = logging.getLogger(__name__)

#: Seconds that a search waits for the model.
SECONDS = 20.0
#: Turns of the conversation that it is shown, and characters of each.
_TURNS, _TURN = 6, 600
_OTHER = {"zh": "en", "en": "zh"}

#: The languages of the documents that a question may be about.
Languages = Callable[[str], Collection[str]]


@dataclass(frozen=True, slots=True)
class ByModel:
    """Asks a chat model once a question, and searches for what it says, as far as that makes sense.

    Args:
        model: the chat model.
        strategy: what it is asked for.
        count: texts that are wanted, where the strategy wants several.
        rules: what is searched for where the model fails.
        seconds: after which it has failed.
        languages: see :data:`Languages`; None where that is not known: nothing is translated.
    """

    model: BaseChatModel
    strategy: Strategy
    count: int = 3
    rules: Rewriter = BY_RULES
    seconds: float = SECONDS
    languages: Languages | None = None

    def steps(self, question: str, history: Sequence[Message] = ()) -> Steps:
        """See :class:`ragbot.generation.rewriting.base.Rewriter`. A failure is logged, with its reason."""
        plain = yield from self.rules.steps(question, history)
        if not question.strip() or (self.strategy.follow_ups and not any(turn.role == "user" for turn in history)):
            return plain
        asked = Asked(question, plain.question, history, self.count)
        started = time.perf_counter()
        usage: Mapping[str, int] = {}
        try:
            reply = yield from ask(self.model, self._prompt(asked), self.seconds, self.strategy.longest)
        except GenerationError as error:
            reading = Reading(reason=str(error))
        else:
            usage = reply.usage
            reading = self.strategy.read(asked, reply.text)
        spent = time.perf_counter() - started
        if not reading.queries:
            log.warning("the question is searched for without the chat model's rewriting: %s", reading.reason)
            return replace(plain, usage=usage, seconds=spent, fallback=reading.reason)
        log.info("searched for: %s", " | ".join(query.text for query in reading.queries))
        return Rewritten(reading.queries[0].text, reading.queries, usage, spent)

    def _prompt(self, asked: Asked) -> str:
        language = answer_language(asked.question)
        if self.strategy.follow_ups:
            turns = [*asked.history[-_TURNS:], Message("user", asked.question)]
            conversation = "\n".join(f'<turn role="{turn.role}">{_data(turn.content)}</turn>' for turn in turns[:-1])
            return render(self.strategy.prompt, language, conversation=conversation, question=_data(asked.question))
        values = {"question": _data(asked.alone)}
        if self.strategy.translates:
            translated = self.languages is not None and _OTHER[language] in self.languages(asked.alone)
            values["translation"] = render("rewrite-translation", language) if translated else ""
        if self.strategy.prompt != "rewrite-hyde":
            values["count"] = str(self.count)
        return render(self.strategy.prompt, language, **values)


def _data(text: str) -> str:
    """Text of the conversation on one line, and bounded; a tag inside cannot close its frame."""
    line = " ".join(text.split())
    return as_data(line if len(line) <= _TURN else f"{line[:_TURN]} …")
