"""Run by the Python of vLLM's environment: the chat model of ``vllm:MODEL``, asked for what the contract promises.

    python vllm_in_process.py MODEL ADAPTER QUESTIONS RESULTS

QUESTIONS is JSON, a name to what is told and asked; what comes of it is written to RESULTS, as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ragbot.errors import GenerationError, SettingsError
from ragbot.models.registry import load_chat_model

SCHEMA = {"type": "object", "properties": {"city": {"enum": ["上海", "Paris"]}}, "required": ["city"]}


def main(folder: str, adapter: str, questions: dict[str, tuple[str, str]]) -> dict[str, Any]:
    model: Any = load_chat_model(
        f"vllm:{folder}+dtype=float32",
        adapters={"reader": adapter, "spare": adapter},
        context_tokens=1024,
        max_new_tokens=16,
        slots=8,
    )
    asked = {name: [("system", told), ("human", asked)] for name, (told, asked) in questions.items()}
    first = next(iter(asked.values()))
    found: dict[str, Any] = {"context": model.context_tokens, "answers": {}}
    for chosen in ("reader", "none"):
        messages = {name: model.invoke(question, adapter=chosen) for name, question in asked.items()}
        found["answers"][chosen] = {
            name: {"text": message.text, "input_tokens": message.usage_metadata["input_tokens"]}
            for name, message in messages.items()
        }
    whole = model.invoke(first)
    found["active"] = whole.text
    found["usage"], found["reason"] = whole.usage_metadata, whole.response_metadata["finish_reason"]
    found["streamed"] = [chunk.text for chunk in model.stream(first)]
    found["stopped"] = model.invoke(first, stop=[whole.text[4:6]]).text
    found["short"] = model.invoke(first, max_tokens=3).usage_metadata["output_tokens"]
    sure = model.invoke(first, logprobs=True, top_logprobs=2).response_metadata["logprobs"]["content"]
    found["logprobs"] = sure
    form = {"type": "json_schema", "json_schema": {"name": "city", "schema": SCHEMA}}
    found["schema"] = model.invoke(first, response_format=form, max_tokens=40).text

    many = [f"{text} {i}" for i in range(4) for text in ("What is a harbour?", "灯塔是什么？")]
    found["alone"] = [model.invoke(text).text for text in many]
    with ThreadPoolExecutor(8) as pool:
        found["together"] = list(pool.map(lambda text: model.invoke(text).text, many))

    stream = model.stream("Once", max_tokens=900)
    next(chunk for chunk in stream if chunk.text)
    stream.close()
    deadline = time.monotonic() + 10
    while model.engine._engine.output_processor.has_unfinished_requests() and time.monotonic() < deadline:
        time.sleep(0.05)
    found["left"] = not model.engine._engine.output_processor.has_unfinished_requests()
    found["errors"] = [
        _error(lambda: model.invoke("harbour " * 2000)),
        _error(lambda: model.invoke("Once", max_tokens=900, timeout=0.2)),
        _error(lambda: model.invoke(first, adapter="writer")),
    ]
    found["again"] = model.invoke(first).text
    model.engine.close()
    return found


def _error(call: Any) -> str:
    try:
        call()
    except (GenerationError, SettingsError) as error:
        return str(error)
    return "no error"


if __name__ == "__main__":
    results = main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]))
    Path(sys.argv[4]).write_text(json.dumps(results, ensure_ascii=False), encoding="utf-8")
