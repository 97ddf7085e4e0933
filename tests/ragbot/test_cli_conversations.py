"""``ragbot conversations``, and what ``ragbot chat`` keeps."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from eval.datasets.jsonl import read_jsonl
from ragbot.errors import GenerationError
from tests.ragbot.conftest import Cli

EN, ZH = "Who published byte-pair encoding?", "矩阵 B 初始化为什么？"


@pytest.fixture
def filled(cli: Cli, folder: Path) -> Cli:
    """The command line with the two documents in the default knowledge base, and no conversation."""
    assert cli("ingest", str(folder)).code == 0
    return cli


@pytest.fixture
def talked(filled: Cli) -> tuple[Cli, str, str]:
    """The same with an English and a Chinese conversation, and their ids."""
    ids = []
    for question in (EN, ZH):
        ids.append(filled("chat", "--json", stdin=f"{question}\n/good 很好 nice\n").json["conversation"])
    return filled, ids[0], ids[1]


def workspace(tmp_path: Path) -> Path:
    return tmp_path / "data" / "workspace.sqlite3"


# -- chat --------------------------------------------------------------------------------------------------------


def test_chat_keeps_its_conversation_and_goes_on(filled: Cli) -> None:
    first = filled("chat", "--json", stdin=f"{ZH}\n").json
    assert len(first["answers"]) == 1
    again = filled("chat", "--continue", stdin="为什么？\n")
    assert f"Going on with “{ZH}” (1 turns)." in again.err or f"继续对话“{ZH}”（1 轮）。" in again.err
    assert "\n    矩阵 B 初始化为全零。" in filled("chat", "--continue", stdin="/sources\n").out
    by_id = filled("chat", "--continue", first["conversation"][:6], "--json", stdin=f"{EN}\n").json
    assert by_id["conversation"] == first["conversation"]
    (row,) = filled("conversations", "list", "--json").json["conversations"]
    assert (row["id"], row["turns"], row["title"]) == (first["conversation"], 3, ZH)


def test_nothing_is_kept_with_no_history(filled: Cli, tmp_path: Path) -> None:
    result = filled("chat", "--no-history", stdin=f"{EN}\nAnd merges?\n/good\n")
    assert result.code == 0 and "Philip Gage" in result.out
    assert "Nothing of this conversation is stored" in result.err
    assert not workspace(tmp_path).exists()
    assert filled("chat", "--no-history", "--json", stdin=f"{EN}\n").json["conversation"] is None


def test_nothing_is_kept_where_nothing_was_asked(filled: Cli) -> None:
    assert filled("chat", "--json", stdin="/sources\n").json == {"answers": [], "conversation": None}
    assert "There is no answer yet that could be rated." in filled("chat", stdin="/good\n").err
    assert filled("conversations", "list", "--json").json == {"conversations": [], "total": 0}


def test_clear_begins_another_one(filled: Cli) -> None:
    filled("chat", stdin=f"{EN}\n/clear\n{ZH}\n")
    titles = [row["title"] for row in filled("conversations", "list", "--json").json["conversations"]]
    assert titles == [ZH, EN]


def test_continue_without_a_conversation(filled: Cli, folder: Path) -> None:
    result = filled("chat", "--continue", stdin=f"{EN}\n")
    assert result.code == 0
    assert "There is no conversation with this knowledge base yet: a new one begins." in result.err
    filled("ingest", str(folder), "--kb", "other")
    assert "a new one begins" in filled("chat", "--continue", "--kb", "other", stdin="").err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["chat", "abc"], "ragbot chat --continue abc; for a single question: ragbot ask"),
        (["chat", "--continue", "--no-history"], "leave one of the two out"),
        (["chat", "--continue", "nope"], "there is no conversation 'nope'"),
        (["conversations", "show", "nope"], "there is no conversation 'nope'"),
        (["conversations", "rename", "nope", "x"], "there is no conversation 'nope'"),
        (["conversations", "delete", "nope"], "there is no conversation 'nope'"),
        (["conversations", "export", "nope"], "there is no conversation 'nope'"),
        (["conversations", "delete"], "say which"),
        (["conversations", "delete", "a", "--all"], "say which"),
        (["conversations", "search", " "], "nothing to search for"),
        (["conversations", "export", "--format", "pdf"], "json, markdown, questions"),
        (["conversations", "import", "nope.json"], "cannot read nope.json"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
@pytest.mark.parametrize("first_run", [True, False])
def test_what_the_user_got_wrong(filled: Cli, words: list[str], message: str, first_run: bool) -> None:
    if not first_run:
        filled("chat", stdin=f"{EN}\n")
    result = filled(*words, "--json")
    assert (result.code, result.json["error"]["type"]) == (2, "UserError")
    assert message in result.json["error"]["message"]
    plain = filled(*words)
    assert plain.code == 2 and message in plain.err


def test_a_conversation_with_another_knowledge_base(talked: tuple[Cli, str, str], folder: Path) -> None:
    cli, english, _ = talked
    cli("ingest", str(folder), "--kb", "other")
    result = cli("chat", "--continue", english, "--kb", "other", stdin="")
    assert result.code == 2 and "go on with --kb" in result.err


def test_a_stopped_answer_and_a_failure_are_kept(filled: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    from ragbot.generation.extractive import ExtractiveAnswerer

    def broken(self: Any, question: str, *_: Any) -> Iterator[str]:
        yield "half an "
        if "LoRA" in question:
            raise KeyboardInterrupt
        raise GenerationError("no server")

    monkeypatch.setattr(ExtractiveAnswerer, "pieces", broken)
    assert filled("chat", stdin=f"What is LoRA?\n{EN}\n").code == 1
    (row,) = filled("conversations", "list", "--json").json["conversations"]
    shown = filled("conversations", "show", row["id"]).out
    assert "> What is LoRA?\nhalf an\n(stopped)\n" in shown
    assert f"> {EN}\nhalf an\n(failed: no server)\n" in shown


def test_a_workspace_that_cannot_be_used_says_how_to_do_without(filled: Cli, tmp_path: Path) -> None:
    workspace(tmp_path).write_bytes(b"nonsense" * 999)
    result = filled("chat", stdin=f"{EN}\n")
    assert result.code == 1
    assert "nothing was changed" in result.err and "--no-history" in result.err
    assert workspace(tmp_path).read_bytes() == b"nonsense" * 999
    assert filled("chat", "--no-history", stdin=f"{EN}\n").code == 0
    for words in (["list"], ["show", "a"], ["search", "x"], ["delete", "--all", "--yes"], ["export"]):
        assert filled("conversations", *words, "--json").json["error"]["type"] == "CorruptError"


def test_a_newer_workspace(talked: tuple[Cli, str, str], tmp_path: Path) -> None:
    with closing(sqlite3.connect(workspace(tmp_path))) as db:
        db.execute("PRAGMA user_version = 99")
    result = talked[0]("conversations", "list")
    assert result.code == 1
    assert "was made by a newer ragbot (format 99" in result.err


# -- list, show, search, rename ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("language", "words"), [("en", "No conversations yet"), ("zh", "还没有任何对话")])
def test_the_first_run(cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, language: str, words: str) -> None:
    monkeypatch.setenv("RAGBOT_LANGUAGE", language)
    assert words in cli("conversations", "list").out
    assert cli("conversations", "search", "x").code == 0
    assert cli("conversations", "export", "--json").json["conversations"] == []
    assert cli("conversations", "delete", "--all", "--json").json == {"deleted": 0}
    assert not workspace(tmp_path).exists()


def test_list(talked: tuple[Cli, str, str]) -> None:
    cli, english, chinese = talked
    rows = cli("conversations", "list").out.splitlines()
    assert [row.split()[0] for row in rows] == [chinese, english]
    assert rows[0].endswith(f"1 轮  default  {ZH}") and rows[0][14:16] == "20"
    limited = cli("conversations", "list", "--limit", "1")
    assert len(limited.out.splitlines()) == 1 and "1" in limited.err
    found = cli("conversations", "list", "-n", "1", "--json").json
    assert (len(found["conversations"]), found["total"]) == (1, 2)
    assert "default" in cli("conversations", "list", "--kb", "default").out
    assert "There" not in cli("conversations", "list", "--kb", "other").out
    assert "--kb other" in cli("conversations", "list", "--kb", "other").out


def test_show(talked: tuple[Cli, str, str]) -> None:
    cli, english, chinese = talked
    shown = cli("conversations", "show", english[:5]).out
    assert shown.startswith(f"{EN}\n{english} · ")
    assert "\n    Byte-pair encoding was published by Philip Gage in 1994." in shown
    assert "rated good · 很好 nice" in shown
    shown = cli("conversations", "show", chinese).out
    assert "来源\n[1] 微调与 LoRA (lora.md)" in shown and "评价：好" in shown
    record = cli("conversations", "show", chinese, "--json").json
    citation = record["turns"][0]["citations"][0]
    assert citation["end"] - citation["start"] == len(citation["quote"])


def test_search(talked: tuple[Cli, str, str]) -> None:
    cli, english, chinese = talked
    assert cli("conversations", "search", "philip GAGE").out.startswith(f"{english} · ")
    assert cli("conversations", "search", "初始化 全零").out.startswith(f"{chinese} · ")
    assert "Nothing found for “quokka”." in cli("conversations", "search", "quokka").out
    assert "没有找到与“袋鼠的”相关的内容。" in cli("conversations", "search", "袋鼠的").out
    (found,) = cli("conversations", "search", "philip", "--json").json["found"]
    assert (found["conversation"]["id"], found["turn"]["question"]) == (english, EN)
    assert cli("conversations", "search", "philip", "--kb", "other", "--json").json["found"] == []


def test_rename(talked: tuple[Cli, str, str]) -> None:
    cli, english, _ = talked
    assert "“About BPE”" in cli("conversations", "rename", english[:4], "About BPE").out
    assert cli("conversations", "rename", english, "关于 BPE", "--json").json["title"] == "关于 BPE"
    assert cli("conversations", "rename", english, " ").code == 2


def test_the_beginning_of_several(talked: tuple[Cli, str, str], tmp_path: Path) -> None:
    cli = talked[0]
    export = cli("conversations", "export", "--json").json
    for number, conversation in enumerate(export["conversations"]):
        conversation["id"] = f"abcdef00000{number}"
    (tmp_path / "twins.json").write_text(json.dumps(export), encoding="utf-8")
    cli("conversations", "import", "twins.json")
    result = cli("conversations", "show", "abc")
    assert result.code == 2
    assert "'abc' is the beginning of 2 conversations" in result.err


# -- export, import, delete --------------------------------------------------------------------------------------


def test_json_there_and_back(talked: tuple[Cli, str, str]) -> None:
    cli, english, chinese = talked
    assert cli("conversations", "export", "-o", "all.json", "--json").json["conversations"] == 2
    before = cli("conversations", "export", "--json").json
    assert json.loads(Path("all.json").read_text(encoding="utf-8")) == before
    assert cli("conversations", "import", "all.json", "--json").json == {"added": [], "skipped": [chinese, english]}
    assert cli("conversations", "delete", "--all", "--yes", "--json").json == {"deleted": 2}
    assert "2 conversations brought in" in cli("conversations", "import", "all.json").out
    assert cli("conversations", "export", "--json").json == before


def test_markdown(talked: tuple[Cli, str, str]) -> None:
    cli, english, chinese = talked
    text = cli("conversations", "export", english, "--format", "markdown").out
    assert f"# {EN}" in text and "> Byte-pair encoding was published" in text
    cli("conversations", "export", english, chinese, "-o", "both.md")
    cli("conversations", "delete", english, chinese)
    assert len(cli("conversations", "import", "both.md", "--json").json["added"]) == 2
    assert "全零" in cli("conversations", "show", chinese).out
    assert cli("conversations", "export", "--format", "markdown", "--json").code == 2


def test_rated_answers_become_a_question_set(talked: tuple[Cli, str, str], folder: Path) -> None:
    cli = talked[0]
    done = cli("conversations", "export", "-o", "rated.jsonl")
    assert "2 rated questions written to rated.jsonl" in done.out or "2 个评价过的问题" in done.out
    questions = read_jsonl(Path("rated.jsonl")).questions
    assert {question.text for question in questions} == {EN, ZH}
    assert {question.tags["rating"] for question in questions} == {"up"}
    printed = cli("conversations", "export", "--format", "questions").out.splitlines()
    assert len(printed) == 2 and all(json.loads(line)["evidence"] for line in printed)


def test_where_nothing_was_rated(filled: Cli) -> None:
    filled("chat", stdin=f"{EN}\n")
    result = filled("conversations", "export", "-o", "rated.jsonl")
    assert result.code == 0 and "/good and /bad" in result.err


@pytest.mark.parametrize(
    "content", [b"", b"{", b'{"format": "x"}', b"[]", b"# just a page\n", b"\xff\xfe", b"{" * 99999], ids=range(7)
)
def test_a_file_that_is_no_export(talked: tuple[Cli, str, str], content: bytes) -> None:
    Path("file.json").write_bytes(content)
    result = talked[0]("conversations", "import", "file.json", "--json")
    assert (result.code, result.json["error"]["type"]) == (2, "UserError")
    assert "file.json" in result.json["error"]["message"]
    assert talked[0]("conversations", "list", "--json").json["total"] == 2


def test_delete_leaves_no_byte(talked: tuple[Cli, str, str], tmp_path: Path) -> None:
    cli, english, chinese = talked
    result = cli("conversations", "delete", english[:6])
    assert "Deleted: 1" in result.out
    raw = b"".join(file.read_bytes() for file in (tmp_path / "data").glob("workspace*"))
    assert b"Philip Gage" not in raw and b"philip gage" not in raw and "全零".encode() in raw
    refused = cli("conversations", "delete", "--all")
    assert refused.code == 2 and "Delete all 1 conversations for good? Nothing was deleted" in refused.err
    assert cli("conversations", "list", "--json").json["total"] == 1
    assert cli("conversations", "delete", "--all", "--yes").code == 0
    assert cli("conversations", "show", chinese).code == 2


def test_retention(talked: tuple[Cli, str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cli, english, chinese = talked
    export = cli("conversations", "export", "--json").json
    for conversation in export["conversations"]:
        if conversation["id"] == english:
            conversation["updated"] = "2020-01-01T00:00:00+00:00"
    (tmp_path / "old.json").write_text(json.dumps(export), encoding="utf-8")
    cli("conversations", "delete", "--all", "--yes")
    cli("conversations", "import", "old.json")
    assert cli("conversations", "list", "--json").json["total"] == 2
    monkeypatch.setenv("RAGBOT_CONVERSATION__RETENTION_DAYS", "365")
    assert [row["id"] for row in cli("conversations", "list", "--json").json["conversations"]] == [chinese]


def test_what_steers_a_terminal_is_not_printed(filled: Cli) -> None:
    filled("chat", stdin="red \x1b[31m \x9b pill \u202e?\n")
    (row,) = filled("conversations", "list", "--json").json["conversations"]
    for words in (["list"], ["show", row["id"]], ["search", "pill"], ["export", "--format", "markdown"]):
        result = filled("conversations", *words)
        assert result.code == 0 and "pill" in result.out
        assert not set("\x1b\x07\x9b\u202e") & set(result.out + result.err)
