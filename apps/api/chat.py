"""``/v1/chat/completions``: a question to the documents, in OpenAI's words; the answer cites, or refuses."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from contextlib import aclosing, closing
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from apps.api import problems
from apps.api.chat_replies import Reply, event, extension, tokens_of
from apps.api.chat_schema import ChatRequest
from apps.api.chat_wishes import Wish, chain_for, filter_of, read
from apps.api.common import Caller, Parts, These, charge, knowledge_base
from apps.api.principal import Keyed, Principal
from apps.api.telemetry import note
from apps.api.tracing import past, span
from apps.api.working import all_items, items, unless_left, with_pings
from ragbot.documents import Answer
from ragbot.errors import RagbotError
from ragbot.models.embedders.base import estimate_tokens
from ragbot.workspace.tickets import Tickets

router = APIRouter(tags=["OpenAI"], route_class=Keyed)

#: A stream is sent as it comes, by proxies, too.
STREAM_HEADERS = {"x-accel-buffering": "no"}


@dataclass(frozen=True, slots=True)
class Asked:
    """One question on its way."""

    request: ChatRequest
    wish: Wish
    principal: Principal
    knowledge_base: str
    these: Parts

    @property
    def said(self) -> list[str]:
        """What the caller has sent."""
        return [self.wish.question, *(message.content for message in self.wish.history)]

    @property
    def keeps(self) -> bool:
        """Whether the answer is kept."""
        return self.these.settings.server.store if self.request.store is None else self.request.store


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer, and the field ``ragbot`` that is sent with it."""

    answer: Answer
    own: dict[str, Any]


@router.post("/v1/chat/completions", summary="Answer a question from the documents", response_model=None)
async def completions(request: Request, body: ChatRequest, principal: Caller, these: These) -> Response:
    """Text with markers such as [1]; the field `ragbot` has the citations with their exact places, the sentences with what
    their check found, and how sure the answer is. Where the documents are silent it is a refusal (`ragbot.abstained`).
    """
    server = these.settings.server
    if body.stream_options and not body.stream:
        raise problems.ProblemError(
            400, "stream_options belong to a streamed answer: set stream", param="stream_options"
        )
    wish = read(body, server.drop_params)
    name = knowledge_base(request, these.bots, principal, body.model)
    asked = Asked(body, wish, principal, name, these)
    if server.log_text:
        note(request, question=wish.question)
    if body.stream:
        stream = items(these.gate, lambda: _answering(request, asked))
        try:
            # What goes wrong before the first piece still has a status of its own.
            first = await unless_left(request, anext(stream))
        except BaseException:
            await stream.aclose()
            raise
        events = with_pings(_events(request, asked, first, stream))
        return StreamingResponse(events, media_type="text/event-stream", headers=STREAM_HEADERS)
    *_, last = await all_items(request, these.gate, lambda: _answering(request, asked))
    assert isinstance(last, Answered)
    tokens = _count(request, asked, last)
    reply = Reply(f"chatcmpl-{secrets.token_hex(12)}", body.model)
    return JSONResponse(reply.whole(last.answer, last.own, tokens, wish.sampling.max_tokens))


def _answering(request: Request, asked: Asked) -> Generator[str | Answered]:
    """The pieces of an answer and then the whole; runs in a thread."""
    said, whole = "", False
    try:
        with closing(_pieces(asked)) as pieces:
            for piece in pieces:
                said += piece if isinstance(piece, str) else ""
                whole = isinstance(piece, Answered)
                yield piece
    finally:
        if not whole:  # who leaves, or is left by the model, has had this much
            charge(request, asked.principal, sum(map(estimate_tokens, asked.said)), estimate_tokens(said))


def _pieces(asked: Asked) -> Generator[str | Answered]:
    these, own = asked.these, asked.request.ragbot
    where = asked.principal.where(filter_of(own.where))
    settings = these.settings
    with these.bots.using(asked.knowledge_base) as bot, span("answer", knowledge_base=asked.knowledge_base):
        longest = settings.generation.answer_tokens
        chain, dropped = chain_for(bot.chain, asked.wish, asked.request, longest, settings.server.drop_params)
        with closing(chain.stream(asked.wish.question, asked.wish.history, where)) as stream:
            yield from stream
        answer = stream.answer
        past("generation", answer.timings.get("total", 0) - answer.timings.get("search", 0), model=bot.llm)
        ticket = None
        if asked.keeps:
            ticket = Tickets(these.workspace).keep(answer, str(bot.kb.folder), bot.llm, asked.principal.owner)
        yield Answered(answer, extension(answer, asked.knowledge_base, bot.llm, dropped, ticket, own.hits))


async def _events(
    request: Request, asked: Asked, first: str | Answered, rest: AsyncGenerator[str | Answered]
) -> AsyncIterator[bytes]:
    body = asked.request
    usage = bool(body.stream_options and body.stream_options.include_usage)
    reply = Reply(f"chatcmpl-{secrets.token_hex(12)}", body.model)
    async with aclosing(rest):
        try:
            yield reply.piece({"role": "assistant", "content": "", "refusal": None}, usage)
            piece: str | Answered | None = first
            while piece is not None:
                if isinstance(piece, Answered):
                    tokens = _count(request, asked, piece)
                    yield reply.end(piece.own, tokens, asked.wish.sampling.max_tokens, usage)
                elif piece:
                    yield reply.piece({"content": piece}, usage)
                piece = await anext(rest, None)
        except RagbotError as error:
            _, said = problems.of(error, problems.request_id(request))
            note(request, error=type(error).__name__)
            yield event(said)


def _count(request: Request, asked: Asked, answered: Answered) -> tuple[int, int]:
    answer = answered.answer
    tokens = tokens_of(answer, asked.said)
    charge(request, asked.principal, *tokens)
    note(
        request,
        model=answered.own["answered_by"],
        abstained=answer.abstained,
        confidence=round(answer.confidence, 3),
        hits=len(answer.hits),
        citations=len(answer.citations),
        stages={name: round(seconds, 4) for name, seconds in answer.timings.items()},
    )
    return tokens
