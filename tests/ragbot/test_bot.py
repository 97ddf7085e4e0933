"""RagBot, as a user of the library meets it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from langchain_core.runnables import Runnable

import ragbot
from ragbot.bot import RagBot
from ragbot.documents import Answer, Heading, ParsedDocument
from ragbot.errors import EmbedderMismatchError, KnowledgeBaseError, ModelNotFoundError, SourceError
from ragbot.index.filters import Filter
from ragbot.models.testing import HashEmbedder, ScriptedChatModel
from ragbot.settings import Settings, load_settings


def test_the_main_job(kb_folder: Path, corpus: Path) -> None:
    with ragbot.RagBot.open(kb_folder, embedder=HashEmbedder(), llm="extractive") as bot:
        report = bot.ingest(corpus)
        assert len(report.added) == 4 and not report.failed
        assert bot.search("lighthouse", top_k=2)[0].chunk.document.source == str(corpus / "notes" / "plain.txt")
        answer = bot.ask("What colour is the lighthouse of Aalto?")
        assert isinstance(answer, Answer)
    with ragbot.RagBot.open(kb_folder, embedder=HashEmbedder(), create=False) as bot:
        assert [Path(document.source).name for document in bot.documents()] == [
            "lora.md",
            "misc.txt",
            "plain.txt",
            "serving.md",
        ]
        assert len(bot.ingest(corpus).skipped) == 4


def test_hits_are_slices_of_their_documents(bot: RagBot) -> None:
    for hit in bot.search("matrices 矩阵 requests", top_k=20):
        assert hit.chunk.text == bot.document_text(hit.chunk.document.id)[hit.chunk.start : hit.chunk.end]


def test_top_k(bot: RagBot) -> None:
    assert len(bot.search("a", top_k=1)) == 1
    assert len(bot.search("a")) == min(bot.settings.retrieval.top_k, bot.kb.catalog.counts()["chunks"])
    with pytest.raises(ValueError, match="top_k"):
        bot.search("a", top_k=0)


def test_name_lives_in_the_data_folder() -> None:
    with RagBot.open("mine", embedder=HashEmbedder(), llm="extractive") as bot:
        assert bot.kb.folder == load_settings()[0].data_dir / "kb" / "mine"
        assert bot.kb.folder.is_dir()


def test_settings_given(kb_folder: Path) -> None:
    settings = Settings(retrieval={"top_k": 2}, chunking={"chunk_tokens": 16, "chunk_tokens_zh": 16})  # type: ignore[arg-type]
    with RagBot.open(kb_folder, embedder=HashEmbedder(), llm="extractive", settings=settings) as bot:
        bot.ingest_documents({"a": ParsedDocument(" ".join(f"One two three four {n}." for n in range(40)))})
        assert len(bot.search("one")) == 2
        assert all(len(hit.chunk.text) <= 16 * 8 for hit in bot.search("one", top_k=50))


def test_none_there(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeBaseError, match="no knowledge base"):
        RagBot.open(tmp_path / "none", embedder=HashEmbedder(), create=False)


def test_another_embedder(bot: RagBot) -> None:
    with pytest.raises(EmbedderMismatchError):
        RagBot.open(bot.kb.folder, embedder=HashEmbedder(dimension=16))


def test_unknown_models(kb_folder: Path) -> None:
    with pytest.raises(ModelNotFoundError, match="bundled"):
        RagBot.open(kb_folder, embedder="bundeld")
    with RagBot.open(kb_folder, embedder=HashEmbedder(), llm="opnai:gpt") as bot:
        bot.ingest_documents({"a": ParsedDocument("Some text.")})
        bot.search("text")  # needs no chat model
        with pytest.raises(ModelNotFoundError, match="openai"):
            bot.ask("What text?")


def test_missing_path(bot: RagBot, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"nowhere\.md does not exist"):
        bot.ingest(tmp_path / "nowhere.md")


def test_remove(bot: RagBot, corpus: Path) -> None:
    source = str(corpus / "notes" / "plain.txt")
    assert bot.remove(source)
    assert not bot.remove(source)
    assert all(hit.chunk.document.source != source for hit in bot.search("lighthouse"))
    assert source not in {document.source for document in bot.documents()}
    assert Path(source).exists()


def test_remove_deletes_an_upload_and_nothing_else(bot: RagBot, tmp_path: Path) -> None:
    uploads = bot.kb.folder / "uploads"
    (uploads / "deep").mkdir(parents=True)
    ours, own = uploads / "ours.md", tmp_path / "own.md"
    inner, other = uploads / "deep" / "inner.md", uploads / "other.md"
    for path in (ours, own, inner, other):
        path.write_text(f"The text of {path.name}.")
    crooked = [f"{uploads}/../../own.md", f"{uploads}/..", "own.md", "a\0b"]
    bot.ingest_documents({name: ParsedDocument("Some text.") for name in crooked})
    bot.ingest(ours, own, inner)
    for source in [*crooked, str(own), str(inner), str(ours)]:
        assert ours.exists()
        assert bot.remove(source)
    assert not bot.remove(str(other))  # no document: perhaps an upload that is still being read
    assert not ours.exists()
    assert own.exists() and inner.exists() and other.exists()


def test_remove_follows_no_link_out_of_the_knowledge_base(bot: RagBot, tmp_path: Path) -> None:
    papers = tmp_path / "papers"
    papers.mkdir()
    (papers / "a.md").write_text("A paper of mine.")
    (bot.kb.folder / "uploads").symlink_to(papers)
    for path in (papers / "a.md", bot.kb.folder / "uploads" / "a.md"):
        bot.ingest_documents({str(path): ParsedDocument("A paper of mine.")})
        assert bot.remove(str(path))
        assert (papers / "a.md").exists()


def test_acl(bot: RagBot) -> None:
    bot.ingest_documents({"secret": ParsedDocument("The vault code is kumquat.")}, acl=["board"])
    bot.ingest_documents({"open": ParsedDocument("The vault is in the cellar.")})
    question = "What is the vault code?"
    assert "kumquat" in bot.ask(question).text
    for principals, seen in (((), False), (("staff",), False), (("board", "staff"), True)):
        where = Filter(principals=principals)
        answer = bot.ask(question, where=where)
        assert ("kumquat" in answer.text) == seen
        assert ("secret" in {citation.source for citation in answer.citations}) == seen
        assert ("secret" in {hit.chunk.document.source for hit in bot.search(question, where=where)}) == seen


def test_model_instance_and_runnable(bot: RagBot) -> None:
    with RagBot.open(
        bot.kb.folder, embedder=HashEmbedder(), llm=ScriptedChatModel(["Green [1]."]), settings=bot.settings
    ) as other:
        runnable = other.as_runnable()
        assert isinstance(runnable, Runnable)
        answer = runnable.invoke("What colour is the lighthouse?")
        assert answer.text == "Green [1]."
        assert answer.citations


def test_citation_names_the_page_and_heading_of_the_quote(bot: RagBot) -> None:
    """The neighbours of a hit may stand on another page and in another section than the hit."""
    first = "The zeppelin hangar was built of oak.\n\n"
    second = "Its doors weigh forty tons and open to the north.\n\n"
    third = "The mast stands beside it."
    text = f"{first}{second}{third}"
    at = len(first), len(first) + len(second)
    headings = (Heading(0, 1, "Hangar"), Heading(at[0], 2, "Doors"), Heading(at[1], 2, "Mast"))
    bot.ingest_documents({"hangar.pdf": ParsedDocument(text, pages=(0, *at), headings=headings)})
    with RagBot.open(
        bot.kb.folder,
        embedder=HashEmbedder(),
        llm=ScriptedChatModel(["Built of oak [1]. Forty tons [1]. A mast [1]."]),
        settings=bot.settings,
    ) as other:
        answer = other.ask("How heavy are the doors of the zeppelin hangar?")
    places = {citation.quote: (citation.page, citation.heading) for citation in answer.citations}
    assert places == {
        first.strip(): (1, "Hangar"),
        second.strip(): (2, "Hangar > Doors"),
        third: (3, "Hangar > Mast"),
    }


def test_threads_ask_while_one_ingests(bot: RagBot) -> None:
    failures: list[BaseException] = []
    stop = threading.Event()

    def ask() -> None:
        try:
            while not stop.is_set():
                answer = bot.ask("What does report 3 say about 矩阵 and the harbour?")
                for citation in answer.citations:
                    assert citation.quote
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in range(12):
        bot.ingest_documents(
            {f"report{number % 4}": ParsedDocument(f"Report {number} says harbour 矩阵. " * (number + 1))}
        )
        bot.remove(f"report{(number + 2) % 4}")
    stop.set()
    for thread in threads:
        thread.join()
    assert failures == []
