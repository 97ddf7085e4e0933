"""A knowledge base as one file (:mod:`ragbot.index.exchange`): for a backup, or to take it to another machine."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import sqlite3
import struct
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ragbot.errors import CorruptError, KnowledgeBaseError, SourceError, StorageError
from ragbot.index.catalog import FILE_NAME
from ragbot.index.container import fsync_folder
from ragbot.index.exchange import MANIFEST, VERSION, Manifest, Member, entries, info, manifest_of
from ragbot.index.inspection import Inspector, Progress
from ragbot.index.leftovers import remove_leftovers
from ragbot.index.lock import writer_lock
from ragbot.index.maintenance import check_catalog, rebuild_indexes, silent
from ragbot.index.uploads import FOLDER as UPLOADS
from ragbot.index.vectors import stores

#: Bytes that are left free on the disk after an import, for the indexes to begin with.
_RESERVE = 16 * 1024 * 1024
_BLOCK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Transfer:
    """What was exported or imported."""

    file: Path
    folder: Path
    documents: int
    chunks: int
    uploads: int
    bytes: int


def export(folder: Path, file: Path, progress: Progress = silent) -> Transfer:
    """Write the knowledge base in ``folder`` to a new ``file``: the whole of it or nothing.

    Writers wait meanwhile, readers do not. Only the owner can read the file: it holds every text, whoever may see it.

    Raises:
        SourceError: ``file`` exists, or lies in the knowledge base.
        CorruptError: a row is damaged; a backup of it would be worth nothing.
        LockedError: another process is writing.
        StorageError: the disk is full or refuses to write.
    """
    file = file.absolute()
    if file.exists() or file.is_symlink():
        raise SourceError(f"{file} exists, and is not overwritten: choose another name, or delete it first")
    if file.resolve().is_relative_to(folder.resolve()):
        raise SourceError(f"{file} lies in the knowledge base itself: choose a place outside of {folder}")
    remove_leftovers(file.parent, ".ragbot-export-*")
    mine = f".ragbot-export-{os.getpid()}-"
    with _stored(file), tempfile.TemporaryDirectory(prefix=mine, dir=file.parent) as name:
        temporary = Path(name) / "archive"
        with writer_lock(folder):
            copy = _copied(folder, Path(name) / FILE_NAME)
            try:
                _refuse_damage(copy, "ragbot kb repair mends it", progress)
                seq, counts = copy.seq, copy.counts()
            finally:
                copy.close()
            sources = [(FILE_NAME, Path(name) / FILE_NAME)]
            sources += [(f"{UPLOADS}/{n}", path) for n, path in enumerate(_uploads(folder), 1)]
            members = []
            with temporary.open("xb") as raw, zipfile.ZipFile(raw, "w", zipfile.ZIP_STORED) as archive:
                for done, (member, path) in enumerate(sources):
                    progress("files", done, len(sources))
                    members.append(_write(archive, member, path))
                manifest = Manifest(
                    format="ragbot knowledge base",
                    version=VERSION,
                    folder=str(folder.absolute()),
                    seq=seq,
                    documents=counts["documents"],
                    chunks=counts["chunks"],
                    members=members,
                )
                archive.writestr(info(MANIFEST), manifest.model_dump_json(indent=1))
            with temporary.open("rb") as whole:
                os.fsync(whole.fileno())
        temporary.chmod(0o600)
        _publish(temporary, file)
        fsync_folder(file.parent)
    return Transfer(file, folder, counts["documents"], counts["chunks"], len(members) - 1, file.stat().st_size)


def import_(file: Path, folder: Path, progress: Progress = silent) -> Transfer:
    """Make a new knowledge base in ``folder`` of what :func:`export` wrote: the whole of it or nothing.

    Every hash and every row is compared before anything is used, no name in the file becomes a path, and the indexes
    are made anew. Uploaded files are named after the new folder.

    Raises:
        SourceError: there is no ``file``, or ``folder`` exists.
        CorruptError: the file is damaged, cut short, or none that ragbot wrote.
        NewerVersionError: a newer ragbot wrote it.
        StorageError: the disk is full or refuses to write.
    """
    file, folder = file.absolute(), folder.absolute()
    if not file.is_file():
        raise SourceError(f"there is no file {file}; ragbot kb export FILE makes one")
    if folder.exists() or folder.is_symlink():
        raise SourceError(f"{folder} exists, and is not overwritten: import into a new one with --kb NAME")
    with _stored(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(folder.parent, ".ragbot-import-*")
        fresh = folder.with_name(f".ragbot-import-{os.getpid()}-{secrets.token_hex(8)}")
        fresh.mkdir()
        try:
            manifest = _unpack(file, fresh, progress)
            _take_over(fresh, folder, file, manifest, progress)
            for made in (fresh / UPLOADS, fresh):
                if made.is_dir():
                    fsync_folder(made)
            fresh.rename(folder)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
        fsync_folder(folder.parent)
    return Transfer(file, folder, manifest.documents, manifest.chunks, len(manifest.members) - 1, file.stat().st_size)


# -- export ----------------------------------------------------------------------------------------------------------


def _copied(folder: Path, path: Path) -> Inspector:
    catalog = Inspector(folder / FILE_NAME)
    try:
        catalog.copy_to(path)
    finally:
        catalog.close()
    return Inspector(path)


def _uploads(folder: Path) -> list[Path]:
    ours = folder / UPLOADS
    if ours.is_symlink() or not ours.is_dir():
        return []
    # Hidden ones are files that are just being written.
    return sorted(
        path for path in ours.iterdir() if path.is_file() and not path.is_symlink() and not path.name.startswith(".")
    )


def _write(archive: zipfile.ZipFile, member: str, path: Path) -> Member:
    digest = hashlib.sha256()
    with path.open("rb") as source, archive.open(info(member), "w", force_zip64=True) as target:
        size = _pour(source, target, digest)
    return Member(member=member, name=path.name, size=size, sha256=digest.hexdigest())


def _publish(temporary: Path, file: Path) -> None:
    """Give a file its name, unless somebody else has taken that: a link never replaces anything."""
    try:
        os.link(temporary, file)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        temporary.rename(file)


# -- import ----------------------------------------------------------------------------------------------------------


def _unpack(file: Path, fresh: Path, progress: Progress) -> Manifest:
    """Write the members to ``fresh``, each compared with its hash."""
    try:
        with file.open("rb") as raw, zipfile.ZipFile(raw) as archive:
            members = entries(archive, file.stat().st_size)
            manifest = manifest_of(archive, members)
            needed = sum(member.size for member in manifest.members) + _RESERVE
            free = shutil.disk_usage(fresh).free
            if needed > free:
                raise StorageError(f"{file} needs {needed:,} bytes, and {free:,} are free: free some space")
            for done, member in enumerate(manifest.members):
                progress("files", done, len(manifest.members))
                _extract(archive, members[member.member], member, fresh)
    except (zipfile.BadZipFile, EOFError, struct.error, NotImplementedError, ValueError, RuntimeError) as error:
        # What zipfile raises of a file that is cut short, damaged, encrypted, or compressed in a way it does not know.
        raise CorruptError(
            f"{file} is damaged, cut short, or no export of a knowledge base ({error}); nothing was imported. Take "
            f"another copy of it, or export again: ragbot kb export FILE"
        ) from error
    return manifest


def _extract(archive: zipfile.ZipFile, info: zipfile.ZipInfo, member: Member, fresh: Path) -> None:
    # Uploads lie in their folder, the catalog beside it; the name was looked at before.
    path = fresh / (FILE_NAME if member.member == FILE_NAME else f"{UPLOADS}/{member.name}")
    path.parent.mkdir(exist_ok=True)
    digest = hashlib.sha256()
    try:
        with archive.open(info) as source, path.open("xb") as target:
            _pour(source, target, digest)
            target.flush()
            os.fsync(target.fileno())
    except FileExistsError:
        raise ValueError(f"two uploads have the name {member.name!r}") from None
    if digest.hexdigest() != member.sha256:
        raise ValueError(f"the contents of {member.member!r} are not what {MANIFEST} says")


def _take_over(fresh: Path, folder: Path, file: Path, manifest: Manifest, progress: Progress) -> None:
    """Make the catalog in ``fresh`` that of ``folder``, and its indexes."""
    try:
        catalog = Inspector(fresh / FILE_NAME)
    except sqlite3.Error as error:
        raise CorruptError(f"the catalog in {file} is none of ragbot's ({error}); nothing was imported") from error
    try:
        _refuse_damage(catalog, f"take another copy of {file}", progress)
        counts = catalog.counts()
        if (catalog.seq, counts["documents"], counts["chunks"]) != (manifest.seq, manifest.documents, manifest.chunks):
            raise CorruptError(
                f"the catalog in {file} is not the one that its {MANIFEST} describes; nothing was imported"
            )
        catalog.become_another()
        # A file from elsewhere does not choose what is connected to, or imported, here.
        catalog.put_all({stores.STORE: stores.FAISS, stores.STALE: ""})
        old, new = Path(manifest.folder) / UPLOADS, folder / UPLOADS
        catalog.move_sources(f"{old}{os.sep}", f"{new}{os.sep}")
        progress("indexes", 0, 1)
        rebuild_indexes(fresh, catalog, catalog.fingerprint().dimension)
        catalog.checkpoint()
    finally:
        catalog.close()


# -- both ------------------------------------------------------------------------------------------------------------


def _refuse_damage(catalog: Inspector, next_step: str, progress: Progress) -> None:
    problem = next(iter(check_catalog(catalog, progress)), None)
    if problem:
        raise CorruptError(f"{problem.message}; {next_step}")


def _pour(source: IO[bytes], target: IO[bytes], digest: Any) -> int:
    size = 0
    while block := source.read(_BLOCK):
        digest.update(block)
        target.write(block)
        size += len(block)
    return size


@contextmanager
def _stored(path: Path) -> Iterator[None]:
    """Turn what the system refuses into a :class:`StorageError`; nothing is left of what was begun."""
    try:
        yield
    except FileExistsError as error:
        raise SourceError(f"{path} was made by somebody else meanwhile, and is not overwritten") from error
    except KnowledgeBaseError:
        raise
    except OSError as error:
        raise StorageError(
            f"cannot write {path}: {error.strerror or error}; nothing was written. Free some space or choose another place"
        ) from error
