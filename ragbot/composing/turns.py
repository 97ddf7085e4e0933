"""One question of a conversation as its asker wants it: another model, more hits, a stricter check, or the agent."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from ragbot.documents import Answer, Message
from ragbot.errors import GenerationError
from ragbot.generation.chain import AnswerChain, AnswerStream
from ragbot.index.filters import Filter
from ragbot.text import answer_language
from ragbot.workspace.conversing import Ask

if TYPE_CHECKING:
    from agents.react import Agent, AgentStream
    from agents.runs import AgentRun
    from agents.steps import Step

#: What turns that the agent answered are said to be answered by.
AGENT = "agent"
#: Seconds between two moments at which an agent's reader may stop it, and that it may take to end then.
_MOMENT, _ENDING = 0.1, 30.0

#: Told each step of the agent as it happens.
Watch = Callable[["Step"], object]


@dataclass(frozen=True, slots=True)
class TurnOptions:
    """The settings of one question; what is empty is as the settings say.

    Args:
        model: what answers, one of :attr:`ragbot.RagBot.models`.
        top_k: hits that are searched for.
        strictness: ``mark``, ``strict`` or ``off``.
        agent: whether the agent answers, with the tools that need nobody's consent; model, ``top_k`` and
            ``strictness`` are its own then.
    """

    model: str = ""
    top_k: int = 0
    strictness: str = ""
    agent: bool = False


class Answering(Protocol):
    """What answers; :class:`ragbot.RagBot` is one."""

    def chain_for(self, options: TurnOptions) -> AnswerChain:
        """The answer chain as one question wants it."""

    def agent(self, *, language: str, where: Filter | None) -> Agent:
        """An agent over the knowledge base."""


def asking(bot: Answering, options: TurnOptions, watch: Watch | None = None) -> Ask:
    """What answers a question as ``options`` say; ``watch`` is told the agent's steps."""

    def by_chain(question: str, history: Sequence[Message], where: Filter | None) -> AnswerStream:
        return bot.chain_for(options).stream(question, history, where)

    def by_agent(question: str, history: Sequence[Message], where: Filter | None) -> AnswerStream:
        stream = AnswerStream(iter(()))
        stream._pieces = _agent_pieces(bot, stream, question, history, where, watch)
        return stream

    return by_agent if options.agent else by_chain


def _agent_pieces(
    bot: Answering,
    stream: AnswerStream,
    question: str,
    history: Sequence[Message],
    where: Filter | None,
    watch: Watch | None,
) -> Iterator[str]:
    """Empty pieces while the agent is at work, then the text of its answer."""
    steps = bot.agent(language=answer_language(question), where=where).stream(question, history)
    for step in _moments(steps):
        if step is not None and watch is not None:
            watch(step)
        yield ""
    answer = answer_of(steps.run)
    yield answer.text
    stream._answer = answer


def answer_of(run: AgentRun) -> Answer:
    """The end of a run as an answer: the passages that it cites under the markers that stand in it.

    Raises:
        GenerationError: it came to none.
    """
    final = run.answer
    if final is None:
        raise GenerationError(
            run.error or f"the agent came to no answer; go on with it: ragbot agent --resume {run.id}"
        )
    citations = tuple(
        replace(source.citation, marker=source.marker) for source in final.sources if source.citation is not None
    )
    return Answer(
        question=run.question,
        text=final.text,
        citations=citations,
        abstained=final.outcome == "refused",
        confidence=0.0 if final.outcome == "refused" else 1.0,
        language=run.language,
        usage={"output_tokens": run.tokens},
        claims=final.claims,
    )


def _moments(steps: AgentStream) -> Iterator[Step | None]:
    """The steps, and None now and then between two, when the reader may leave: the model is told to stop then."""
    made: queue.SimpleQueue[Step | BaseException | None] = queue.SimpleQueue()

    def work() -> None:
        try:
            for step in steps:
                made.put(step)
        except BaseException as error:  # noqa: BLE001  # raised again where the steps are read
            made.put(error)
        finally:
            made.put(None)

    thread = threading.Thread(target=work, name="ragbot-agent", daemon=True)
    thread.start()
    try:
        while True:
            try:
                item = made.get(timeout=_MOMENT)
            except queue.Empty:
                yield None
                continue
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        steps.cancel()
        thread.join(_ENDING)
