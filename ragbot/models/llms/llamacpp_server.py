"""llama.cpp's own server inside this process: it batches what runs at once, and keeps the prompts it has computed.

It is reached over a loopback port that the system chooses, with a key that only this process knows; closing a connection
ends the work on it. (Its functions called from Python can only be stopped once a token has come.)
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import httpx

from ragbot.errors import GenerationError, MissingExtraError, ModelNotFoundError
from ragbot.models.llms.calls import Call

#: Seconds for everything but an answer, which has its own deadlines.
PATIENCE = 60.0
#: What llama.cpp takes for a template where a file has none, and its first control token.
FALLBACK_TOKEN = "<|im_start|>"


class LlamaServer:
    """The server of one model.

    Raises:
        MissingExtraError: xllamacpp is not installed.
        ModelNotFoundError: a file is missing, or llama.cpp cannot read it.
    """

    def __init__(
        self,
        model: Path,
        adapters: Mapping[str, Path],
        *,
        context_tokens: int,
        slots: int,
        threads: int | None,
        gpu_layers: int,
    ) -> None:
        try:
            import xllamacpp
        except ImportError as error:
            raise MissingExtraError("A GGUF model by llama.cpp", "llamacpp") from error
        for file in (model, *adapters.values()):
            _check(file)
        key = secrets.token_hex(16)
        params = xllamacpp.CommonParams()
        params.model.path = str(model)
        params.n_parallel = slots
        params.n_ctx = context_tokens * slots
        params.n_gpu_layers = gpu_layers
        params.api_keys = [key]
        params.warmup = False
        params.verbosity = -1
        params.ui = False
        if threads:
            params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
        if adapters:
            params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(str(file), 1.0) for file in adapters.values()]
        try:
            self._server = xllamacpp.Server(params)
        except (RuntimeError, ValueError) as error:
            raise ModelNotFoundError(
                f"llama.cpp cannot read {model} ({error}): check the file and its adapters, or give another model"
            ) from error
        # One connection a request: the server closes idle ones without a word.
        self._client = httpx.Client(
            base_url=self._server.listening_address,
            headers={"authorization": f"Bearer {key}", "connection": "close"},
            trust_env=False,
            timeout=PATIENCE,
        )
        props = self._get("/props")
        self.context_tokens = int(props["default_generation_settings"]["n_ctx"])

    def has_template(self) -> bool:
        """Whether the file brings a chat template; without one llama.cpp has its own, whose tokens the model lacks."""
        template = str(self._get("/props").get("chat_template") or "")
        return bool(template) and (
            FALLBACK_TOKEN not in template or len(self.tokenize(FALLBACK_TOKEN, special=True)) == 1
        )

    def tokenize(self, text: str, *, begin: bool = False, special: bool = False) -> list[int]:
        """The ids of ``text``; with ``begin`` after the token that opens a text, with ``special`` control tokens count."""
        if not text and not begin:
            return []
        body = {"content": text, "add_special": begin, "parse_special": special}
        ids: list[int] = self._post("/tokenize", body)["tokens"]
        return ids

    def apply_template(self, turns: list[dict[str, str]]) -> str:
        """The prompt that the chat template makes of ``turns``."""
        return str(self._post("/apply-template", {"messages": turns})["prompt"])

    def complete(self, request: Mapping[str, Any], call: Call, what: str) -> Generator[str]:
        """The events of an answer, as JSON; leaving this iterator ends the work.

        Raises:
            GenerationError: the time is over, or the server failed.
        """
        begun = False
        try:
            timeout = httpx.Timeout(PATIENCE, read=call.remaining(begun))
            with self._client.stream("POST", "/completion", json=dict(request), timeout=timeout) as response:
                if response.is_error:
                    response.read()
                    raise GenerationError(f"{what} failed ({response.text[:300]}): try a shorter context")
                for line in response.iter_lines():
                    call.check(what, begun)
                    if line.startswith("data: "):
                        yield line.removeprefix("data: ")
                        begun = True
                    elif line.startswith("error: "):
                        raise GenerationError(f"{what} failed ({line[7:300]}): try a shorter context")
        except httpx.TimeoutException:
            call.check(what, begun)
            raise GenerationError(f"{what} fell silent: ask again") from None
        except httpx.TransportError as error:
            raise GenerationError(f"{what} failed ({error}): ask again") from error

    def close(self) -> None:
        """Free the model's memory."""
        with contextlib.suppress(AttributeError):
            self._client.close()
            del self._server

    def _get(self, path: str) -> Any:
        return self._client.get(path).raise_for_status().json()

    def _post(self, path: str, body: Mapping[str, Any]) -> Any:
        return self._client.post(path, json=dict(body)).raise_for_status().json()


def _check(file: Path) -> None:
    """Refuse what is no GGUF before native code reads it."""
    try:
        with file.open("rb") as opened:
            magic = opened.read(4)
    except OSError as error:
        raise ModelNotFoundError(f"cannot open {file} ({error.strerror}): give llamacpp:FILE.gguf") from error
    if magic != b"GGUF":
        raise ModelNotFoundError(f"{file} is no GGUF file: give llamacpp:FILE.gguf (llama.cpp's converter writes one)")
