"""The command line in this process, on an embedder without weights."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import sqlite3
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

import ragbot.bot
from ragbot.cli import app
from ragbot.documents import Answer, Chunk, Document, ScoredChunk
from ragbot.models.testing import HashEmbedder
from tests.ragbot.conftest import LORA_EN, Cli

ESCAPE = "\x1b"
GROUPS = {"", "agent", "kb", "models", "config", "conversations", "keys", "eval", "train", "mcp"}


@pytest.fixture
def filled(cli: Cli, folder: Path) -> Cli:
    """The command line with the two documents in the default knowledge base."""
    assert cli("ingest", str(folder)).code == 0
    return cli


def commands() -> dict[str, Any]:
    """Every command by its words."""

    def walk(command: Any, words: str) -> Iterator[tuple[str, Any]]:
        yield words, command
        for name, child in getattr(command, "commands", {}).items():
            yield from walk(child, f"{words} {name}".strip())

    return dict(walk(typer.main.get_command(app), ""))


# -- help --------------------------------------------------------------------------------------------------------


def test_there_is_every_command() -> None:
    expected = (
        "ingest ask search chat ui serve doctor tune similar topics duplicates summarize|agent run|agent runs|kb info|kb list|kb documents|kb access|kb remove|kb verify|kb repair"
        "|kb compact|kb migrate|kb reembed|kb export|kb import|models list|models build|models bench|config show|config path|conversations list|conversations show|conversations search|conversations rename|conversations export|conversations import|conversations delete|keys create|keys list|keys revoke|keys rotate|eval run|eval compare|eval list|eval show|eval diff|eval report|eval judge|eval init|eval review|train dataset|train lora|train agent-dataset|train agent|train promote|train dpo|train embedder|train reranker|train export|mcp serve|mcp tools"
    )
    first, *others = expected.split("|")
    assert set(commands()) - GROUPS == {*first.split(), *others}


@pytest.mark.parametrize("words", commands())
def test_every_command_and_option_has_help(cli: Cli, words: str) -> None:
    command = commands()[words]
    assert command.help
    for parameter in command.params:
        assert parameter.help or parameter.name == "help", f"{words}: {parameter.name} has no help"
    result = cli(*words.split(), "--help")
    assert result.code == 0
    assert result.out.startswith("Usage: ragbot")
    assert ESCAPE not in result.out


@pytest.mark.parametrize("words", [words for words in commands() if words not in GROUPS])
def test_the_shared_options_are_on_every_command(words: str) -> None:
    options = {option for parameter in commands()[words].params for option in parameter.opts}
    assert {"--json", "--config", "--verbose", "-v", "--quiet"} <= options


def test_version(cli: Cli) -> None:
    assert cli("--version").out == f"ragbot {ragbot.__version__}\n"


def test_without_a_command_the_help_is_shown(cli: Cli) -> None:
    result = cli()
    assert "ingest" in result.out + result.err
    assert "error" not in result.err


# -- one JSON object ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "keys"),
    [
        (["ask", "矩阵 B 初始化为什么？"], {"question", "text", "citations", "abstained", "confidence", "language"}),
        (["search", "byte-pair encoding"], {"query", "hits"}),
        (["chat"], {"answers"}),
        (
            ["kb", "info"],
            {"kb", "folder", "documents", "chunks", "characters", "bytes", "embedder", "seq", "types", "languages"},
        ),
        (["kb", "list"], {"folder", "knowledge_bases"}),
        (["kb", "documents"], {"documents"}),
        (["models", "list"], {"embedder", "reranker", "llm", "embedders", "rerankers", "chat_models"}),
        (["config", "show"], {"settings"}),
        (["config", "path"], {"path", "searched"}),
        (["doctor"], {"ok", "checks"}),
        (["ingest", "docs"], {"added", "updated", "skipped", "failed", "removed", "ignored", "chunks", "seconds"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_json_is_one_object_and_nothing_else(filled: Cli, words: list[str], keys: set[str]) -> None:
    result = filled(*words, "--json")
    assert result.code == 0, result.err
    assert keys <= result.json.keys()  # json.loads refuses anything before and after the object


@pytest.mark.parametrize(
    ("words", "code", "kind"),
    [
        (["ask", "x", "--kb", "nope"], 2, "SourceError"),
        (["search", "x", "--kb", "nope"], 2, "SourceError"),
        (["chat", "--kb", "nope"], 2, "SourceError"),
        (["kb", "info", "--kb", "nope"], 2, "SourceError"),
        (["kb", "documents", "--kb", "nope"], 2, "SourceError"),
        (["kb", "remove", "x", "--kb", "nope"], 2, "SourceError"),
        (["kb", "remove", "nope.md"], 2, "SourceError"),
        (["ingest", "nope.md"], 2, "SourceError"),
        (["ingest", "empty"], 2, "SourceError"),
        (["ingest", "docs", "--kb", "./docs/lora.md"], 2, "SourceError"),
        (["ask", ""], 2, "UserError"),
        (["search", "x", "--since", "2024-13"], 2, "UserError"),
        (["search", "x", "--since", "2025", "--until", "2024"], 2, "UserError"),
        (["search", "x", "--embedder", "bundeld"], 2, "ModelNotFoundError"),
        (["config", "show", "--config", "nope.toml"], 2, "SettingsError"),
        (["models", "list", "--config", "broken.toml"], 2, "SettingsError"),
        (["search", "x", "--top-k", "0"], 2, "UsageError"),
        (["search"], 2, "UsageError"),
        (["nope"], 2, "UsageError"),
        (["ask", "x", "--nope"], 2, "UsageError"),
        (["search", "x", "--kb", "./damaged"], 1, "CorruptError"),
        (["kb", "info", "--kb", "./damaged"], 1, "CorruptError"),
        (["ask", "x", "--kb", "./foreign"], 1, "CorruptError"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_an_error_is_a_message_and_an_exit_code(
    filled: Cli, tmp_path: Path, words: list[str], code: int, kind: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.toml").write_text("kb = ", encoding="utf-8")
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "catalog.sqlite3").write_bytes(b"no database" * 500)
    (tmp_path / "foreign").mkdir()
    with sqlite3.connect(tmp_path / "foreign" / "catalog.sqlite3") as db:
        db.execute("CREATE TABLE other (id)")
    db.close()

    result = filled(*words, "--json")
    assert result.code == code
    assert result.json.keys() == {"error"}
    assert result.json["error"]["type"] == kind
    assert result.json["error"]["message"]

    result = filled(*words)
    assert result.code == code
    assert result.out == ""
    assert result.err.startswith("error: ")
    assert "Traceback" not in result.err


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["ask", "x", "--kb", "nope"], "ragbot ingest FOLDER --kb nope (there are: default)"),
        (["search", "x", "--embedder", "bundeld"], "Did you mean 'bundled'?"),
        (["kb", "remove", "elsewhere/lora.md"], "docs/lora.md?"),
        (["ingest", "docs", "--kb", "./docs/lora.md"], "is a file, and a knowledge base is a folder"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_an_error_says_the_next_step(filled: Cli, words: list[str], wanted: str) -> None:
    assert wanted in filled(*words).err


def test_an_unknown_setting_is_refused_with_the_nearest(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGBOT_EMBEDER", "x")
    result = cli("kb", "list")
    assert result.code == 2
    assert "did you mean 'embedder'" in result.err


def test_an_unexpected_error_shows_its_traceback_only_when_asked(filled: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("oh \x1b[31m[/no]")

    monkeypatch.setattr("ragbot.bot.RagBot.search", fail)
    result = filled("search", "x")
    assert result.code == 1
    assert (
        result.err
        == "error: unexpected ZeroDivisionError: oh [31m[/no]; run again with --verbose for where it happened\n"
    )
    loud = filled("search", "x", "-v", "--json")
    assert "Traceback" in loud.err
    assert loud.json["error"]["type"] == "ZeroDivisionError"


def test_what_a_library_prints_does_not_spoil_the_object(filled: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    real = ragbot.bot.RagBot.search

    def chatty(*arguments: Any, **options: Any) -> Any:
        sys.stdout.write("Loading weights: 100%\n")
        return real(*arguments, **options)

    monkeypatch.setattr("ragbot.bot.RagBot.search", chatty)
    result = filled("search", "encoding", "--json")
    assert result.json["hits"]
    assert "Loading weights" in result.err


# -- ingest ------------------------------------------------------------------------------------------------------


def test_the_report_counts_and_names_what_failed(cli: Cli, folder: Path) -> None:
    (folder / "broken.pdf").write_bytes(b"%PDF-1.4 broken")
    (folder / "a.png").write_bytes(b"png")
    (folder / "b.PNG").write_bytes(b"png")
    result = cli("ingest", str(folder))
    assert result.code == 0  # a file that was only found in a folder does not spoil the run
    assert result.out.startswith("2 added, 0 updated, 0 skipped, 1 failed in ")
    assert f"failed: {folder / 'broken.pdf'}: " in result.out
    assert "2 files of other formats ignored: .png (2)" in result.out
    again = cli("ingest", str(folder), "--json")
    assert len(again.json["skipped"]) == 2
    assert [failure["source"] for failure in again.json["failed"]] == [str(folder / "broken.pdf")]


def test_a_file_that_was_named_and_failed_is_exit_code_1(cli: Cli, folder: Path) -> None:
    (folder / "broken.pdf").write_bytes(b"%PDF-1.4 broken")
    result = cli("ingest", str(folder), "docs/broken.pdf", "--json")
    assert result.code == 1
    assert len(result.json["added"]) == 2


def test_a_file_is_named_by_any_path_to_it(
    cli: Cli, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = folder / "broken.pdf"
    broken.write_bytes(b"no pdf")
    monkeypatch.chdir(folder)
    assert cli("ingest", f"../{folder.name}/broken.pdf", "lora.md").code == 1
    Path("~draft.md").write_text("A draft.", encoding="utf-8")  # nobody's home
    assert cli("ingest", "~draft.md").code == 0


def test_nothing_readable_is_exit_code_1(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "empty.md").touch()
    assert cli("ingest", "bad").code == 1


def test_a_missing_path_makes_no_knowledge_base(cli: Cli, folder: Path, tmp_path: Path) -> None:
    assert cli("ingest", str(folder), "nope.md").code == 2
    assert not (tmp_path / "data").exists()


def test_ctrl_c_keeps_what_was_committed(cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.pipeline.BATCH", 1)
    embed, calls = HashEmbedder.encode_documents, []

    def interrupted(self: HashEmbedder, texts: Any, progress: Any = None) -> Any:
        calls.append(texts)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return embed(self, texts, progress)

    monkeypatch.setattr(HashEmbedder, "encode_documents", interrupted)
    result = cli("ingest", str(folder))
    assert result.code == 130
    assert "stopped after 1 of 2 files; what was committed is kept" in result.err
    assert cli("kb", "info", "--json").json["documents"] == 1
    rest = cli("ingest", str(folder), "--json").json
    assert (len(rest["added"]), len(rest["skipped"])) == (1, 1)


def test_acl_is_stored(cli: Cli, folder: Path) -> None:
    cli("ingest", str(folder), "--acl", "alice", "--acl", "bob")
    assert [doc["acl"] for doc in cli("kb", "documents", "--json").json["documents"]] == [["alice", "bob"]] * 2


# -- ask and search ----------------------------------------------------------------------------------------------


def test_an_answer_in_chinese(filled: Cli) -> None:
    result = filled("ask", "矩阵 B 初始化为什么？")
    assert result.code == 0
    answer, _, sources = result.out.partition("\n\n来源\n")
    assert "全零" in answer
    assert sources.startswith("[1] 微调与 LoRA (lora.md)\n    ")
    assert "\n可信度 " in sources


def test_an_answer_in_english(filled: Cli) -> None:
    result = filled("ask", "Who published byte-pair encoding?", "--no-stream")
    answer, _, sources = result.out.partition("\n\nSources\n")
    assert "Philip Gage" in answer
    assert "[1] Tokenization (bpe.md)\n    Byte-pair encoding was published by Philip Gage in 1994.\n" in sources
    assert "\nconfidence " in sources


def test_the_streamed_answer_is_the_whole_one(filled: Cli) -> None:
    question = "Who published byte-pair encoding?"
    assert filled("ask", question).out == filled("ask", question, "--no-stream").out


def test_a_quote_equals_the_text_at_its_offsets(filled: Cli, folder: Path) -> None:
    answer = filled("ask", "矩阵 B 初始化为什么？", "--json").json
    assert answer["citations"]
    for citation in answer["citations"]:
        assert citation.keys() == {
            "marker", "source", "title", "page", "heading", "start", "end", "quote", "document_id", "focus",
        }  # fmt: skip
        text = Path(citation["source"]).read_text(encoding="utf-8")
        assert citation["quote"] == text[citation["start"] : citation["end"]]
        if citation["focus"] is not None:  # the words of a short answer, inside the quote
            begin, end = citation["focus"]
            assert citation["start"] <= begin < end <= citation["end"]


def test_a_refusal_is_plain_and_names_what_is_near(filled: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGBOT_GENERATION__MIN_CONFIDENCE", "1")
    result = filled("ask", "Who won the world cup?")
    assert result.code == 0
    assert "The nearest passages are in:\n- " in result.out
    assert "(bpe.md)" in result.out
    assert "below 100% nothing is answered" in result.out
    assert "Sources" not in result.out
    assert "最接近的段落出自" in filled("ask", "谁赢得了世界杯？").out


def test_search_shows_place_score_and_offsets(filled: Cli, folder: Path) -> None:
    result = filled("search", "frequent pairs merges", "--top-k", "1")
    assert result.out.startswith("1. Tokenization (bpe.md) · Merges\n")
    assert "score " in result.out
    assert str(folder / "bpe.md") in result.out
    assert "dense" not in result.out
    assert "\n2. " not in result.out
    assert "fused" not in result.out


def test_the_hits_of_search_in_json(filled: Cli, folder: Path) -> None:
    found = filled("search", "Philip Gage", "--top-k", "1", "--json").json
    assert found["query"] == "Philip Gage"
    (hit,) = found["hits"]
    assert {"score", "components", "chunk", "duplicates"} == hit.keys()
    chunk = hit["chunk"]
    assert chunk["document"]["source"] == str(folder / "bpe.md")
    assert chunk["text"] == LORA_EN[chunk["start"] : chunk["end"]]
    assert {"id", "page", "headings"} <= chunk.keys()


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ([], {"lora.md", "bpe.md"}),
        (["--language", "zh-CN"], {"lora.md"}),
        (["--type", "Markdown"], {"lora.md", "bpe.md"}),
        (["--type", ".pdf"], set()),
        (["--source", "docs/bpe.md"], {"bpe.md"}),
        (["--source", "bpe.md"], {"bpe.md"}),
        (["--source", "docs"], {"lora.md", "bpe.md"}),
        (["--source", "lo*.md"], {"lora.md"}),
        (["--source", "lora.md", "--source", "bpe.md"], {"lora.md", "bpe.md"}),
        (["--since", "2020"], set()),  # neither has a date
    ],
    ids=lambda value: " ".join(sorted(value) if isinstance(value, set) else value),
)
def test_filters(filled: Cli, options: list[str], names: set[str]) -> None:
    hits = filled("search", "LoRA encoding", "--json", *options).json["hits"]
    assert {Path(hit["chunk"]["document"]["source"]).name for hit in hits} == names


def test_nothing_found_is_said_in_the_language_of_the_question(filled: Cli) -> None:
    assert filled("search", "gage", "--type", "pdf").out.startswith("Nothing found for “gage”.\nFilters are set")
    assert filled("search", "词表", "--type", "pdf").out.startswith("没有找到与“词表”相关的内容。")


def test_an_empty_knowledge_base_says_so(filled: Cli, folder: Path) -> None:
    for name in ("lora.md", "bpe.md"):
        assert filled("kb", "remove", f"docs/{name}").code == 0
    assert "There are no documents yet" in filled("search", "x").out
    assert "There are no documents yet" in filled("ask", "what?").out
    assert "It is empty" in filled("kb", "info").err


def test_text_of_documents_steers_no_terminal(cli: Cli, folder: Path) -> None:
    evil = "# [bold]T\x1b]0;owned\x07[/nope]\n\nThe \x1b[31mred\x9b2J pill \u202eevil\u202c [link=x]is[/link] here.\n"
    (folder / "evil\x1b[2J\x9b.md").write_text(evil, encoding="utf-8")
    outputs = [
        cli("ingest", str(folder)),
        cli("ask", "Where is the red pill?"),
        cli("search", "red pill"),
        cli("kb", "documents"),
    ]
    outputs += [cli("chat", stdin="Where is the red pill?\n/sources\n"), cli("ask", "red \x1b[31m pill?", "-vv")]
    assert "[link=x]is[/link]" in outputs[1].out  # markup is text
    for result in outputs:
        assert result.code == 0
        assert not set("\x1b\x07\x9b\u202e\u202c") & set(result.out + result.err)
    assert "\x9b" not in cli("search", "red pill", "--json").out
    quotes = [citation["quote"] for citation in cli("ask", "Where is the red pill?", "--json").json["citations"]]
    assert any("\u202e" in quote for quote in quotes)  # JSON carries the text as it is


# -- chat --------------------------------------------------------------------------------------------------------


def test_chat_reads_lines(filled: Cli) -> None:
    result = filled(
        "chat", stdin="Who published byte-pair encoding?\n\n/sources\n矩阵 B 初始化为什么？\n/exit\nnever asked\n"
    )
    assert result.code == 0
    assert "Philip Gage" in result.out
    assert "\n    Byte-pair encoding was published" in result.out  # the quote comes with /sources
    assert "全零" in result.out
    assert "来源" in result.out
    assert "never asked" not in result.out


def test_chat_has_a_history_and_clears_it(filled: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    histories: list[int] = []
    real = ragbot.bot.RagBot.stream

    def spy(self: Any, question: str, history: Any = (), where: Any = None) -> Any:
        histories.append(len(history))
        return real(self, question, history, where)

    monkeypatch.setattr("ragbot.bot.RagBot.stream", spy)
    filled("chat", stdin="byte-pair encoding?\nand merges?\n/clear\nLoRA?\n" + "more?\n" * 6)
    assert histories == [0, 2, 0, 2, 4, 6, 6, 6, 6]  # from the third turn on, a summary takes the place of two messages


def test_chat_commands_that_are_none_list_those_that_are(filled: Cli) -> None:
    result = filled("chat", stdin="/foo\n/sources\n")
    assert "There is no command /foo." in result.err
    assert "/clear" in result.err
    assert "There is no answer yet." in result.err


def test_ctrl_c_stops_the_answer_and_not_the_chat(filled: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    from ragbot.generation.extractive import ExtractiveAnswerer

    real = ExtractiveAnswerer.pieces

    def slow(self: Any, question: str, *rest: Any) -> Iterator[str]:
        if "LoRA" in question:
            yield "half an "
            raise KeyboardInterrupt
        yield from real(self, question, *rest)

    monkeypatch.setattr(ExtractiveAnswerer, "pieces", slow)
    result = filled("chat", stdin="What is LoRA?\nWho published byte-pair encoding?\n")
    assert result.code == 0
    assert "half an" in result.out
    assert "(stopped)" in result.err
    assert "Philip Gage" in result.out


def test_an_interruption_stops_the_model_too(filled: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    from ragbot.console.terminal import Terminal
    from ragbot.generation.extractive import ExtractiveAnswerer

    stopped = []

    def endless(*_: object) -> Iterator[str]:
        try:
            while True:
                yield "more and "
        finally:
            stopped.append(True)

    def interrupt(terminal: Terminal, text: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ExtractiveAnswerer, "pieces", endless)
    monkeypatch.setattr(Terminal, "piece", interrupt)
    streams = []
    real = ragbot.bot.RagBot.stream
    monkeypatch.setattr("ragbot.bot.RagBot.stream", lambda *words: streams.append(real(*words)) or streams[-1])
    result = filled("ask", "What is LoRA?")
    assert result.code == 130
    assert result.err == "error: stopped\n"
    assert stopped == [True]  # and not only when the stream, which is held here, is collected


def test_chat_as_json_holds_every_answer(filled: Cli) -> None:
    answers = filled("chat", "--json", stdin="Who published byte-pair encoding?\n矩阵 B 初始化为什么？\n").json[
        "answers"
    ]
    assert [answer["language"] for answer in answers] == ["en", "zh"]


# -- knowledge bases ---------------------------------------------------------------------------------------------


def test_kb_commands_load_no_model(filled: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("ragbot.bot.load_embedder", refuse)
    info = filled("kb", "info", "--json").json
    assert info["documents"] == 2
    assert info["embedder"]["name"] == "hash"
    assert info["types"] == {"md": 2}
    assert info["languages"] == {"zh": 1, "en": 1}
    assert [row["name"] for row in filled("kb", "list", "--json").json["knowledge_bases"]] == ["default"]
    assert len(filled("kb", "documents", "--json").json["documents"]) == 2
    assert filled("kb", "remove", "docs/bpe.md", "--json").json == {"removed": str(folder / "bpe.md")}
    assert filled("kb", "info", "--json").json["documents"] == 1


def test_what_was_removed_is_found_no_more(filled: Cli) -> None:
    filled("kb", "remove", "docs/bpe.md")
    hits = filled("search", "Philip Gage", "--json").json["hits"]
    assert {Path(hit["chunk"]["document"]["source"]).name for hit in hits} == {"lora.md"}


def test_removing_an_upload_deletes_our_copy_of_it(filled: Cli, tmp_path: Path, folder: Path) -> None:
    ours = tmp_path / "data" / "kb" / "default" / "uploads" / "sent.md"
    ours.parent.mkdir()
    ours.write_text("The comet returns in 2061.", encoding="utf-8")
    assert filled("ingest", str(ours)).code == 0
    assert filled("kb", "remove", str(ours)).code == 0
    assert not ours.exists()
    assert filled("kb", "remove", "docs/bpe.md").code == 0
    assert (folder / "bpe.md").exists()


def test_kb_list_shows_a_damaged_one_with_its_error(filled: Cli, tmp_path: Path) -> None:
    (tmp_path / "data" / "kb" / "bad").mkdir()
    (tmp_path / "data" / "kb" / "bad" / "catalog.sqlite3").write_bytes(b"no database" * 500)
    rows = {row["name"]: row for row in filled("kb", "list", "--json").json["knowledge_bases"]}
    assert rows["default"]["documents"] == 2
    assert rows["default"]["default"] is True
    assert "damaged" in rows["bad"]["error"]


# -- models, settings, doctor, ui --------------------------------------------------------------------------------


def test_models_list_marks_the_default_and_what_is_missing(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "langchain_openai" else real(name))
    point = importlib.metadata.EntryPoint("mine", "my.package:load", "ragbot.embedders")
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [point] if group == "ragbot.embedders" else [])
    found = cli("models", "list", "--llm", "openai:gpt", "--json").json
    embedders = {row["name"]: row for row in found["embedders"]}
    chat_models = {row["name"]: row for row in found["chat_models"]}
    assert [name for name, row in embedders.items() if row["default"]] == ["bundled"]
    assert [name for name, row in chat_models.items() if row["default"]] == ["openai"]
    assert embedders["mine"]["about"] == "from my.package:load"
    assert chat_models["extractive"]["usable"]
    assert not chat_models["openai"]["usable"]
    unset = cli("models", "list", "--json").json["chat_models"]
    assert [row["name"] for row in unset if row["default"]] == ["extractive"]
    assert chat_models["openai"]["reason"] == 'pip install "ragbot[openai]"'


def test_every_built_in_provider_is_described() -> None:
    from ragbot.console import models
    from ragbot.models.registry import CHAT_MODELS, EMBEDDERS, EXTRACTIVE, NO_RERANKER, READER, RERANKERS

    assert models._EMBEDDERS.keys() == EMBEDDERS.keys()
    assert models._CHAT_MODELS.keys() == {EXTRACTIVE, READER, *CHAT_MODELS}
    assert models._RERANKERS.keys() == {NO_RERANKER, *RERANKERS}


def test_config_show_says_where_each_value_came_from(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAGBOT_LLM")
    (tmp_path / "ragbot.toml").write_text('llm = "bundled"\n[openai]\napi_key = "sk-secret"\n', encoding="utf-8")
    monkeypatch.setenv("RAGBOT_RETRIEVAL__TOP_K", "7")
    result = cli("config", "show", "--kb", "mine", "--json")
    rows = {row["key"]: (row["value"], row["origin"]) for row in result.json["settings"]}
    assert rows["kb"] == ("mine", "argument")
    assert rows["retrieval.top_k"] == (7, "RAGBOT_RETRIEVAL__TOP_K")
    assert rows["llm"] == ("bundled", "ragbot.toml")
    assert rows["ui.port"] == (7860, "default")
    assert "sk-secret" not in result.out + cli("config", "show").out
    assert cli("config", "path").out.strip() == str(tmp_path / "ragbot.toml")


def test_config_path_without_a_file(cli: Cli) -> None:
    result = cli("config", "path", "--json")
    assert result.json["path"] is None
    assert str(Path("ragbot.toml").absolute()) in result.json["searched"]


def test_doctor_finds_a_healthy_installation(filled: Cli) -> None:
    result = filled("doctor", "--json")
    assert result.code == 0
    checks = {check["name"]: check for check in result.json["checks"]}
    assert result.json["ok"] is True
    assert {
        "Python",
        "packages",
        "settings",
        "embedder weights",
        "cache folder",
        "data folder",
        "disk space",
        "CPU",
    } <= checks.keys()
    assert "default: 2 documents" in checks["knowledge base"]["message"]
    assert checks["SQLite"]["status"] == "ok"


def test_doctor_names_what_is_broken_and_the_next_step(filled: Cli, tmp_path: Path) -> None:
    (tmp_path / "data" / "kb" / "default" / "catalog.sqlite3").write_bytes(b"no database" * 500)
    (tmp_path / "broken.toml").write_text("kb = ", encoding="utf-8")
    result = filled("doctor")
    assert result.code == 1
    assert "fail  knowledge base" in result.out
    assert "→ restore it from a backup" in result.out
    result = filled("doctor", "--config", "broken.toml", "--json")
    assert result.code == 1
    assert {check["name"]: check["status"] for check in result.json["checks"]}["settings"] == "fail"


def test_doctor_finds_damaged_weights_and_packages(cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from packaging.requirements import Requirement

    from ragbot.models.bundled import BundledFile

    declared = {"": [Requirement("numpy>=99"), Requirement("rich")], "new": [Requirement("no-such-package")]}
    monkeypatch.setattr("ragbot.console.doctor.requirements", lambda: declared)
    monkeypatch.setattr(
        "ragbot.console.doctor.embedder_weights",
        lambda: ("x", (BundledFile("rich", "1", "rich/__init__.py", "0" * 64),)),
    )
    checks = {check["name"]: check for check in cli("doctor", "--json").json["checks"]}
    assert checks["packages"]["status"] == "fail"
    assert "is not >=99" in checks["packages"]["message"]
    assert "rich" not in checks["packages"]["message"]
    assert checks["other extras"] | {"next_step": ""} == {
        "name": "other extras", "status": "ok", "message": "not installed, and not needed: new", "next_step": "",
    }  # fmt: skip
    assert checks["embedder weights"]["status"] == "fail"
    assert checks["embedder weights"]["next_step"].startswith("pip install --force-reinstall rich")


def test_the_requirements_are_those_of_the_project() -> None:
    from ragbot.console.doctor import requirements

    declared = requirements()
    assert declared is not None
    assert "numpy" in {item.name for item in declared[""]}
    assert "gradio" in {item.name for item in declared["ui"]}
    assert "gradio" not in {item.name for item in declared[""]}


class Page:
    """What the web interface's ``launch`` returns."""

    local_url = "http://127.0.0.1:7999/"
    served = False

    def block_thread(self) -> None:
        self.served = True


def launcher(monkeypatch: pytest.MonkeyPatch, launch: Callable[..., Any]) -> None:
    module = types.ModuleType("apps.gradio_ui.app")
    module.launch = launch  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "apps.gradio_ui.app", module)


def test_ui_ingests_and_serves(cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}
    page = Page()

    def launch(bots: Any, **options: Any) -> Page:
        with bots.using() as bot:
            seen.update(options, documents=len(bot.documents()))
        return page

    launcher(monkeypatch, launch)
    result = cli("ui", "--ingest", str(folder), "--port", "7999", "--json")
    assert result.code == 0
    assert result.json == {"url": page.local_url, "kb": "default"}
    assert page.served
    assert seen == {"host": "127.0.0.1", "port": 7999, "open_browser": False, "block": False, "documents": 2}


@pytest.mark.parametrize("broken", [False, True])
def test_the_page_does_not_wait_for_the_reader(cli: Cli, monkeypatch: pytest.MonkeyPatch, broken: bool) -> None:
    import threading

    from ragbot.bot import RagBot
    from ragbot.errors import ModelNotFoundError

    begun, shown, loaded = threading.Event(), threading.Event(), threading.Event()

    class Shown(Page):
        def block_thread(self) -> None:
            assert begun.wait(30) and not loaded.is_set()
            shown.set()
            assert loaded.wait(30)

    def load(bot: RagBot) -> None:
        begun.set()
        assert shown.wait(30)
        loaded.set()
        if broken:
            raise ModelNotFoundError("no weights")

    monkeypatch.setattr(RagBot, "_answerer", load)
    launcher(monkeypatch, lambda *_, **__: Shown())
    result = cli("ui", "--llm", "reader", "--json")
    assert (result.code, result.json["url"], result.err) == (0, Page.local_url, "")


def test_ui_in_streamlit_ingests_and_serves(cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}

    def serve(bots: Any, host: str, port: int, open_browser: bool, started: Callable[[str], None]) -> None:
        with bots.using() as bot:
            seen.update(host=host, port=port, open_browser=open_browser, documents=len(bot.documents()))
        started(Page.local_url)

    module = types.ModuleType("apps.streamlit_ui.launch")
    module.serve = serve  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "apps.streamlit_ui.launch", module)
    result = cli("ui", "--streamlit", "--ingest", str(folder), "--port", "7999", "--json")
    assert (result.code, result.json) == (0, {"url": Page.local_url, "kb": "default"})
    assert seen == {"host": "127.0.0.1", "port": 7999, "open_browser": False, "documents": 2}


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "box.lan"])
def test_ui_that_others_can_reach_needs_a_key(cli: Cli, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    launcher(monkeypatch, lambda *_, **__: Page())
    refused = cli("ui", "--host", host, "--port", "0")
    assert refused.code == 2
    assert "make a key first (ragbot keys create NAME --scope write)" in refused.err
    assert cli("keys", "create", "ana").code == 0
    assert cli("ui", "--host", host, "--port", "0").code == 0


def test_ui_on_a_port_that_is_taken(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def launch(*_: object, **__: object) -> Page:
        raise OSError("address in use")

    launcher(monkeypatch, launch)
    result = cli("ui")
    assert result.code == 2
    assert "choose another with --port" in result.err


def test_ui_without_gradio_names_the_extra(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("apps.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "gradio", None)
    result = cli("ui", "--json")
    assert result.code == 2
    assert result.json["error"]["type"] == "MissingExtraError"
    assert 'pip install "ragbot[ui]"' in result.json["error"]["message"]


# -- pieces ------------------------------------------------------------------------------------------------------


def test_wrapping_counts_chinese_twice_and_starts_no_line_with_a_comma() -> None:
    from rich.cells import cell_len

    from ragbot.console.wrap import wrap

    text = "矩阵 A 用 random 初始化，矩阵 B 初始化为全零。" * 3 + " and some English words, too"
    lines = list(wrap(text, 20))
    assert max(map(cell_len, lines)) <= 20
    assert not any(line[0] in "，。、 " for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(word in " ".join(lines) for word in ("random", "English", "words"))
    assert list(wrap("a\n\nb", 20)) == ["a", "", "b"]


def test_the_time_left_follows_from_what_was_worked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    from ingest.pipeline import Progress
    from ragbot.console import progress
    from ragbot.console.terminal import Terminal

    monkeypatch.setattr("ragbot.console.progress.time.perf_counter", lambda: clock[0])
    clock = [100.0]
    shown = progress.IngestProgress(Terminal(quiet=True))
    shown(Progress(1, 4, 700, 1000, 0, "skipped.md"))
    assert shown._state(shown.last) == "1/4 files"  # type: ignore[arg-type]
    clock[0] = 110.0
    shown(Progress(2, 4, 800, 1000, 50, "new.md", worked=100))
    assert shown._state(shown.last) == "2/4 files, 5 chunks/s, 20.0 s left"  # type: ignore[arg-type]


def test_json_has_no_numbers_that_are_none() -> None:
    from ragbot.console.jsonout import plain

    answer = Answer("q", "t", (), True, float("nan"), "en", timings={"total": 1.0})
    assert plain(answer)["confidence"] is None
    assert plain(answer)["timings"] == {"total": 1.0}


def test_an_answer_without_citations_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    from ragbot.console import render
    from ragbot.console.terminal import Terminal

    document = Document(1, "/a.md", "A", "md", "zh", None, "h")
    hit = ScoredChunk(Chunk(1, document, 0, "x", 0, 1), 1.0)
    for language, note in (("zh", "没有引用出处"), ("en", "has no citation")):
        for abstained in (False, True):
            answer = Answer("q", "t", (), abstained, 0.9, language, (hit,))
            render.after_answer(Terminal(), answer, 0.5)
            assert (note in capsys.readouterr().out) is not abstained
