"""One evaluation from beginning to end: read the set, build the knowledge base, ask, score, store."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ragbot
from eval.datasets.base import Question, QuestionSet, split_by_document
from eval.datasets.open import fingerprint, open_dataset
from eval.harness import ProgressCallback, evaluate
from eval.records import Run
from eval.runs import RunStore
from eval.scoring import Scorer, check_extras
from eval.systems import Mode, ragbot_system
from eval.workbench import Workbench
from ragbot.bot import RagBot
from ragbot.documents import ParsedDocument
from ragbot.errors import EvaluationError
from ragbot.settings import Settings, value_of, walk

if TYPE_CHECKING:
    from ingest.pipeline import ProgressCallback as IngestProgressCallback
    from ragbot.models.embedders.base import Embedder

#: Settings that cannot change a figure; what is secret is among them.
_IRRELEVANT = ("ui.", "openai.api_key", "vectors.chroma_", "data_dir", "bench_dir", "kb")
_PACKAGES = ("onnxruntime", "faiss-cpu", "rjieba", "langchain-core", "transformers", "torch", "openai")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to evaluate.

    Attributes:
        dataset: a question set that :func:`eval.datasets.open.open_dataset` reads.
        documents: the folder of the documents that our own format asks about.
        kb: instead of ``documents``, an existing knowledge base (a name or a folder).
        parts: the parts (train, dev, test) whose documents are asked about; empty for all.
        split: divide a set that has no parts by document, seeded.
        leave_out: share of the documents that is left out; their questions can only be refused.
        limit: at most so many questions, drawn at random (seeded); 0 for all.
        mode: whole answers, or searches alone.
        workers: questions asked at the same time.
        seed: for every draw.
        name: of the run; empty for one made from the set and the time.
    """

    dataset: Path
    documents: Path | None = None
    kb: str | None = None
    parts: tuple[str, ...] = ()
    split: bool = False
    leave_out: float = 0.0
    limit: int = 0
    mode: Mode = "answer"
    workers: int = 1
    seed: int = 0
    name: str = ""


def read_questions(plan: Plan, documents: Mapping[str, ParsedDocument] | None = None) -> QuestionSet:
    """The questions of a plan: read, split, some documents left out, some drawn.

    Raises:
        SourceError: the set cannot be read.
        EvaluationError: it has no such part, or nothing is left of it.
    """
    questions = open_dataset(plan.dataset, plan.documents if documents is None else documents)
    if plan.split and not questions.parts:
        questions = replace(questions, parts=split_by_document(questions.questions, seed=plan.seed))
    if plan.parts:
        missing = set(plan.parts) - set(questions.parts)
        if missing:
            has = ", ".join(questions.parts) or "none; --split-by document makes train, dev and test"
            raise EvaluationError(f"{plan.dataset} has no part {', '.join(sorted(missing))}; it has: {has}")
        questions = questions.part(*plan.parts)
    questions = replace(questions, questions=tuple(_with_type(questions)))
    if plan.leave_out:
        questions = questions.silenced(plan.leave_out, plan.seed)
        if not any("left_out" in question.tags for question in questions.questions):
            raise EvaluationError(f"{plan.dataset}: no question depends on a document that could be left out")
    if plan.limit and plan.limit < len(questions.questions):
        drawn = set(random.Random(plan.seed).sample(range(len(questions.questions)), plan.limit))
        kept = tuple(question for index, question in enumerate(questions.questions) if index in drawn)
        questions = replace(questions, questions=kept)
    if not questions.questions:
        raise EvaluationError(f"{plan.dataset}: no question is left to ask")
    return questions


def _with_type(questions: QuestionSet) -> Iterator[Question]:
    """The questions with the type of their document as a tag, so that there is a slice for each."""
    for question in questions.questions:
        document = questions.documents.get(question.document)
        yield replace(question, tags={**question.tags, "type": document.type}) if document else question


def run(
    plan: Plan,
    settings: Settings,
    store: RunStore,
    workbench: Workbench,
    *,
    resume: str = "",
    on_ingest: IngestProgressCallback | None = None,
    on_question: ProgressCallback | None = None,
    on_start: Callable[[str], None] | None = None,
    embedder: Embedder | None = None,
) -> Run:
    """Evaluate ragbot with ``settings`` on a plan; the rows are on disk as soon as they are there.

    Args:
        resume: the name of a run of the same plan and settings that was broken off.
        on_start: called with the name of the run before the first question.
        embedder: of the knowledge base that the plan names, where it is loaded already; default: as the settings say.

    Raises:
        EvaluationError: the run that is to be resumed was made of something else.
        SystemFailedError: the system is down.
    """
    check_extras()  # before anything is built
    with _prepared(plan, settings, workbench, on_ingest, embedder) as (questions, bot):
        texts = {source: document.text for source, document in questions.documents.items()}
        scorer = Scorer(texts, bot.embedder, answers=plan.mode == "answer")
        models = {"embedder": asdict(bot.embedder.fingerprint), "llm": bot.llm}
        manifest = manifest_of(plan, questions, models=models, settings=settings_of(bot.settings))
        done: Sequence[str] = ()
        if resume:
            writer, before = store.resume(resume, lambda made: _check_same(made, manifest, resume))
            done = [row.question.id for row in before.rows]
        else:
            writer = store.create(manifest, plan.name)
        if on_start:
            on_start(str(writer.manifest["name"]))
        system = ragbot_system(bot, plan.mode)
        if plan.mode == "answer":
            bot.chain  # noqa: B018  # loads the chat model, which is no part of the first question's time
        bot.search(questions.questions[0].text)  # likewise the indexes
        evaluate(questions.questions, system, scorer, writer, done=done, workers=plan.workers, progress=on_question)
    return store.load(str(writer.folder))


@contextmanager
def _prepared(
    plan: Plan,
    settings: Settings,
    workbench: Workbench,
    progress: IngestProgressCallback | None,
    embedder: Embedder | None,
) -> Iterator[tuple[QuestionSet, RagBot]]:
    if plan.kb is not None:
        with RagBot.open(plan.kb, embedder=embedder, settings=settings, create=False) as bot:
            yield read_questions(plan, _documents_of(bot)), bot
        return
    questions = read_questions(plan)
    if not questions.documents:
        raise EvaluationError(
            f"{plan.dataset} holds questions alone: name its documents with --documents FOLDER, or a knowledge base with --kb"
        )
    with workbench.bot(questions.documents, settings, progress=progress) as bot:
        yield questions, bot


def _documents_of(bot: RagBot) -> dict[str, ParsedDocument]:
    return {
        document.source: ParsedDocument(
            bot.document_text(document.id), document.title, document.type, document.language
        )
        for document in bot.documents()
    }


# -- the manifest ----------------------------------------------------------------------------------------------------


def manifest_of(
    plan: Plan, questions: QuestionSet, *, models: Mapping[str, Any], settings: Mapping[str, Any]
) -> dict[str, Any]:
    """What a run is made of, for :meth:`eval.runs.RunStore.create`; for any system, ours or another.

    Args:
        plan: which questions of which set.
        questions: they themselves.
        models: at least ``llm``, the name of the chat model.
        settings: whatever of the system's settings can change a figure.
    """
    return {
        "mode": plan.mode,
        "dataset": {
            "name": questions.name,
            "sha256": fingerprint(plan.dataset),
            "questions": len(questions.questions),
            "documents": len(questions.documents),
            "parts": list(plan.parts),
            "leave_out": plan.leave_out,
            "limit": plan.limit,
        },
        "corpus_sha256": digest(questions.documents),
        "settings": dict(settings),
        "seed": plan.seed,
        "workers": plan.workers,
        "models": dict(models),
        "versions": {"ragbot": ragbot.__version__, "python": platform.python_version(), **_versions()},
        "machine": _machine(),
    }


def settings_of(settings: Settings) -> dict[str, Any]:
    """The settings that can change a figure, by dotted key."""
    flat = {key: value_of(settings, key) for key, _ in walk(Settings) if not key.startswith(_IRRELEVANT)}
    return {key: value if isinstance(value, str | int | float | bool) else str(value) for key, value in flat.items()}


def _check_same(old: Mapping[str, Any], new: Mapping[str, Any], name: str) -> None:
    for key in ("mode", "dataset", "corpus_sha256", "settings", "seed", "models"):
        before, after = (json.loads(json.dumps(manifest[key])) for manifest in (old, new))
        if before != after:
            changed = key
            if isinstance(before, dict):
                changed += ": " + ", ".join(k for k in {**before, **after} if before.get(k) != after.get(k))
            raise EvaluationError(
                f"cannot resume {name!r}: it was made with another {changed}; repeat the command of that run, or start a new one"
            )


def digest(documents: Mapping[str, ParsedDocument]) -> str:
    """SHA-256, in hexadecimal, of the texts of documents and their names."""
    found = hashlib.sha256()
    for source in sorted(documents):
        found.update(repr((source, documents[source].text)).encode("utf-8", "surrogatepass"))
    return found.hexdigest()


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _machine() -> dict[str, Any]:
    memory = 0.0
    if hasattr(os, "sysconf"):
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gib": round(memory, 1),
        "system": f"{platform.system()} {platform.machine()}",
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
