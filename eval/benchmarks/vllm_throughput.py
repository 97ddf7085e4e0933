"""Many callers at once: a vLLM server beside transformers in process, with the same weights and prompts, in one run.

    python -m eval.benchmarks.vllm_throughput [--callers 16] [--threads 2] [--dtypes bfloat16 float32]

Each caller has a prompt of its own: passages of our own corpus, 660 tokens, half of the callers in English and half in
Chinese; 60 tokens are to be generated (in process an answer that repeats itself is cut off before: tokens are counted). vLLM
answers all at once, transformers one after another and in batches. The model is the bundled Gemma 3 270M.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.benchmarks import vllm_environment
from eval.benchmarks.setup import log
from eval.benchmarks.vllm_server import VllmServer
from ragbot.models.bundled import build_once
from ragbot.models.registry import load_chat_model

CORPUS = Path(__file__).parents[2] / "data" / "corpus"
TEMPLATE = Path(__file__).parents[2] / "ragbot" / "models" / "llms" / "plain.jinja"
PROMPT_TOKENS, NEW_TOKENS = 660, 60
QUESTIONS = {"en": "\n\nWhat does the passage describe?", "zh": "\n\n这段话讲了什么？"}


@dataclass(frozen=True)
class Row:
    """One way to answer all callers: what it took, in seconds, and how many tokens it wrote."""

    system: str
    dtype: str
    seconds: float
    tokens: int

    @property
    def rate(self) -> float:
        """Tokens a second, of all callers together."""
        return self.tokens / self.seconds


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--callers", type=int, default=16)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--dtypes", nargs="+", default=["bfloat16", "float32"], help="of transformers; vLLM has the first"
    )
    options = parser.parse_args()
    python = vllm_environment.install()
    from ragbot.models.llms.bundled import CACHE_NAME, build

    folder = build_once(CACHE_NAME, build)
    asked = prompts(folder, options.callers)
    rows = [served(python, folder, asked, options.dtypes[0], options.threads)]
    for dtype in options.dtypes:
        rows += in_process(folder, asked, dtype, options.threads)
    report(rows)


def prompts(folder: Path, count: int) -> list[str]:
    """``count`` texts of :data:`PROMPT_TOKENS` tokens, the languages in turn, none with the beginning of another."""
    from transformers import AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    found = []
    for number in range(count):
        language = ("en", "zh")[number % 2]
        files = sorted((CORPUS / language).rglob("*.md"))
        text = "\n\n".join(path.read_text(encoding="utf-8") for path in files)
        question = QUESTIONS[language]
        room = PROMPT_TOKENS - len(tokenizer(question)["input_ids"])
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        start = number // 2 * room % (len(ids) - room)
        found.append(tokenizer.decode(ids[start : start + room]).strip() + question)
    return found


def served(python: Path, folder: Path, asked: Sequence[str], dtype: str, threads: int) -> Row:
    """All callers at once, by a server that is started for it."""
    arguments = ["--dtype", dtype, "--enforce-eager", "--max-model-len", "2048", "--chat-template", str(TEMPLATE)]
    with (
        tempfile.TemporaryDirectory() as logs,
        # The pool is left last: what still waits for the server when it is interrupted ends with the server.
        ThreadPoolExecutor(len(asked)) as pool,
        VllmServer(
            python,
            folder,
            Path(logs) / "log",
            threads=threads,
            cache_gib=2,
            arguments=arguments,
            # As vLLM runs by default: its worker in a process of its own, whose threads it sets up.
            variables={"VLLM_ENABLE_V1_MULTIPROCESSING": "1"},
        ) as server,
    ):
        model = load_chat_model(f"openai:{server.name}", base_url=server.url, max_tokens=NEW_TOKENS, timeout=600.0)
        endless: dict[str, Any] = {"extra_body": {"ignore_eos": True}}
        return timed(
            f"vLLM server, {len(asked)} callers at once",
            dtype,
            lambda texts: list(pool.map(lambda text: model.invoke(text, **endless), texts)),
            asked,
        )


def in_process(folder: Path, asked: Sequence[str], dtype: str, threads: int) -> list[Row]:
    """By transformers in this process, one after another and in batches."""
    options = {"device": "cpu", "max_new_tokens": NEW_TOKENS, "threads": threads, "prefix_cache_bytes": 0}
    model = load_chat_model(f"transformers:{folder}+dtype={dtype}", **options)
    batched = f"transformers, batches of {getattr(model, 'batch_rows', 1)}"
    return [
        timed("transformers, one after another", dtype, lambda texts: [model.invoke(text) for text in texts], asked),
        timed(batched, dtype, lambda texts: model.batch(list(texts)), asked),
    ]


def timed(system: str, dtype: str, answer: Callable[[Sequence[str]], Sequence[Any]], asked: Sequence[str]) -> Row:
    """One row; a first answer, which is not counted, warms everything up."""
    answer(["Once upon a time"])
    started = time.perf_counter()
    messages = answer(asked)
    seconds = time.perf_counter() - started
    row = Row(system, dtype, seconds, sum(message.usage_metadata["output_tokens"] for message in messages))
    log(f"{system}, {dtype}: {row.tokens} tokens in {seconds:.1f} s")
    return row


def report(rows: Sequence[Row]) -> None:
    """The table; ratios are to transformers one after another, in the precision that vLLM has."""
    print("| system | precision | tokens | seconds | tokens/s | times one after another |")
    print("| --- " * 6 + "|")
    single = next(row for row in rows if row.system == "transformers, one after another")
    for row in rows:
        ratio = row.rate / single.rate
        print(f"| {row.system} | {row.dtype} | {row.tokens} | {row.seconds:.1f} | {row.rate:.1f} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
