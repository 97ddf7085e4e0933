"""Tiny models with random weights, made on the spot, and a real HTTP server that speaks OpenAI's protocol."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

# Read by huggingface_hub when it is imported.
os.environ["HF_HUB_OFFLINE"] = "1"

SENTENCES = [
    "The rank of a LoRA adapter is the width of its two small matrices.",
    "Retrieval finds passages, and the reader answers from them.",
    "检索增强生成先找到相关的段落，再根据段落回答问题。",
    "上海是中国最大的城市之一，人口超过两千万。",
    "query: passage: Answer: Question: system user assistant",
]
CHAT_TEMPLATE = (
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}</s>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


@pytest.fixture(scope="session")
def tiny_tokenizer() -> Any:
    """A BPE tokenizer trained on SENTENCES: characters and a few merges, with control tokens."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    special = ["<pad>", "<s>", "</s>", "<unk>", "<|system|>", "<|user|>", "<|assistant|>"]
    letters = list("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,:;!?")
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=special, initial_alphabet=letters, show_progress=False)
    tokenizer.train_from_iterator(SENTENCES, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        pad_token="<pad>",
        additional_special_tokens=special[4:],
    )


@pytest.fixture(scope="session")
def tiny_llama(tmp_path_factory: pytest.TempPathFactory, tiny_tokenizer: Any) -> Path:
    """A base model (no chat template) of two layers and 256 positions."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tiny_tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
        initializer_range=0.4,
    )
    folder = tmp_path_factory.mktemp("llama")
    LlamaForCausalLM(config).save_pretrained(folder)
    tiny_tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_chat_llama(tmp_path_factory: pytest.TempPathFactory, tiny_llama: Path) -> Path:
    """The same with a chat template."""
    import shutil

    folder = tmp_path_factory.mktemp("chat") / "llama"
    shutil.copytree(tiny_llama, folder)
    (folder / "chat_template.jinja").write_text(CHAT_TEMPLATE, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def make_tiny_bert(tmp_path_factory: pytest.TempPathFactory, tiny_tokenizer: Any) -> Callable[..., Path]:
    """``make(seed, prompts)``: the folder of a sentence-transformers model over a random BERT."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel

    def make(seed: int = 0, prompts: dict[str, str] | None = None) -> Path:
        torch.manual_seed(seed)
        config = BertConfig(
            vocab_size=len(tiny_tokenizer),
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=64,
            max_position_embeddings=128,
            initializer_range=0.2,
        )
        bert = tmp_path_factory.mktemp("bert")
        BertModel(config, add_pooling_layer=False).save_pretrained(bert)
        tiny_tokenizer.save_pretrained(bert)
        transformer = Transformer(str(bert))
        transformer.max_seq_length = 128
        modules = [transformer, Pooling(config.hidden_size, pooling_mode="mean")]
        folder = tmp_path_factory.mktemp("sentence") / "tiny-bert"
        SentenceTransformer(modules=modules, prompts=prompts, device="cpu").save(str(folder), create_model_card=False)
        return folder

    return make


@pytest.fixture(scope="session")
def tiny_bert(make_tiny_bert: Callable[..., Path]) -> Path:
    return make_tiny_bert()


class Reply:
    """What the server does with one request: ``status`` and ``body`` after ``delay`` seconds, or a stream ``cut`` off.

    A stream may have ``comments`` (signs of life) in front, and ``pace`` seconds between its events.
    """

    def __init__(
        self,
        status: int = 200,
        body: str | None = None,
        headers: dict[str, str] | None = None,
        delay: float = 0.0,
        cut: str = "",
        cut_at: int = 3,
        comments: int = 0,
        pace: float = 0.0,
    ) -> None:
        self.status, self.body, self.headers, self.delay, self.cut = status, body, headers or {}, delay, cut
        self.cut_at, self.comments, self.pace = cut_at, comments, pace


class Endpoint:
    """An OpenAI-compatible server on loopback; ``replies`` are used up first, then it behaves."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.replies: list[Reply] = []
        #: Set when a client has closed its connection in the middle of a stream.
        self.left = threading.Event()
        self.answer = "Retrieval finds passages [1]. 检索找到段落。"
        endpoint = self

        class Handler(_Handler):
            server_state = endpoint

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    server_state: Endpoint
    protocol_version = "HTTP/1.1"

    def end_headers(self) -> None:
        # One request a connection: a client's pool would outlive the test, and its event loop.
        self.send_header("connection", "close")
        super().end_headers()

    def log_message(self, *args: Any) -> None:
        """Silence."""

    def do_POST(self) -> None:
        state = self.server_state
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        state.requests.append(body)
        state.keys.append(self.headers.get("authorization"))
        reply = state.replies.pop(0) if state.replies else Reply()
        time.sleep(reply.delay)
        if reply.body is not None or reply.status != 200:
            self._send(reply.status, reply.body or json.dumps({"error": {"message": "no"}}), reply.headers)
        elif self.path == "/v1/embeddings":
            self._send(200, json.dumps(_embeddings(body)), {})
        elif self.path == "/v1/chat/completions":
            self._chat(body, reply)
        else:
            self._send(404, '{"error": {"message": "no such path"}}', {})

    def _send(self, status: int, text: str, headers: dict[str, str]) -> None:
        data = text.encode()
        self.send_response(status)
        for name, value in {"content-type": "application/json", **headers, "content-length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        with suppress(BrokenPipeError, ConnectionResetError):  # the client did not want to wait
            self.wfile.write(data)

    def _chat(self, body: dict[str, Any], reply: Reply) -> None:
        text = self.server_state.answer
        stops = body.get("stop") or []
        for stop in [stops] if isinstance(stops, str) else stops:
            text = text.partition(stop)[0]
        # A token is six characters here.
        tokens, limit = [text[i : i + 6] for i in range(0, len(text), 6)], body.get("max_tokens") or 99
        reason, tokens = "length" if len(tokens) > limit else "stop", tokens[:limit]
        text, count = "".join(tokens), len(tokens)
        usage = {"prompt_tokens": 7, "completion_tokens": count, "total_tokens": 7 + count}
        base = {"id": "1", "created": 1, "model": body["model"]}
        if not body.get("stream"):
            choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": reason}
            if body.get("logprobs"):
                choice["logprobs"] = _logprobs(tokens, body)
            self._send(200, json.dumps({**base, "object": "chat.completion", "choices": [choice], "usage": usage}), {})
            return
        events: list[dict[str, Any]] = [{"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]}]
        for token in tokens:
            events.append({"choices": [{"index": 0, "delta": {"content": token}}]})
            if body.get("logprobs"):
                events[-1]["choices"][0]["logprobs"] = _logprobs([token], body)
        events.append({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
        events.append({"choices": [], "usage": usage})
        cut = reply.cut
        chunked = cut != "closed"
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        if chunked:
            self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for _ in range(reply.comments):
            self._write(b": still here\n\n", chunked)
            time.sleep(reply.pace)
        for number, event in enumerate(events):
            if number:
                time.sleep(reply.pace)
            if cut and number == reply.cut_at:
                return  # the connection is closed behind us
            self._event(json.dumps({**base, "object": "chat.completion.chunk", **event}), chunked)
        self._event("[DONE]", chunked)
        if chunked:
            with suppress(BrokenPipeError, ConnectionResetError):
                self.wfile.write(b"0\r\n\r\n")

    def _event(self, text: str, chunked: bool) -> None:
        self._write(f"data: {text}\n\n".encode(), chunked)

    def _write(self, data: bytes, chunked: bool) -> None:
        try:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data) if chunked else data)
            self.wfile.flush()
        except (BrokenPipeError, ConnectionResetError):
            self.server_state.left.set()


def _logprobs(tokens: list[str], body: dict[str, Any]) -> dict[str, Any]:
    def entry(token: str) -> dict[str, Any]:
        return {"token": token, "bytes": list(token.encode()), "logprob": -0.5}

    return {"content": [{**entry(t), "top_logprobs": [entry(t)] * body.get("top_logprobs", 0)} for t in tokens]}


def _embeddings(body: dict[str, Any]) -> dict[str, Any]:
    from ragbot.models.testing import HashEmbedder

    # Not of unit length and in reverse order: the client must sort by index, and normalise.
    rows = [
        {"index": i, "embedding": (3 * v).tolist()}
        for i, v in enumerate(HashEmbedder(16).encode_documents(body["input"]))
    ]
    return {"object": "list", "model": body["model"], "data": rows[::-1]}


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    server = Endpoint()
    yield server
    server.close()


@pytest.fixture
def reply() -> type[Reply]:
    """The class of scripted replies (fixtures are how tests reach this file)."""
    return Reply


@pytest.fixture(scope="session")
def e5_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder of this session's own, in which the bundled embedder is built once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def e5(e5_cache: Path) -> Any:
    """The bundled embedder."""
    from ragbot.models.embedders.e5_onnx import BundledE5

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAGBOT_CACHE_DIR", str(e5_cache))
        return BundledE5()
