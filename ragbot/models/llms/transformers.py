"""A chat model in this process, by Hugging Face transformers: from a folder or the hub, on the CPU or a GPU."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any, Self

from langchain_core.language_models.chat_models import generate_from_stream
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatResult
from pydantic import Field, PrivateAttr

from ragbot.errors import SettingsError
from ragbot.models import hf
from ragbot.models.llms import networks, prompting, stopping
from ragbot.models.llms.adapters import BASE, named
from ragbot.models.llms.base import SLOTS, Piece, Progress, TokenLogprob, chunk
from ragbot.models.llms.batching import BatchedChatModel
from ragbot.models.llms.calls import Call, room
from ragbot.models.llms.constraints import Constraints
from ragbot.models.llms.decoding import Network, Step
from ragbot.models.llms.detokenizing import Detokenizer
from ragbot.models.llms.networks import ALTERNATIVES as ALTERNATIVES
from ragbot.models.llms.prefix_cache import PrefixCache
from ragbot.models.llms.stopping import StopText

#: Where neither the config nor the tokenizer names a context.
DEFAULT_CONTEXT = 2048
#: Bytes of keys and values that are kept for prompts to come.
PREFIX_CACHE_BYTES = 256 << 20
#: Tokens of a prompt-lookup draft at most.
LOOKUP_TOKENS = 10


class TransformersChatModel(BatchedChatModel):
    """A causal language model and its tokenizer; :meth:`from_name` loads both. The contract is in ``llms/base.py``.

    A tokenizer with a chat template is prompted by it, a base model by
    :func:`ragbot.models.llms.prompting.plain_prompt`. ``temperature`` 0 is greedy. One call may also have ``seed`` (for
    sampling) and ``adapter`` (a name of ``adapters``, or ``none`` for the bare model).
    """

    model: Any = Field(exclude=True, repr=False)
    tokenizer: Any = Field(exclude=True, repr=False)
    adapters: tuple[str, ...] = ()
    prefix_cache_bytes: int = Field(PREFIX_CACHE_BYTES, ge=0)
    lookup_tokens: int = Field(LOOKUP_TOKENS, ge=0)

    _network: Network = PrivateAttr()
    _active: str = PrivateAttr("")
    _constraints: Constraints = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:
        """Called by pydantic once the fields are there."""
        super().model_post_init(context)
        self._network = Network(self.model, PrefixCache(self.prefix_cache_bytes), self.lookup_tokens)
        self._active = self.adapters[0] if self.adapters else ""
        self._constraints = Constraints(self._grammar_tokenizer, "hf")

    @classmethod
    def from_name(
        cls,
        model: str,
        *,
        max_new_tokens: int = 256,
        temperature: float = 0.0,
        device: str = "auto",
        dtype: str = "auto",
        adapters: str | Sequence[str] | Mapping[str, str] = (),
        threads: int | None = None,
        timeout: float | None = None,
        first_token_timeout: float | None = None,
        slots: int = SLOTS,
        prefix_cache_bytes: int = PREFIX_CACHE_BYTES,
        lookup_tokens: int | None = None,
    ) -> Self:
        """Load ``model``, a folder or a hub name (safetensors only; code inside a model is never run).

        Args:
            model: the folder, or ``owner/name`` on the hub (``HF_HUB_OFFLINE=1``: only what is in the local cache).
            max_new_tokens: the longest answer, in tokens.
            temperature: 0 for greedy decoding.
            device: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
            dtype: ``auto`` (:func:`ragbot.models.hf.pick_dtype`), ``float32``, ``bfloat16``, ``float16``, ``int8`` (on
                the CPU by :mod:`ragbot.models.llms.int8`) or ``4bit`` (an NVIDIA GPU, and the extra ``gpu``).
            adapters: LoRA folders or hub names, or names to these. A single one is merged into the weights; of several
                the first is active, and each call can choose another.
            threads: CPU threads of torch, for this whole process (default: torch's own choice).
            timeout: seconds that a call may take; None: any.
            first_token_timeout: seconds until the first token must have come; None: any.
            slots: calls that run at once, step by step in turns.
            prefix_cache_bytes: memory for prompts that a later one may begin with; 0 for none.
            lookup_tokens: tokens of a prompt-lookup draft at most; 0 for none (default: 10, and 0 in float32 on a CPU).

        Raises:
            MissingExtraError: torch, transformers, peft or bitsandbytes is not installed.
            ModelNotFoundError: the model or an adapter cannot be found, fetched or read.
            SettingsError: an option does not take its value, or this machine lacks what it needs.
        """
        hf.require("A local chat model", "torch", "transformers")
        if threads:
            import torch

            torch.set_num_threads(threads)
        chosen = named(adapters)
        network, tokenizer = networks.load(model, device=device, dtype=dtype, adapters=chosen)
        return cls(
            model_name=model,
            model=network,
            tokenizer=tokenizer,
            adapters=tuple(chosen) if hasattr(network, "set_adapter") and hasattr(network, "peft_config") else (),
            max_new_tokens=max_new_tokens,
            temperature=temperature,
            timeout=timeout,
            first_token_timeout=first_token_timeout,
            slots=slots,
            prefix_cache_bytes=prefix_cache_bytes,
            lookup_tokens=networks.worth_drafting(network) * LOOKUP_TOKENS if lookup_tokens is None else lookup_tokens,
        )

    @property
    def context_tokens(self) -> int:
        """Tokens that prompt and answer may have together."""
        config = self.model.config.get_text_config()
        # A tokenizer without a limit says 1e30.
        limits = [getattr(config, "max_position_embeddings", None), self.tokenizer.model_max_length]
        return min((limit for limit in limits if limit and limit < 10**9), default=DEFAULT_CONTEXT)

    @property
    def _llm_type(self) -> str:
        return "ragbot-transformers"

    def get_token_ids(self, text: str) -> list[int]:
        """Ids of ``text`` by the model's own tokenizer, without special tokens; ``get_num_tokens`` counts these."""
        return prompting.text_ids(self.tokenizer, text)

    def _encode(self, messages: Sequence[BaseMessage]) -> list[int]:
        return prompting.prompt_ids(self.tokenizer, messages)

    def _default_stops(self) -> Sequence[str]:
        return prompting.default_stops(self.tokenizer)

    def _ends(self) -> frozenset[int]:
        """The tokens that end an answer."""
        own = self.model.generation_config.eos_token_id
        end = own if own is not None else self.tokenizer.eos_token_id
        return frozenset(end if isinstance(end, list) else [] if end is None else [end])

    def _pieces(self, prompt: Sequence[int], call: Call) -> Generator[Piece]:
        adapter = self._adapter(call)
        reader = _Reader(self, call)
        constraint = self._constraints.of(call.schema) if call.schema is not None else None
        for step in self._network.continued(
            prompt, call, self.model_name, reader.ends, lambda: self._activate(adapter), constraint
        ):
            if not isinstance(step, Step):
                yield Piece(tokens=0, cached=step)
                continue
            piece = reader.read(step.token, step)
            yield piece
            if piece.reason:
                return
        yield Piece(reader.text.flush(), tokens=0)

    def _grammar_tokenizer(self) -> Any:
        from llguidance import hf as grammars

        if not hasattr(self.tokenizer, "backend_tokenizer"):
            raise SettingsError(
                f"{self.model_name} has a slow tokenizer, with which no schema can be kept to: leave response_format out"
            )
        width = self.model.config.get_text_config().vocab_size
        try:
            return grammars.from_tokenizer(self.tokenizer, n_vocab=width, eos_token=sorted(self._ends()))
        except ValueError as error:
            raise SettingsError(
                f"no schema can be kept to with the tokenizer of {self.model_name} ({error}): leave response_format out"
            ) from error

    def _answer_rows(self, prompts: Sequence[Sequence[int]], call: Call) -> list[ChatResult]:
        adapter = self._adapter(call)
        answers = [Progress(StopText(call.stop)) for _ in prompts]
        readers = [_Reader(self, call) for _ in prompts]
        limits = [room(len(prompt), self.context_tokens, call.max_new_tokens, self.model_name) for prompt in prompts]
        shown = [""] * len(prompts)
        done: set[int] = set()
        with self._slots.taken(call, self.model_name):
            steps = self._network.batched(prompts, call, self.model_name, done, lambda: self._activate(adapter))
            for step in steps:
                for row, token in step:
                    answer, piece = answers[row], readers[row].read(token)
                    shown[row] += answer.push(piece)
                    if piece.reason or answer.text.hit or answer.tokens >= limits[row]:
                        shown[row] += answer.push(Piece(readers[row].text.flush(), tokens=0)) + answer.text.flush()
                        done.add(row)
        return [
            generate_from_stream(iter([chunk(text, []), self._last(len(prompt), answer)]))
            for prompt, answer, text in zip(prompts, answers, shown, strict=True)
        ]

    def _decode(self, ids: Sequence[int]) -> str:
        return str(self.tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False))

    def _logprobs(self, step: Step, call: Call) -> tuple[TokenLogprob, ...]:
        chances = step.logits.log_softmax(-1)
        values, order = chances.topk(call.top_logprobs)
        top = tuple((self._token(i), float(value)) for i, value in zip(order.tolist(), values, strict=True))
        return (TokenLogprob(self._token(step.token), float(chances[step.token]), top),)

    def _token(self, token: int) -> str:
        return str(self.tokenizer.decode([token], clean_up_tokenization_spaces=False))

    def _adapter(self, call: Call) -> str:
        """The adapter that ``call`` wants. Raises SettingsError if it is not loaded."""
        wanted = call.adapter or (self.adapters[0] if self.adapters else BASE)
        if wanted not in (*self.adapters, BASE):
            known = ", ".join([*self.adapters, BASE])
            raise SettingsError(f"{self.model_name} has no adapter {wanted!r} that can be switched to: give {known}")
        return wanted

    def _activate(self, adapter: str) -> None:
        """Make ``adapter`` the active one; called with the network's turn taken."""
        if not self.adapters or adapter == self._active:
            return
        if adapter == BASE:
            self.model.base_model.disable_adapter_layers()
        else:
            self.model.base_model.enable_adapter_layers()
            self.model.set_adapter(adapter)
        self._active = adapter


class _Reader:
    """Makes pieces of the tokens of one answer, and sees when it ends."""

    def __init__(self, model: TransformersChatModel, call: Call) -> None:
        self.ends = model._ends()
        self.text = Detokenizer(model._decode)
        self._model, self._call = model, call
        self._new: list[int] = []

    def read(self, token: int, step: Step | None = None) -> Piece:
        """The piece that ``token`` makes; ``step`` gives its log-probabilities."""
        if token in self.ends:
            return Piece(self.text.flush(), reason="stop")
        self._new.append(token)
        # A control token inside an answer is no part of its text.
        wanted = step is not None and self._call.logprobs and token not in self._model.tokenizer.all_special_ids
        logprobs = self._model._logprobs(step, self._call) if step and wanted else ()
        text = self.text.push(token)
        if stopping.in_loop(self._new[-stopping.REPEATS * stopping.LONGEST_PERIOD :]):
            return Piece(text + self.text.flush(), logprobs=logprobs, reason="loop")
        return Piece(text, logprobs=logprobs)
