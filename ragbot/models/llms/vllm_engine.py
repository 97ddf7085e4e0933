"""vLLM's engine in this process: on an event loop in a thread of its own, so that any thread can ask it and leave."""

from __future__ import annotations

import asyncio
import json
import os
import queue
import threading
import uuid
import weakref
from collections.abc import Collection, Generator, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from ragbot.errors import GenerationError, MissingExtraError, ModelNotFoundError, SettingsError
from ragbot.models.llms.adapters import CONFIG, find
from ragbot.models.llms.calls import Call

#: Seconds between two looks whether the caller of a waiting call has left.
LOOK = 0.05
#: What an engine can be told to hold; a LoRA of another rank is held as the next.
RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
DTYPES = ("auto", "float32", "bfloat16", "float16")
SERVE = "serve the model where it runs, and use openai:NAME (docs/serving-vllm.md)"
#: The engine reports what it runs on to its makers unless it is told not to, and logs each step of its start.
ENVIRONMENT = {"VLLM_NO_USAGE_STATS": "1", "VLLM_LOGGING_LEVEL": "WARNING"}


class VllmEngine:
    """The engine of one model and its LoRA adapters.

    Args:
        model: a folder or a hub name (safetensors only; code inside a model is never run).
        adapters: names to LoRA folders.
        dtype: one of :data:`DTYPES`.
        context_tokens: prompt and answer together; None: as many as the model takes.
        slots: answers that are computed at once.
        memory: the part of the GPU's memory that is taken.
        gpus: GPUs that share the weights.

    Raises:
        MissingExtraError: vllm is not installed.
        ModelNotFoundError: this build of vllm finds nothing to run on, or cannot load the model or an adapter.
        SettingsError: no such dtype, or an adapter of too high a rank.
    """

    def __init__(
        self,
        model: str,
        adapters: Mapping[str, str],
        *,
        dtype: str,
        context_tokens: int | None,
        slots: int,
        memory: float,
        gpus: int,
    ) -> None:
        if dtype not in DTYPES:
            raise SettingsError(
                f"dtype is {dtype!r}: vLLM takes {', '.join(DTYPES)}; for fewer bits give a model that is stored quantised"
            )
        _require()
        folders = {name: find(name, folder) for name, folder in adapters.items()}
        options: dict[str, Any] = {
            "model": model,
            "dtype": dtype,
            "max_model_len": context_tokens,
            "max_num_seqs": slots,
            "gpu_memory_utilization": memory,
            "tensor_parallel_size": gpus,
            "load_format": "safetensors",
            "trust_remote_code": False,
            "enable_prefix_caching": True,
            "disable_log_stats": True,
        }
        if folders:
            rank = _rank(folders)
            options |= {"enable_lora": True, "max_lora_rank": rank, "max_loras": len(folders)}
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=_run, args=(self._loop,), name="ragbot-vllm", daemon=True).start()
        try:
            self._engine = asyncio.run_coroutine_threadsafe(_make(options), self._loop).result()
        except (ImportError, OSError, RuntimeError, ValueError) as error:
            self._loop.call_soon_threadsafe(self._loop.stop)
            reason = " ".join(str(error).split())[:400]
            raise ModelNotFoundError(
                f"vLLM cannot load {model!r} ({reason}): check the folder or the name, that the GPU has room for it (a lower "
                f"context_tokens, +dtype=), or {SERVE}"
            ) from error
        self.close = weakref.finalize(self, _shut, self._engine, self._loop)
        self._requests = self._lora_requests(folders)
        self.context_tokens = int(self._engine.model_config.max_model_len)

    def stream(self, prompt: Sequence[int], call: Call, adapter: str | None, what: str) -> Generator[Any]:
        """vLLM's ``RequestOutput`` of each step, with what is new in it; leaving this iterator ends the work.

        Raises:
            GenerationError: the time is over, or the engine failed.
        """
        outputs: queue.SimpleQueue[Any] = queue.SimpleQueue()
        task: Future[None] = asyncio.run_coroutine_threadsafe(
            self._feed(list(prompt), self._parameters(call), self._requests.get(adapter or ""), outputs), self._loop
        )
        task.add_done_callback(lambda _: outputs.put(None))
        begun = False
        try:
            while True:
                try:
                    found = outputs.get(timeout=LOOK)
                except queue.Empty:
                    call.check(what, begun)
                    continue
                if found is None:
                    break
                yield found
                begun = True
            if task.cancelled():
                raise GenerationError(f"{what} was closed in the middle of an answer: load it again")
            if (error := task.exception()) is not None:
                raise GenerationError(f"{what} failed ({error}): ask again, and see vLLM's log") from error
        finally:
            task.cancel()  # of an answer that is complete, nothing is left to cancel

    async def _feed(self, prompt: list[int], parameters: Any, lora: Any, outputs: queue.SimpleQueue[Any]) -> None:
        from vllm import TokensPrompt

        request = TokensPrompt(prompt_token_ids=prompt)
        async for output in self._engine.generate(request, parameters, uuid.uuid4().hex, lora_request=lora):
            outputs.put(output)

    def _parameters(self, call: Call) -> Any:
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams

        # Where it is drawn by chance, within the bounds that the model's makers recommend.
        own = self._engine.model_config.get_diff_sampling_param() if call.temperature > 0 else {}
        return SamplingParams(
            **{name: own[name] for name in ("top_k", "top_p", "min_p") if name in own},
            max_tokens=call.max_new_tokens,
            temperature=call.temperature,
            seed=call.seed,
            logprobs=call.top_logprobs if call.logprobs else None,
            structured_outputs=None if call.schema is None else StructuredOutputsParams(json=dict(call.schema)),
            output_kind=RequestOutputKind.DELTA,
        )

    def _lora_requests(self, folders: Mapping[str, Path]) -> dict[str, Any]:
        from vllm.lora.request import LoRARequest

        return {name: LoRARequest(name, number, str(path)) for number, (name, path) in enumerate(folders.items(), 1)}


def _require() -> None:
    """Import vllm, and see that it has something to run on."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    try:
        from vllm.platforms import current_platform
    except ImportError as error:
        feature = f"A model of vLLM's in this process (with a GPU; without one, {SERVE})"
        raise MissingExtraError(feature, "vllm") from error
    if not current_platform.device_type:
        raise ModelNotFoundError(
            f"vLLM is installed, but finds no GPU that this build can use: see the driver, {SERVE}, or run the model by "
            "transformers:MODEL"
        )


def _rank(folders: Mapping[str, Path]) -> int:
    """The rank that holds all adapters. Raises SettingsError where one is too high."""
    highest = 0
    for name, folder in folders.items():
        rank = json.loads((folder / CONFIG).read_text(encoding="utf-8")).get("r", 0)
        if rank > RANKS[-1]:
            raise SettingsError(f"the adapter {name!r} has rank {rank}, and vLLM takes {RANKS[-1]} at most: merge it")
        highest = max(highest, rank)
    return next(rank for rank in RANKS if rank >= highest)


def _run(loop: asyncio.AbstractEventLoop) -> None:
    """Until the loop is stopped; what is still waiting then is cancelled."""
    loop.run_forever()
    loop.run_until_complete(_cancel(asyncio.all_tasks(loop)))
    loop.close()


async def _cancel(tasks: Collection[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _make(options: Mapping[str, Any]) -> Any:
    from vllm.config.structured_outputs import StructuredOutputsConfig
    from vllm.engine.arg_utils import AsyncEngineArgs
    from vllm.v1.engine.async_llm import AsyncLLM

    # A small model that may write blanks between the parts of an object can go on with them for ever.
    form = StructuredOutputsConfig(backend="xgrammar", disable_any_whitespace=True)
    return AsyncLLM.from_engine_args(AsyncEngineArgs(**options, structured_outputs_config=form))


def _shut(engine: Any, loop: asyncio.AbstractEventLoop) -> None:
    engine.shutdown()
    loop.call_soon_threadsafe(loop.stop)
