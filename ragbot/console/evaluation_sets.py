"""``ragbot eval init`` and ``ragbot eval review``: question sets from a person's own documents."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ragbot.console.options import AnswerOptions, Options
from ragbot.console.progress import QuestionProgress
from ragbot.console.terminal import Terminal
from ragbot.errors import MissingExtraError, UserError


def init(options: AnswerOptions, folder: Path, output: Path, count: int, seed: int, force: bool) -> None:
    """Write a question set about the documents of a folder."""
    from eval.datasets.jsonl import read_documents, write_jsonl
    from eval.harness import Progress
    from eval.synth import make_questions
    from ragbot.bot import chat_model, model_options
    from ragbot.models.registry import is_chat_model, load_embedder
    from ragbot.settings import load_settings

    if output.exists() and not force:
        raise UserError(f"{output} is there already: choose another with --output, or replace it with --force")
    settings = load_settings(options.arguments(), options.config)[0]
    documents = read_documents(folder)
    embedder = load_embedder(settings.embedder, **model_options(settings.embedder, settings))
    llm = chat_model(settings.llm, settings) if is_chat_model(settings.llm) else None
    with QuestionProgress(options.terminal, "making") as progress:
        made = make_questions(
            documents,
            count=count,
            llm=llm,
            embedder=embedder,
            seed=seed,
            progress=lambda done, total: progress(Progress(done, total, 0)),
        )
    write_jsonl(output, made.records)
    value = {
        "file": str(output),
        "documents": len(documents),
        "questions": len(made.records),
        "unanswerable": sum(not record["answerable"] for record in made.records),
        "dropped": dict(made.dropped),
        "next": [
            f"ragbot eval review {output} --documents {folder}",
            f"ragbot eval run {output} --documents {folder}",
        ],
    }
    options.terminal.show(value, _made)


def review(options: Options, questions: Path, documents: Path, port: int, open_browser: bool) -> int:
    """Open the review page; Ctrl-C ends it."""
    from eval.datasets.jsonl import read_documents
    from ragbot.settings import load_settings

    settings = load_settings(options.arguments(), options.config)[0]
    if find_spec("gradio") is None:
        raise MissingExtraError("the review page", "ui")
    shown = read_documents(documents)
    with options.terminal.working("starting …"):
        from apps.gradio_review import launch_review

        language = settings.language
        if language == "auto":  # whoever keeps documents in a language reads it
            zh = sum(document.language == "zh" for document in shown.values())
            language = "zh" if 2 * zh > len(shown) else "en"
        page = launch_review(
            questions, shown, settings.ui.host, port, language, open_browser=open_browser, block=False, folder=documents
        )
    url = page.local_url
    options.terminal.show({"url": url}, lambda out, _: out.line(f"the review is at {url} (Ctrl-C stops it)"))
    page.block_thread()
    return 0


def _made(terminal: Terminal, value: Mapping[str, Any]) -> None:
    terminal.line(
        f"{value['questions']} questions about {value['documents']} documents, {value['unanswerable']} of them unanswerable: "
        f"{value['file']}"
    )
    if value["dropped"]:
        reasons = ", ".join(f"{number} {reason}" for reason, number in value["dropped"].items())
        terminal.line(f"dropped on the way: {reasons}", "dim", hang=2)
    terminal.line("look through them, then measure:")
    for line in value["next"]:
        terminal.line(line, "bold", indent=2)
