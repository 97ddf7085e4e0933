"""``/v1/agent``: a question to the agent; its steps as they happen, or the whole run."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Generator, Sequence
from contextlib import aclosing, closing
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from agents.cleaning import cleaned
from agents.react import Agent, AgentStream
from agents.runs import AgentRun, RunsInMemory
from agents.steps import Action, Observation, Step
from agents.toolbox import tool_names
from agents.tools.base import Effect, traits_of
from apps.api import problems
from apps.api.chat import STREAM_HEADERS
from apps.api.chat_replies import event
from apps.api.chat_schema import AgentRequest
from apps.api.chat_wishes import filter_of
from apps.api.common import Caller, Parts, These, charge, knowledge_base
from apps.api.principal import Keyed, Principal, allowed
from apps.api.telemetry import note
from apps.api.tracing import past, span
from apps.api.working import all_items, items, unless_left, with_pings
from ragbot.documents import Message
from ragbot.errors import RagbotError
from ragbot.models.embedders.base import estimate_tokens
from ragbot.workspace.records import clean, plain

router = APIRouter(tags=["ragbot"], route_class=Keyed)


@dataclass(frozen=True, slots=True)
class _Asked:
    request: AgentRequest
    principal: Principal
    knowledge_base: str
    these: Parts
    streams: list[AgentStream]

    def give_up(self) -> None:
        """From the event loop: the model stops at its next token, and a tool is not waited for."""
        for stream in self.streams:
            stream.cancel()


@router.post("/v1/agent", summary="Ask the agent", response_model=None)
async def ask(request: Request, body: AgentRequest, principal: Caller, these: These) -> Response:
    """Answers with the tools of the settings, the documents among them. Nobody can be asked for consent here: a call that
    needs it is not made, unless `allow` names its tool, and the key may: `write` for what reaches the network, `admin`
    for what changes or executes something. Each step is an event named after its kind (thought, action, consent,
    observation, malformed, answer); the last event, `done`, is the run as it is sent without `stream`.
    """
    name = knowledge_base(request, these.bots, principal, body.model)
    _check(body, principal, these)
    asked = _Asked(body, principal, name, these, [])
    if body.stream:
        stream = items(these.gate, lambda: _working(request, asked), asked.give_up)
        try:
            first = await unless_left(request, anext(stream))
        except BaseException:
            await stream.aclose()
            raise
        events = with_pings(_events(request, asked, first, stream))
        return StreamingResponse(events, media_type="text/event-stream", headers=STREAM_HEADERS)
    *_, run = await all_items(request, these.gate, lambda: _working(request, asked), asked.give_up)
    assert isinstance(run, AgentRun)
    return JSONResponse(_whole(request, asked, run))


def _check(body: AgentRequest, principal: Principal, these: Parts) -> None:
    configured = {*these.settings.agent.tools} - {"mcp", "tables"}
    for named in (body.tools or [], body.allow):
        for tool in named:
            if tool not in configured:
                there = ", ".join(sorted(configured))
                raise problems.ProblemError(
                    400, f"there is no tool {tool[:80]!r} here; there are: {there}", param="tools"
                )
    if body.allow:
        allowed(principal, "write")


def _working(request: Request, asked: _Asked) -> Generator[Step | AgentRun]:
    """The steps, and then the run; in a thread."""
    body = asked.request
    where = asked.principal.where(filter_of(body.where))
    with asked.these.bots.using(asked.knowledge_base) as bot, span("agent", knowledge_base=asked.knowledge_base):
        # Nothing of a run is kept: it holds what documents say.
        agent = bot.agent(body.tools, allow=body.allow, language=body.language, store=RunsInMemory(), where=where)
        _check_effects(agent, body.allow, asked.principal)
        history = [Message(said.role, clean(said.content)) for said in body.history]
        stream = agent.stream(clean(body.question), history)
        try:
            with closing(stream):
                asked.streams.append(stream)
                for step in stream:
                    _trace(step, stream.run.steps)
                    yield step
            yield stream.run
        finally:  # who leaves, or is left by the model, has had the steps so far, and has asked for another one
            said = [] if stream.run.state == "done" else [body.question, *(message.content for message in history)]
            charge(request, asked.principal, stream.run.tokens + sum(map(estimate_tokens, said)), 0)


def _check_effects(agent: Agent, allow: Sequence[str], principal: Principal) -> None:
    names = set(map(tool_names, allow))
    for tool in agent.tools:
        if tool.name in names and traits_of(tool).effects & {Effect.WRITE, Effect.EXECUTE}:
            allowed(principal, "admin")


def _trace(step: Step, steps: Sequence[Step]) -> None:
    if isinstance(step, Observation) and any(isinstance(one, Action) and one.id == step.action for one in steps):
        past("tool", step.seconds, tool=step.tool, status=step.status)


async def _events(
    request: Request, asked: _Asked, first: Step | AgentRun, rest: AsyncGenerator[Step | AgentRun]
) -> AsyncIterator[bytes]:
    async with aclosing(rest):
        try:
            piece: Step | AgentRun | None = first
            while piece is not None:
                if isinstance(piece, AgentRun):
                    yield event(_whole(request, asked, piece), "done")
                else:
                    yield event(cleaned(piece.as_json()), piece.kind)
                piece = await anext(rest, None)
        except RagbotError as error:
            _, said = problems.of(error, problems.request_id(request))
            note(request, error=type(error).__name__)
            yield event(said, "error")


def _whole(request: Request, asked: _Asked, run: AgentRun) -> dict[str, Any]:
    note(request, steps=len(run.steps), tools=sorted({name for name, _ in run.calls}))
    answer = run.answer
    whole: dict[str, Any] = {
        "id": run.id,
        "object": "agent.run",
        "model": asked.request.model,
        "state": run.state,
        "question": run.question,
        "text": run.text,
        "outcome": answer.outcome if answer else None,
        "reason": answer.reason if answer else "",
        "sources": plain(run.sources),
        "claims": plain(answer.claims) if answer else [],
        "steps": [step.as_json() for step in run.steps],
        "tokens": run.tokens,
    }
    return {name: cleaned(value) for name, value in whole.items()}
