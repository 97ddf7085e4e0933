"""A model endpoint without a model: it answers after a fixed time, repeats the number in the question, and embeds by hashing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

from ragbot.models.testing import HashEmbedder

#: Numbers by which a question and its answer are recognised.
NUMBER = re.compile(r"number (\d+)")
_PIECES = 5


@contextlib.contextmanager
def stub_endpoint(seconds: float) -> Iterator[str]:
    """The address of an endpoint whose chat model takes ``seconds`` for an answer; it runs in a thread."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse, Response, StreamingResponse
    from starlette.routing import Route

    embedder = HashEmbedder()

    async def chat(request: Request) -> Response:
        body = await request.json()
        found = NUMBER.findall(str(body["messages"][-1]["content"]))
        said = f"The answer is number {found[-1] if found else 'none'} [1]."
        return StreamingResponse(_pieces(said, seconds), media_type="text/event-stream")

    async def embed(request: Request) -> Response:
        texts = (await request.json())["input"]
        rows = [embedder.encode_query(text) for text in ([texts] if isinstance(texts, str) else texts)]
        data = [{"object": "embedding", "index": number, "embedding": row.tolist()} for number, row in enumerate(rows)]
        return JSONResponse(
            {"object": "list", "data": data, "model": "stub", "usage": {"prompt_tokens": 1, "total_tokens": 1}}
        )

    app = Starlette(
        routes=[
            Route("/v1/chat/completions", chat, methods=["POST"]),
            Route("/v1/embeddings", embed, methods=["POST"]),
        ]
    )
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/v1"
    finally:
        server.should_exit = True
        thread.join(10)


async def _pieces(text: str, seconds: float) -> AsyncIterator[bytes]:
    step = -(-len(text) // _PIECES)
    for start in range(0, len(text), step):
        await asyncio.sleep(seconds / _PIECES)
        yield _event({"choices": [{"index": 0, "delta": {"role": "assistant", "content": text[start : start + step]}}]})
    yield _event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    yield _event({"choices": [], "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}})
    yield b"data: [DONE]\n\n"


def _event(more: dict[str, Any]) -> bytes:
    return f"data: {json.dumps({'id': 'x', 'object': 'chat.completion.chunk', 'created': 0, 'model': 'stub', **more})}\n\n".encode()
