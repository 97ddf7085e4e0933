"""A chat model by vLLM in this process: where a GPU is, and many ask at once. Elsewhere vLLM serves: docs/serving-vllm.md."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from typing import Any

from langchain_core.messages import BaseMessage
from pydantic import Field

from ragbot.errors import GenerationError, SettingsError
from ragbot.models import hf
from ragbot.models.llms import prompting, stopping
from ragbot.models.llms.adapters import BASE, named
from ragbot.models.llms.base import LocalChatModel, Piece, TokenLogprob
from ragbot.models.llms.calls import Call
from ragbot.models.llms.vllm_engine import SERVE, VllmEngine

#: Answers that are computed at once; the engine reads the weights once a step for all of them.
SLOTS = 64
#: The part of a GPU's memory that weights, keys and values take together.
MEMORY = 0.9
#: Why vLLM ended an answer, and what the contract calls it.
REASONS: Mapping[str | None, str | None] = {None: None, "stop": "stop", "length": "length"}


def load(
    model: str,
    *,
    max_new_tokens: int = 256,
    temperature: float = 0.0,
    dtype: str = "auto",
    adapters: str | Sequence[str] | Mapping[str, str] = (),
    context_tokens: int | None = None,
    slots: int = SLOTS,
    memory: float = MEMORY,
    gpus: int = 1,
    timeout: float | None = None,
    first_token_timeout: float | None = None,
) -> VllmChatModel:
    """Load ``model``, a folder or a hub name (safetensors only; code inside a model is never run).

    Args:
        model: the folder, or ``owner/name`` on the hub.
        max_new_tokens: the longest answer, in tokens.
        temperature: 0 for greedy decoding.
        dtype: ``auto`` (as it is stored), ``float32``, ``bfloat16`` or ``float16``.
        adapters: LoRA folders or hub names, or names to these; the first is active, a call can choose another or ``none``.
        context_tokens: tokens of prompt and answer together; None: as many as the model takes, if the GPU has room.
        slots: calls that run at once.
        memory: the part of the GPU's memory that is taken.
        gpus: GPUs that share the weights.
        timeout: seconds that a call may take; None: any.
        first_token_timeout: seconds until the first token must have come; None: any.

    Raises:
        MissingExtraError: vllm is not installed.
        ModelNotFoundError: there is no GPU for it, or the model or an adapter cannot be found, fetched or read.
        SettingsError: an option does not take its value.
    """
    chosen = named(adapters)
    engine = VllmEngine(
        model, chosen, dtype=dtype, context_tokens=context_tokens, slots=slots, memory=memory, gpus=gpus
    )
    try:
        tokenizer = _tokenizer(model)
    except BaseException:
        engine.close()
        raise
    return VllmChatModel(
        model_name=model,
        engine=engine,
        tokenizer=tokenizer,
        adapters=tuple(chosen),
        max_new_tokens=max_new_tokens,
        temperature=temperature,
        slots=slots,
        timeout=timeout,
        first_token_timeout=first_token_timeout,
    )


class VllmChatModel(LocalChatModel):
    """A model of vLLM's engine; :func:`load` makes it. The contract is in ``llms/base.py``.

    A tokenizer with a chat template is prompted by it, a base model by
    :func:`ragbot.models.llms.prompting.plain_prompt`. One call may also have ``seed`` and ``adapter``. ``batch`` needs
    nothing of its own: the engine computes together what is asked at once.
    """

    engine: Any = Field(exclude=True, repr=False)
    tokenizer: Any = Field(exclude=True, repr=False)
    adapters: tuple[str, ...] = ()

    @property
    def context_tokens(self) -> int:
        """Tokens that prompt and answer may have together."""
        return int(self.engine.context_tokens)

    @property
    def _llm_type(self) -> str:
        return "ragbot-vllm"

    def get_token_ids(self, text: str) -> list[int]:
        """Ids of ``text`` by the model's own tokenizer, without special tokens; ``get_num_tokens`` counts these."""
        return prompting.text_ids(self.tokenizer, text)

    def _encode(self, messages: Sequence[BaseMessage]) -> list[int]:
        return prompting.prompt_ids(self.tokenizer, messages)

    def _default_stops(self) -> Sequence[str]:
        return prompting.default_stops(self.tokenizer)

    def _pieces(self, prompt: Sequence[int], call: Call) -> Generator[Piece]:
        adapter = self._adapter(call)
        said: list[int] = []
        with closing(self.engine.stream(prompt, call, adapter, self.model_name)) as outputs:
            for output in outputs:
                (new,) = output.outputs
                if new.finish_reason not in REASONS:
                    raise GenerationError(f"{self.model_name} gave up ({new.finish_reason}): ask again, see vLLM's log")
                said += new.token_ids
                looped = stopping.in_loop(said[-stopping.REPEATS * stopping.LONGEST_PERIOD :])
                reason = "loop" if looped else REASONS[new.finish_reason]
                yield Piece(
                    new.text, len(new.token_ids), self._logprobs(new, call), reason, cached=output.num_cached_tokens
                )
                if looped:
                    return

    def _adapter(self, call: Call) -> str | None:
        """The adapter that ``call`` wants, None for the bare model. Raises SettingsError if it is not loaded."""
        wanted = call.adapter or (self.adapters[0] if self.adapters else BASE)
        known = (*self.adapters, BASE)
        if wanted not in known:
            raise SettingsError(f"{self.model_name} has no adapter {wanted!r}: give {', '.join(known)}")
        return None if wanted == BASE else wanted

    def _logprobs(self, new: Any, call: Call) -> tuple[TokenLogprob, ...]:
        """Of the new tokens; a control token has none, as it is no part of the text."""
        if not call.logprobs:
            return ()
        special = set(self.tokenizer.all_special_ids)
        return tuple(
            self._logprob(token, chances, call.top_logprobs)
            for token, chances in zip(new.token_ids, new.logprobs or (), strict=False)
            if token not in special
        )

    def _logprob(self, token: int, chances: Mapping[int, Any], count: int) -> TokenLogprob:
        # The chosen token stands in front, also where it is not among the likeliest.
        likeliest = sorted(chances.items(), key=lambda entry: -entry[1].logprob)[:count]
        top = tuple((self._text(i), float(chance.logprob)) for i, chance in likeliest)
        return TokenLogprob(self._text(token), float(chances[token].logprob), top)

    def _text(self, token: int) -> str:
        return str(self.tokenizer.decode([token], clean_up_tokenization_spaces=False))


def _tokenizer(model: str) -> Any:
    with hf.loading(model, f"{SERVE}, or choose another chat model"):
        from transformers import AutoTokenizer

        return AutoTokenizer.from_pretrained(model, local_files_only=hf.local_only(model), trust_remote_code=False)
