"""One run under way: reply after reply, step after step, each on the disk before the next thing happens."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage

from agents import loops
from agents.acting import Actor
from agents.budgets import Meter
from agents.calling import CancelledRunError
from agents.fitting import fitted
from agents.preparing import prepared
from agents.protocol.base import Brief, Turn
from agents.protocol.choice import takes_max_tokens
from agents.protocol.native import NativeProtocol
from agents.protocol.text import TextProtocol
from agents.sources import final_answer
from agents.steps import Action, FinalAnswer, Malformed, Observation, Outcome, Step, Thought
from agents.texts import filled, text
from ragbot.errors import GenerationError

if TYPE_CHECKING:
    from agents.react import Agent, AgentStream

log = logging.getLogger(__name__)

#: Replies in a row that could not be read, after which the answer is asked for.
MISTAKES = 3
#: An answer of nothing but dots is none.
_SAYS = re.compile(r"\w")
#: What an endpoint says that takes no tools.
_NO_TOOLS = {400, 404, 422, 501}


class Loop:
    """One run under way."""

    def __init__(self, agent: Agent, stream: AgentStream) -> None:
        run = stream.run
        self.agent, self.stream = agent, stream
        self.brief = Brief(run.question, run.language, agent.tools, run.history)
        self.meter = Meter(agent.options.budget, run.steps)
        self.actor = Actor(agent.tools, agent.policy, agent.consent, self.meter, run, stream._cancelled.is_set)
        self.mistakes = 0
        self.salvaged = ""

    def steps(self) -> Generator[Step]:
        """The steps to come; whatever ends them is marked in the store."""
        store, run = self.agent.store, self.stream.run.id
        try:
            if not self.steps_so_far:
                yield from self._kept(prepared(self))
            if (pending := self.stream.run.pending) is not None:
                yield from self._kept(self.actor.resumed(pending, self.steps_so_far))
            if self.stream.run.answer is None:
                yield from self._kept(self._replies())
        except (GeneratorExit, KeyboardInterrupt, CancelledRunError) as error:
            store.mark(run, "interrupted")
            self.stream.run = replace(self.stream.run, state="interrupted")
            if not isinstance(error, CancelledRunError):
                raise
        except Exception as error:
            store.mark(run, "failed", f"{type(error).__name__}: {error}")
            raise
        else:
            store.mark(run, "done")
            self.stream.run = replace(self.stream.run, state="done")

    def _kept(self, steps: Iterator[Step]) -> Iterator[Step]:
        """Each step is on the disk before it is shown, and before what comes behind it happens."""
        for step in steps:
            run = self.stream.run
            self.agent.store.append(run.id, len(run.steps), step.as_json())
            self.stream.run = replace(run, steps=(*run.steps, step))
            yield step

    @property
    def steps_so_far(self) -> Sequence[Step]:
        """All steps of the run."""
        return self.stream.run.steps

    def _replies(self) -> Iterator[Step]:
        language = self.brief.language
        while True:
            if spent := self.meter.spent(language):
                yield self._ended(spent)
                return
            reason = self._closing()
            turn, number, tokens = self._ask(reason)
            if turn.thought and not turn.problem:
                yield Thought(turn=number, tokens=tokens, text=turn.thought)
                tokens = 0
            if turn.answer is not None and (_SAYS.search(turn.answer) or not reason):
                outcome: Outcome = "best" if reason and turn.answer else "answered"
                found = final_answer(turn.answer, self.brief.question, self.steps_so_far, outcome, reason)
                yield replace(found, turn=number, tokens=tokens)
                return
            if reason:  # nothing but an answer was asked for
                self.salvaged = turn.salvaged or self.salvaged
                yield replace(self._ended(reason), turn=number, tokens=tokens)
                return
            if turn.problem:
                yield from self._unreadable(turn, number, tokens)
                continue
            self.mistakes = 0
            for call in turn.calls:
                yield from self.called(call.tool, call.arguments, number, tokens)
                tokens = 0

    def _closing(self) -> str:
        """Why the next reply has to be the answer; empty while it need not."""
        language = self.brief.language
        if loops.strikes(self.steps_so_far) >= loops.STRIKES:
            return text(language, "loops")
        if self.mistakes >= MISTAKES:
            return text(language, "mistakes")
        return self.meter.last_reply(language)

    def _unreadable(self, turn: Turn, number: int, tokens: int) -> Iterator[Step]:
        language = self.brief.language
        self.mistakes += 1
        self.salvaged = turn.salvaged or self.salvaged
        problem = text(language, turn.problem)
        yield Malformed(turn=number, tokens=tokens, text=turn.text, problem=problem)
        said = text(language, "malformed", problem=problem, form=text(language, self.agent.protocol.form))
        yield Observation(turn=number, text=said, status="malformed", trusted=True)

    def _ended(self, reason: str) -> FinalAnswer:
        """An end without a last word of the model: what it had begun to say, or what was tried."""
        language = self.brief.language
        said = self.salvaged or self._computed()
        if said:
            return final_answer(said, self.brief.question, self.steps_so_far, "best", reason)
        tools = list(dict.fromkeys(step.tool for step in self.steps_so_far if isinstance(step, Action)))
        joint = "、" if language == "zh" else ", "
        tried = filled(language, "refusal_tried", joint.join(tools)) if tools else text(language, "refusal_nothing")
        said = text(language, "refusal", reason=reason, tried=tried)
        return FinalAnswer(text=said, outcome="refused", reason=reason)

    def _computed(self) -> str:
        """What a model that calls in a circle is stuck on, if ragbot computed it: the result, with its marker."""
        if loops.strikes(self.steps_so_far) < loops.STRIKES:
            return ""
        for step in reversed(self.steps_so_far):
            if isinstance(step, Observation) and step.status == "ok" and step.trusted and step.source:
                return f"{step.text.strip()} [{step.source}]"
        return ""

    def called(self, tool: str, arguments: Mapping[str, Any], turn: int, tokens: int = 0) -> Iterator[Step]:
        """A call, and what comes of it."""
        number = sum(isinstance(step, Action) for step in self.steps_so_far) + 1
        action = Action(turn=turn, tokens=tokens, id=f"call{number}", tool=tool, arguments=dict(arguments))
        yield action
        yield from self.actor.acted(action, self.steps_so_far)

    def asked(self, prompt: str, schema: Mapping[str, Any]) -> tuple[str, int, int]:
        """What the model says to ``prompt``, in the form of ``schema`` where it can be held to it; number and tokens."""
        options: dict[str, Any] = {}
        if isinstance(self.agent.protocol, TextProtocol) and self.agent.protocol.constrained:
            options["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "reply", "schema": dict(schema)},
            }
        reply = self._spoken(self.agent.model, [HumanMessage(prompt)], options)
        tokens = _total(reply)
        return str(reply.text), self.meter.reply(tokens), tokens

    def _ask(self, closing: str) -> tuple[Turn, int, int]:
        """The next reply, its number, and the tokens it cost."""
        try:
            reply = self._reply(closing)
        except GenerationError as error:
            if not self._takes_no_tools(error):
                raise
            log.warning("%s takes no tool calls; going on with the text protocol: %s", self.agent.name, error)
            chosen = self.agent.options
            self.agent.protocol = TextProtocol(chosen.constrained, chosen.thoughts, chosen.narrow)
            reply = self._reply(closing)
        tokens = _total(reply)
        return self.agent.protocol.read(reply), self.meter.reply(tokens), tokens

    def _takes_no_tools(self, error: GenerationError) -> bool:
        status = getattr(error.__cause__, "status_code", None)
        first = self.agent.options.protocol == "auto" and not self.meter.turns
        return first and isinstance(self.agent.protocol, NativeProtocol) and status in _NO_TOOLS

    def _reply(self, closing: str) -> AIMessage:
        agent, protocol = self.agent, self.agent.protocol
        messages = fitted(
            agent.model,
            self.steps_so_far,
            lambda steps: protocol.messages(self.brief, steps, closing),
            self.brief.language,
            agent.options.reply_tokens or 256,
        )
        options = protocol.options(self.brief, self.steps_so_far, closing)
        model: Any = agent.model
        if isinstance(protocol, NativeProtocol) and self.brief.tools and not closing:
            model = agent.model.bind_tools(list(self.brief.tools))
        return self._spoken(model, messages, options)

    def _spoken(self, model: Any, messages: Sequence[BaseMessage], options: dict[str, Any]) -> AIMessage:
        """The whole reply; the model is stopped where the run is given up, or its time is over."""
        if self.agent.options.reply_tokens and takes_max_tokens(self.agent.model):
            options["max_tokens"] = self.agent.options.reply_tokens
        whole: AIMessageChunk | None = None
        with contextlib.closing(model.stream(messages, **options)) as pieces:
            for piece in pieces:
                whole = piece if whole is None else whole + piece
                if self.stream._cancelled.is_set():
                    raise CancelledRunError
                if (left := self.meter.left()) is not None and left <= 0:
                    break  # what was said by now may be an answer
        if whole is None:
            raise GenerationError(f"{self.agent.name} ended without a reply: try again, or use another model")
        return whole


def _total(reply: AIMessage) -> int:
    """Tokens of prompt and reply; 0 where the model does not say."""
    return int(reply.usage_metadata["total_tokens"]) if reply.usage_metadata else 0
