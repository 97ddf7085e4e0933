"""A GGUF file in this process, by llama.cpp (the wheel xllamacpp): small quantised models, fast on any CPU."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

from langchain_core.messages import BaseMessage
from pydantic import Field, PrivateAttr

from ragbot.errors import SettingsError
from ragbot.models.hf import encodable
from ragbot.models.llms import prompting, stopping
from ragbot.models.llms.adapters import BASE, named
from ragbot.models.llms.base import LocalChatModel, Piece, TokenLogprob
from ragbot.models.llms.calls import Call
from ragbot.models.llms.llamacpp_server import LlamaServer

#: Tokens of prompt and answer together, for each slot: memory is taken for all of them at once.
CONTEXT_TOKENS = 4096
SLOTS = 2
#: Stands for the text of a message while the template is written: private-use characters, in no template.
PLACE = "\ue000{}\ue001"


def load(
    model: str,
    *,
    max_new_tokens: int = 256,
    temperature: float = 0.0,
    adapters: str | Sequence[str] | Mapping[str, str] = (),
    context_tokens: int = CONTEXT_TOKENS,
    slots: int = SLOTS,
    threads: int | None = None,
    gpu_layers: int = 0,
    timeout: float | None = None,
    first_token_timeout: float | None = None,
) -> LlamaCppChatModel:
    """The model in the file ``model`` (``.gguf``).

    Args:
        model: the file; of a model in several files, the first.
        max_new_tokens: the longest answer, in tokens.
        temperature: 0 for the likeliest token.
        adapters: LoRA files (``.gguf``), or names to these; the first is active, a call can choose another or ``none``.
        context_tokens: tokens of prompt and answer together.
        slots: calls that run at once, computed together step by step.
        threads: CPU threads (default: llama.cpp's own choice).
        gpu_layers: layers on the GPU, where the wheel was built for one.
        timeout: seconds that a call may take; None: any.
        first_token_timeout: seconds until the first token must have come; None: any.

    Raises:
        MissingExtraError: xllamacpp is not installed.
        ModelNotFoundError: a file is missing, or llama.cpp cannot read it.
        SettingsError: adapters without names of their own.
    """
    chosen = named(adapters)
    server = LlamaServer(
        Path(model).expanduser(),
        {name: Path(file).expanduser() for name, file in chosen.items()},
        context_tokens=context_tokens,
        slots=slots,
        threads=threads,
        gpu_layers=gpu_layers,
    )
    return LlamaCppChatModel(
        model_name=Path(model).stem,
        server=server,
        adapters=tuple(chosen),
        max_new_tokens=max_new_tokens,
        temperature=temperature,
        slots=slots,
        timeout=timeout,
        first_token_timeout=first_token_timeout,
    )


class LlamaCppChatModel(LocalChatModel):
    """A model of llama.cpp; :func:`load` makes it. The contract is in ``llms/base.py``.

    A file with a chat template is prompted by it, one without by
    :func:`ragbot.models.llms.prompting.plain_prompt`. One call may also have ``seed`` and ``adapter``.
    """

    server: Any = Field(exclude=True, repr=False)
    adapters: tuple[str, ...] = ()

    _templated: bool = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:
        """Called by pydantic once the fields are there."""
        super().model_post_init(context)
        self._templated = self.server.has_template()

    @property
    def context_tokens(self) -> int:
        """Tokens that prompt and answer may have together."""
        return int(self.server.context_tokens)

    @property
    def keeps_schemas(self) -> bool:
        """See the base class: llama.cpp has grammars of its own."""
        return True

    @property
    def _llm_type(self) -> str:
        return "ragbot-llamacpp"

    def get_token_ids(self, text: str) -> list[int]:
        """Ids of ``text`` by the model's own tokenizer, without special tokens; ``get_num_tokens`` counts these."""
        ids: list[int] = self.server.tokenize(encodable(text)) if text else []
        return ids

    def _encode(self, messages: Sequence[BaseMessage]) -> list[int]:
        turns = prompting.turns(messages, None)
        ids: list[int]
        if not self._templated:
            ids = self.server.tokenize(prompting.plain_prompt(turns), begin=True)
            return ids
        # The template is read with its control tokens, the messages between as plain text: so they cannot write any.
        places = [{"role": turn["role"], "content": PLACE.format(i)} for i, turn in enumerate(turns)]
        rest, begin = self.server.apply_template(places), True
        ids = []
        for i, turn in enumerate(turns):
            before, found, after = rest.partition(PLACE.format(i))
            if not found:  # a template that leaves this message out
                continue
            ids += self.server.tokenize(before, begin=begin, special=True)
            ids += self.server.tokenize(turn["content"])
            rest, begin = after, False
        return ids + list(self.server.tokenize(rest, begin=begin, special=True))

    def _default_stops(self) -> Sequence[str]:
        return () if self._templated else [f"\n{cue}" for cue in prompting.ANSWER_CUES.values()]

    def _pieces(self, prompt: Sequence[int], call: Call) -> Generator[Piece]:
        new: list[int] = []
        lines = self.server.complete(self._request(prompt, call), call, self.model_name)
        for line in lines:
            event = json.loads(line)
            tokens = event.get("tokens") or []
            new += tokens
            logprobs = tuple(_logprob(entry, call) for entry in event.get("completion_probabilities") or ())
            if event.get("stop"):
                # Counted as the model counts: the token that ended the answer is one.
                left = int(event["tokens_predicted"]) - (len(new) - len(tokens))
                cached = (event.get("timings") or {}).get("cache_n")
                reason = "length" if event.get("stop_type") == "limit" else "stop"
                yield Piece(event["content"], left, logprobs, reason, cached)
                return
            looped = stopping.in_loop(new[-stopping.REPEATS * stopping.LONGEST_PERIOD :])
            yield Piece(event["content"], len(tokens), logprobs, "loop" if looped else None)
            if looped:
                return

    def _request(self, prompt: Sequence[int], call: Call) -> dict[str, Any]:
        request: dict[str, Any] = {
            "prompt": list(prompt),
            "n_predict": call.max_new_tokens,
            "temperature": call.temperature,
            "stream": True,
            "return_tokens": True,
            "cache_prompt": True,
        }
        if call.seed is not None:
            request["seed"] = call.seed
        if call.schema is not None:
            request["json_schema"] = call.schema
        if call.logprobs:
            request["n_probs"] = max(1, call.top_logprobs)
        wanted = call.adapter or (self.adapters[0] if self.adapters else BASE)
        if wanted not in (*self.adapters, BASE):
            raise SettingsError(
                f"{self.model_name} has no adapter {wanted!r}: give {', '.join([*self.adapters, BASE])}"
            )
        if self.adapters:
            request["lora"] = [{"id": i, "scale": float(name == wanted)} for i, name in enumerate(self.adapters)]
        return request


def _logprob(entry: Mapping[str, Any], call: Call) -> TokenLogprob:
    top = entry.get("top_logprobs", [])[: call.top_logprobs]
    return TokenLogprob(entry["token"], entry["logprob"], tuple((one["token"], one["logprob"]) for one in top))
