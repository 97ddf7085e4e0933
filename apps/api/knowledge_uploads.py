"""A form with files, received once it is known who sends it, and kept before anybody is told that it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException

from apps.api.common import Parts
from apps.api.knowledge_common import checked, checked_access, opened
from apps.api.principal import Principal
from apps.api.problems import ProblemError
from ragbot.bot import RagBot
from ragbot.index.access import is_seen
from ragbot.workspace.jobs_uploads import Kept, discard, keep

_MOST_FILES, _MOST_FIELDS = 1000, 300
_FIELDS = {"files", "access", "tags", "collection"}

Submit = Callable[[list[Kept], list[str] | None, list[str] | None, str | None], dict[str, Any]]


async def received(request: Request, these: Parts, principal: Principal, kb: str, submit: Submit) -> dict[str, Any]:
    """What ``submit`` answers to the files of the form, which are in the knowledge base's folder by then.

    The form is read here, and not by a parameter of the route: those are read before it is known what the caller may do.

    Raises:
        HTTPException: 404 and 403 as :func:`checked`; 400, it is no such form; 413, it is too large.
    """
    await run_in_threadpool(checked, request, these, principal, kb, "write")
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "multipart/form-data":
        raise ProblemError(415, "files are sent as multipart/form-data, in fields called `files`", code="no_form")
    try:
        form = await request.form(max_files=_MOST_FILES, max_fields=_MOST_FIELDS, max_part_size=10_000)
    except (MultiPartException, HTTPException) as error:
        said = getattr(error, "message", None) or getattr(error, "detail", "it cannot be read")
        raise ProblemError(400, f"the form cannot be read: {said}", code="bad_form") from error
    try:
        return await run_in_threadpool(_kept, request, these, principal, kb, form, submit)
    finally:
        await form.close()


def _kept(request: Request, these: Parts, principal: Principal, kb: str, form: Any, submit: Submit) -> dict[str, Any]:
    unknown = sorted(set(form) - _FIELDS)
    if unknown:
        raise ProblemError(400, f"there is no field {unknown[0][:40]!r}; there are {', '.join(sorted(_FIELDS))}")
    files = [value for value in form.getlist("files") if isinstance(value, UploadFile)]
    if not files:
        raise ProblemError(400, "no file was sent: put them into fields called `files`", param="files")
    texts = {name: [str(value) for value in form.getlist(name)] for name in ("access", "tags", "collection")}
    if len(texts["collection"]) > 1:
        raise ProblemError(400, "a document is in one collection", param="collection")
    # One empty field is how a form says "none".
    access, tags = ([value for value in texts[name] if value] if name in form else None for name in ("access", "tags"))
    if access is not None:
        checked_access(principal, access)  # before anything is written
    kept: list[Kept] = []
    with opened(request, these, principal, kb, "write") as bot:
        most = these.settings.ingest.max_file_mb << 20
        try:
            for sent in files:
                name = sent.filename or "file"
                kept.append(keep(bot.kb.folder, name, sent.file, most, lambda path: _is_ours(bot, principal, path)))
            return submit(kept, access, tags, texts["collection"][0] if texts["collection"] else None)
        except BaseException:
            discard((one.path for one in kept if one.is_new), [document.source for document in bot.documents()])
            raise


def _is_ours(bot: RagBot, principal: Principal, path: Path) -> bool:
    """Whether the caller may know that these very bytes are there already."""
    if principal.groups is None:
        return True
    known = bot.kb.catalog.document_at(str(path))
    return known is not None and is_seen(known, principal.where())
