"""How well an agent does our own tasks: right answers, calls, steps, by kind and language, the unseen half by itself.

    python -m eval.benchmarks.agent_tasks --model bundled [--adapter FOLDER] [--free] [--wide] [--thoughts]
    python -m eval.benchmarks.agent_tasks --model openai:NAME --base-url http://127.0.0.1:8000/v1 [--native]
    python -m eval.benchmarks.agent_tasks --prompts      # only the lengths of the prompts, in tokens of the bundled model

Tasks, tools and world: data/eval/agent_world/README.md. The sample documents are ingested once into ``--kb`` (default: a
temporary folder). Each figure is a mean over tasks with its 95% interval, tasks drawn again (:mod:`eval.compare`).
``--json FILE`` keeps every run with all its steps, for a paired comparison with another one.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from agents.protocol.base import Brief
from agents.protocol.text import TextProtocol
from agents.react import AgentOptions
from eval.agents.running import SCORES, TaskResult, run_tasks
from eval.agents.tasks import KINDS, PARTS, TASKS, Task, read_tasks
from eval.agents.world import World, table_files
from eval.benchmarks.setup import log
from eval.compare import bootstrap
from ragbot.bot import RagBot
from ragbot.models.registry import load_chat_model

CORPUS = Path(__file__).parents[2] / "data" / "corpus"
#: The longest reply, in tokens: the longest answer that a task takes has some 60.
REPLY = 160


def main() -> None:
    """Print one table, or with ``--prompts`` the lengths of prompts."""
    options = _options()
    tasks = [task for task in read_tasks(options.tasks) if options.part in (task.part, "all")]
    tasks = [task for task in tasks if options.language in (task.language, "all")]
    if options.limit:
        step = max(1, len(tasks) // options.limit)
        tasks = tasks[::step][: options.limit]
    with ExitStack() as stack:
        world = _world(stack, options.kb, reading=not options.prompts)
        if options.prompts:
            print(prompt_lengths(world, tasks))
            return
        more: dict[str, Any] = {"base_url": options.base_url} if options.base_url else {}
        spec = f"{options.model}:{options.adapter}" if options.adapter else options.model
        model = load_chat_model(spec, **more)
        how = AgentOptions(
            protocol="native" if options.native else "text",
            constrained=not options.free,
            thoughts=options.thoughts,
            narrow=not options.wide,
            reply_tokens=REPLY,
        )

        def told(done: int, result: TaskResult) -> None:
            mark = "right" if result.scores["right"] else "wrong"
            said = result.run.answer.text if result.run.answer else "-"
            log(f"{done}/{len(tasks)} {result.task.id} {mark} {result.scores['seconds']:.1f} s: {said[:100]}")

        results = list(run_tasks(model, world, tasks, how, told))
    print(table(results), flush=True)
    if options.json:
        options.json.write_text(json.dumps([as_json(one) for one in results], ensure_ascii=False), encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="bundled", help="a chat model, as ragbot's --llm names it")
    parser.add_argument("--adapter", type=Path, help="folder of a LoRA adapter for it")
    parser.add_argument("--base-url", help="address of an OpenAI-compatible endpoint, /v1 included")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--constrained", action="store_true", help="replies are held to their form (the default)")
    form.add_argument("--free", action="store_true", help="replies are not held to their form")
    parser.add_argument("--wide", action="store_true", help="arguments are held to their schema alone")
    parser.add_argument("--thoughts", action="store_true", help="replies begin with a thought")
    parser.add_argument("--native", action="store_true", help="tool calls of the endpoint's own")
    parser.add_argument("--tasks", type=Path, default=TASKS, help="file of tasks")
    parser.add_argument("--part", choices=[*PARTS, "all"], default="all")
    parser.add_argument("--language", choices=["en", "zh", "all"], default="all")
    parser.add_argument("--limit", type=int, default=0, help="at most so many tasks, evenly through the file")
    parser.add_argument("--kb", type=Path, help="folder of the knowledge base over the sample documents, kept")
    parser.add_argument("--json", type=Path, help="file for all runs")
    parser.add_argument("--prompts", action="store_true", help="print the lengths of prompts instead")
    return parser.parse_args()


def _world(stack: ExitStack, kb: Path | None, reading: bool) -> World:
    folder = kb or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ragbot-bench-"))) / "kb"
    bot = stack.enter_context(RagBot.open(folder))
    if reading and not bot.documents():
        log(f"ingesting {CORPUS.name}")
        bot.ingest(CORPUS)
    return stack.enter_context(World(bot=bot, tables=table_files()))


def table(results: Sequence[TaskResult]) -> str:
    """Figures by part, language and kind, in Markdown."""
    lines = [
        "| tasks | " + " | ".join(SCORES.values()) + " |",
        "| --- |" + " --- |" * len(SCORES),
    ]
    for part in reversed(PARTS):
        of_part = [one for one in results if one.task.part == part]
        for name, rows in _groups(of_part, part):
            if rows:
                cells = [_cell(rows, score) for score in SCORES]
                lines.append(f"| {name} ({len(rows)}) | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(rows: Sequence[TaskResult], score: str) -> str:
    found = bootstrap([row.scores[score] for row in rows], [row.task.id for row in rows])
    return f"{found.mean:.3f} [{found.low:.3f}, {found.high:.3f}]"


def _groups(rows: Sequence[TaskResult], part: str) -> list[tuple[str, list[TaskResult]]]:
    found = [(f"**{part}**", list(rows))]
    for language in ("en", "zh"):
        found.append((f"{part}, {language}", [row for row in rows if row.task.language == language]))
    for kind in KINDS:
        found.append((f"{part}, {kind}", [row for row in rows if row.task.kind == kind]))
    return found


def as_json(result: TaskResult) -> dict[str, Any]:
    """A task that was tried, for a file."""
    steps = [step.as_json() for step in result.run.steps]
    return {"id": result.task.id, "scores": result.scores, "question": result.task.question, "steps": steps}


def prompt_lengths(world: World, tasks: Sequence[Task]) -> str:
    """Tokens of the first prompt, with all tools of the tasks, in tokens of the bundled model."""
    from ragbot.models.llms.bundled import join_parts
    from ragbot.models.llms.gemma.files import locate
    from ragbot.models.llms.gemma.tokenizer import GemmaTokenizer

    tokenizer = GemmaTokenizer(locate(None, join_parts).base)
    lines = ["| prompt | language | tools | tokens |", "| --- | --- | --- | --- |"]
    for language in ("en", "zh"):
        task = next(task for task in tasks if task.language == language)
        tools = tuple(world.tools(task.tools, language))
        for name, thoughts in (("with thoughts", True), ("without", False)):
            messages = TextProtocol(thoughts=thoughts).messages(Brief(task.question, language, tools), [], "")
            count = sum(len(tokenizer.encode(str(message.text))) for message in messages)
            lines.append(f"| {name} | {language} | {len(tools)} | {count} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
