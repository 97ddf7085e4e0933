"""Archives and pages of the web through the whole pipeline: each member a document, unchanged ones skipped."""

from __future__ import annotations

import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from ingest.chunkers.recursive import RecursiveChunker
from ingest.contextual import ContextWriter
from ingest.pipeline import ingest
from ragbot.documents import IngestReport
from ragbot.errors import SourceError
from ragbot.index.knowledge_base import KnowledgeBase
from ragbot.models.testing import HashEmbedder, ScriptedChatModel


@pytest.fixture
def kb(kb_folder: Path) -> Iterator[KnowledgeBase]:
    kb = KnowledgeBase(kb_folder, HashEmbedder().fingerprint)
    yield kb
    kb.close()


def run(kb: KnowledgeBase, *paths: str | Path, **options: Any) -> IngestReport:
    embedder = HashEmbedder()
    return ingest(kb, embedder, RecursiveChunker(embedder.count_tokens, 32), paths, **options)


def pack(path: Path, **texts: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in texts.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), text)
    return path


def inner(sources: tuple[str, ...]) -> list[str]:
    return [source.rpartition("!/")[2] for source in sources]


def test_each_member_is_a_document(kb: KnowledgeBase, tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    pack(
        folder / "notes.zip", zh__lora_md="# 低秩\n\n冻结权重。", page_html="<h1>Page</h1><p>Words.</p>", photo_xyz="?"
    )
    (folder / "plain.md").write_text("Plain words.")
    report = run(kb, folder)
    assert inner(report.added) == ["zh/lora.md", "page.html", str(folder / "plain.md")]
    assert inner(report.ignored) == ["photo.xyz"]
    documents = {document.source: document for document in kb.catalog.documents()}
    member = documents[f"{folder / 'notes.zip'}!/zh/lora.md"]
    assert member.title == "低秩" and "冻结权重" in kb.catalog.document_text(member.id)
    again = run(kb, folder)
    assert len(again.skipped) == 3 and not again.added


def test_a_changed_archive_changes_only_what_changed(kb: KnowledgeBase, tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", one_md="First text.", two_md="Second text.")
    run(kb, path)
    pack(path, one_md="First text.", two_md="Another text.", three_md="A third text.")
    report = run(kb, path)
    assert (inner(report.skipped), inner(report.updated), inner(report.added)) == (["one.md"], ["two.md"], ["three.md"])
    pack(path, three_md="A third text.")
    assert run(kb, path).removed == ()
    assert sorted(inner(run(kb, path, sync=True).removed)) == ["one.md", "two.md"]


def test_members_of_an_archive_that_is_damaged_have_not_vanished(kb: KnowledgeBase, tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", one_md="First text.", two_md="Second text.")
    run(kb, path)
    path.write_bytes(path.read_bytes()[:60])
    report = run(kb, path, sync=True)
    assert report.failed and report.removed == () and len(kb.catalog.documents()) == 2


def test_an_archive_that_has_vanished_takes_its_members_along(kb: KnowledgeBase, tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "b.md").write_text("Stays.")
    pack(folder / "a.zip", one_md="First text.")
    run(kb, folder)
    (folder / "a.zip").unlink()
    assert run(kb, folder).removed == ()
    assert inner(run(kb, folder, sync=True).removed) == ["one.md"]


def test_a_bad_member_stops_nothing_and_is_called_by_its_name(kb: KnowledgeBase, tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", bad_pdf="no PDF at all", empty_md=" ", good_md="Good words.")
    report = run(kb, path)
    assert inner(report.added) == ["good.md"]
    reasons = {failed.source.rpartition("!/")[2]: failed.reason for failed in report.failed}
    assert reasons["bad.pdf"].startswith("bad.pdf is not a PDF file") and "empty" in reasons["empty.md"]


def test_private_copies_are_gone_afterwards(kb: KnowledgeBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    run(kb, pack(tmp_path / "a.zip", **{f"n{n}_md": f"Text {n}." for n in range(50)}))
    assert len(kb.catalog.documents()) == 50 and list((tmp_path / "tmp").iterdir()) == []


def test_pictures_of_a_folder_only_when_asked(kb: KnowledgeBase, tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "photo.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    (folder / "a.md").write_text("Words.")
    assert [Path(name).name for name in run(kb, folder).ignored] == ["photo.png"]
    assert [Path(failed.source).name for failed in run(kb, folder, images=True).failed] == ["photo.png"]
    assert run(kb, folder / "photo.png").failed


# -- the web ---------------------------------------------------------------------------------------------------------


class Site(BaseHTTPRequestHandler):
    """One page with an entity tag; everything else is missing."""

    page = "<title>Towers</title><p>The tower is 330 metres high.</p>"
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        type(self).asked.append(self.path)
        tag = f'"{hash(self.page)}"'
        if self.path != "/tower":
            self.send_error(404)
        elif self.headers.get("If-None-Match") == tag:
            self.send_response(304)
            self.end_headers()
        else:
            body = self.page.encode()
            self.send_response(200)
            for name, value in (("Content-Type", "text/html"), ("Content-Length", str(len(body))), ("ETag", tag)):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(Site, "asked", [])
    monkeypatch.setattr(Site, "page", Site.page)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_page_is_a_document_and_asked_for_only_if_it_changed(kb: KnowledgeBase, site: str) -> None:
    url = f"{site}/tower"
    assert run(kb, url, allow_private=True).added == (url,)
    (document,) = kb.catalog.documents()
    assert (document.title, document.type, document.metadata["url"]) == ("Towers", "html", url)
    assert run(kb, url, allow_private=True).skipped == (url,)  # the server said 304
    Site.page = "<title>Towers</title><p>The tower is 324 metres high.</p>"
    assert run(kb, url, allow_private=True).updated == (url,)
    assert "324" in kb.catalog.document_text(document.id)
    assert run(kb, url, allow_private=True, sync=True).removed == ()


def test_a_page_that_is_to_be_made_into_something_else_is_asked_for_whole(kb: KnowledgeBase, site: str) -> None:
    url = f"{site}/tower"
    run(kb, url, allow_private=True)
    assert run(kb, url, allow_private=True, context="none").updated == (url,)
    assert run(kb, url, allow_private=True, context="none").skipped == (url,)
    answers = iter([RuntimeError("away"), "塔的高度。"])

    def describe() -> IngestReport:
        writer = ContextWriter(lambda: ScriptedChatModel(lambda _: next(answers)), "m")
        return run(kb, url, allow_private=True, context="model", writer=writer)

    assert describe().contexts_failed == 1
    assert describe().contexts == 1  # what is missing is tried again
    assert describe().skipped == (url,)


def test_a_private_address_is_refused(kb: KnowledgeBase, site: str) -> None:
    report = run(kb, f"{site}/tower")
    assert Site.asked == [] and report.added == ()
    (failed,) = report.failed
    assert failed.source == f"{site}/tower" and "127.0.0.1" in failed.reason


def test_a_missing_page_beside_a_file(kb: KnowledgeBase, site: str, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("Words.")
    report = run(kb, f"{site}/gone", tmp_path / "a.md", allow_private=True)
    assert len(report.added) == 1 and "answered 404" in report.failed[0].reason
    with pytest.raises(SourceError):
        run(kb, f"{site}/tower", tmp_path / "missing.md", allow_private=True)
