"""How fast the bundled chat model is, beside transformers with the same weights in bfloat16 and float32.

    python -m eval.benchmarks.bundled_llm [--rounds 5] [--threads 2] [--without-transformers] [--adapter FOLDER]

The prompt is passages of our own corpus and a question: 700 tokens, half of them English and half Chinese; 60 tokens are
generated. All systems take turns in one run, and a row gives the median over the rounds. A mark is met or the row says
so: the first token within 1.0 s, and 60 tokens within 3 s, on 2 cores.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from eval.benchmarks.setup import log
from ragbot.models.llms.gemma.engine import GemmaEngine

CORPUS = Path(__file__).parents[2] / "data" / "corpus"
PROMPT_TOKENS, NEW_TOKENS = 700, 60
FIRST_TOKEN_MARK, ANSWER_MARK = 1.0, 3.0
QUESTIONS = ("\n\nQuestion: What does the passage describe?\n\nAnswer:", "\n\n问题：这段话讲了什么？\n\n回答：")


@dataclass(frozen=True)
class Timing:
    """Seconds to the first token, and to the last; how many tokens came."""

    first: float
    last: float
    tokens: int

    @property
    def decode_rate(self) -> float:
        """Tokens a second after the first."""
        return (self.tokens - 1) / (self.last - self.first)


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--adapter", type=Path, help="folder of a LoRA adapter")
    parser.add_argument("--without-transformers", action="store_true")
    options = parser.parse_args()
    engine = GemmaEngine.load(options.adapter, options.threads)
    systems: dict[str, Callable[[list[int]], Timing]] = {
        "int8 ONNX": lambda ids: ours(engine, ids, lookup=False),
        "int8 ONNX, prompt lookup": lambda ids: ours(engine, ids, lookup=True),
        "int8 ONNX, prompt lookup, prompt read before": lambda ids: ours(engine, ids, lookup=True, again=True),
    }
    if not options.without_transformers:
        for dtype in ("bfloat16", "float32"):
            systems[f"transformers {dtype}"] = theirs(dtype, options.threads)
    prompts = [prompt(engine, folder, question) for folder, question in zip(("en", "zh"), QUESTIONS, strict=True)]
    timings: dict[str, list[Timing]] = {name: [] for name in systems}
    for round_number in range(options.rounds + 1):
        for name, run in systems.items():
            for ids in prompts:
                timing = run(ids)
                log(f"round {round_number}, {name}: {timing.first:.2f} s, {timing.last:.2f} s")
                if round_number:  # the first round warms everything up
                    timings[name].append(timing)
    report(timings)


def prompt(engine: GemmaEngine, folder: str, question: str) -> list[int]:
    """Passages in one language and a question: exactly :data:`PROMPT_TOKENS` ids."""
    text = "\n\n".join(path.read_text(encoding="utf-8") for path in sorted((CORPUS / folder).rglob("*.md")))
    asked = engine.tokenizer.encode(question)
    return [engine.tokenizer.bos, *engine.tokenizer.encode(text)[: PROMPT_TOKENS - 1 - len(asked)], *asked]


def ours(engine: GemmaEngine, ids: list[int], *, lookup: bool, again: bool = False) -> Timing:
    """One answer of the engine; ``again``: the prompt's keys and values are there already."""
    engine.forget()
    if again:
        engine.start(ids)
    started = time.perf_counter()
    tokens = engine.start(ids).generate(NEW_TOKENS, stop=(), lookup=lookup)
    next(tokens)
    first = time.perf_counter() - started
    count = 1 + sum(1 for _ in tokens)
    return Timing(first, time.perf_counter() - started, count)


def theirs(dtype: str, threads: int) -> Callable[[list[int]], Timing]:
    """The same weights in transformers, greedy, with its own cache of keys and values."""
    import torch
    from transformers import AutoModelForCausalLM

    from ragbot.models.bundled import build_once
    from ragbot.models.llms.bundled import CACHE_NAME, build

    torch.set_num_threads(threads)
    folder = str(build_once(CACHE_NAME, build))
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, dtype)).eval()

    def run(ids: list[int]) -> Timing:
        started = time.perf_counter()
        first, cache, step = 0.0, None, torch.tensor([ids])
        with torch.inference_mode():
            for number in range(NEW_TOKENS):
                out = model(input_ids=step, past_key_values=cache, use_cache=True, logits_to_keep=1)
                cache, step = out.past_key_values, out.logits[:, -1:].argmax(-1)
                if not number:
                    first = time.perf_counter() - started
        return Timing(first, time.perf_counter() - started, NEW_TOKENS)

    return run


def report(timings: dict[str, list[Timing]]) -> None:
    """The table, and what became of the marks."""
    print("| system | first token, s | 60 tokens, s | prefill tok/s | decode tok/s | times the first row |")
    print("| --- " * 6 + "|")
    reference: float | None = None
    for name, rows in timings.items():
        first, last = median(row.first for row in rows), median(row.last for row in rows)
        reference = reference or last
        met = "" if first <= FIRST_TOKEN_MARK and last <= ANSWER_MARK else " (marks missed)"
        print(
            f"| {name} | {first:.2f} | {last:.2f}{met} | {PROMPT_TOKENS / first:,.0f} | "
            f"{median(row.decode_rate for row in rows):,.0f} | {reference / last:.2f} |"
        )


if __name__ == "__main__":
    main()
