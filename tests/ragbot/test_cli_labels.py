"""Tags, collections, repetitions and reasons on the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

Cli = Callable[..., Any]
NOTE = "The harbour was dredged in 1911, as the minutes of the council say. Its lighthouse is painted green and white, and was lit first in 1893.\n"


@pytest.fixture
def labelled(cli: Cli, folder: Path) -> Cli:
    (folder / "bpe.md").write_text("---\ntags: [NLP, 分词]\n---\n" + (folder / "bpe.md").read_text())
    (folder / "one.txt").write_text(NOTE)
    (folder / "two.txt").write_text(NOTE)
    assert cli("ingest", str(folder), "--tag", "Draft", "--collection", "Notes").code == 0
    return cli


def sources(cli: Cli, *words: str) -> set[str]:
    return {Path(hit["chunk"]["document"]["source"]).name for hit in cli(*words, "--json").json["hits"]}


def listed(cli: Cli, *words: str) -> set[str]:
    return {Path(item["source"]).name for item in cli("kb", "documents", *words, "--json").json["documents"]}


def test_search_with_a_tag(labelled: Cli) -> None:
    assert sources(labelled, "search", "LoRA pairs", "--tag", "nlp") == {"bpe.md"}
    assert sources(labelled, "search", "LoRA pairs", "--tag", "分词", "--collection", "NOTES") == {"bpe.md"}
    assert sources(labelled, "search", "LoRA pairs", "--tag", "draft", "--type", "md") == {"bpe.md", "lora.md"}
    nothing = labelled("search", "LoRA", "--tag", "draf")
    assert nothing.code == 0
    assert "Filters are set" in nothing.out or "筛选条件" in nothing.out


def test_documents_with_a_tag(labelled: Cli) -> None:
    assert listed(labelled, "--tag", "NLP") == {"bpe.md"}
    assert listed(labelled, "--collection", "notes") == {"bpe.md", "lora.md", "one.txt", "two.txt"}
    assert listed(labelled, "--tag", "nlp", "--collection", "other") == set()
    assert "notes: #nlp #分词 #draft" in labelled("kb", "documents").out
    assert "No document has these labels" in labelled("kb", "documents", "--tag", "x").out


def test_labels_change_without_reading_again(labelled: Cli, folder: Path) -> None:
    again = labelled("ingest", str(folder / "one.txt"), "--tag", "final", "--json").json
    assert (again["updated"], again["embedded"]) == ([str(folder / "one.txt")], 0)
    assert listed(labelled, "--tag", "draft") == {"bpe.md", "lora.md", "two.txt"}
    assert listed(labelled, "--collection", "notes") == {"bpe.md", "lora.md", "one.txt", "two.txt"}
    # A file that changes keeps what it was given.
    (folder / "one.txt").write_text(NOTE + "It was lit again in 1999.\n")
    assert labelled("ingest", str(folder)).code == 0
    assert listed(labelled, "--tag", "final") == {"one.txt"}
    assert labelled("ingest", str(folder), "--tag", "", "--collection", "").code == 0
    assert listed(labelled, "--tag", "final") == set()
    assert listed(labelled, "--collection", "notes") == set()
    assert listed(labelled, "--tag", "nlp") == {"bpe.md"}


def test_copies_stand_once(labelled: Cli) -> None:
    result = labelled("search", "harbour lighthouse")
    assert result.out.count("painted green") == 1
    assert "also in: two.txt" in result.out
    (first, *_) = labelled("search", "harbour lighthouse", "--json").json["hits"]
    assert [(Path(copy["source"]).name, copy["relation"]) for copy in first["duplicates"]] == [("two.txt", "same")]


def test_explain_in_english(labelled: Cli) -> None:
    out = labelled("search", "harbour lighthouse zeppelin", "--explain", "--type", "txt").out
    for words in (
        "meaning",
        "words",
        "fused",
        "adds",
        "In no passage: zeppelin",
        "holds: ",
        "also in: two.txt (the same)",
    ):
        assert words in out
    assert "Left out as repetitions: 1." in out
    assert "Searched: 2 of " in out


def test_explain_in_chinese(labelled: Cli) -> None:
    out = labelled("search", "什么是低秩矩阵？", "--explain").out
    for words in ("问题中的词语", "语义", "名次", "贡献", "含有：", "得分："):
        assert words in out
    heads, *rows = [
        line for line in out.splitlines() if "名次" in line or line.strip().startswith(("语义", "词语 ", "融合"))
    ]
    ranks = {cell_len(heads[: heads.index("名次") + 2])}
    assert len(rows) >= 3
    assert all(cell_len(row) <= 80 for row in rows)
    assert len(ranks) == 1


def test_explain_in_json(labelled: Cli) -> None:
    found = labelled("search", "harbour zeppelin", "--explain", "--json").json
    reasons = found["explanation"]
    assert [item["chunk_id"] for item in reasons["hits"]] == [hit["chunk"]["id"] for hit in found["hits"]]
    assert {"rank", "components", "matched", "chunk_id"} == reasons["hits"][0].keys()
    names = [item["name"] for item in reasons["hits"][0]["components"]]
    assert names == ["dense", "lexical", "fused"]
    assert {"text", "kind", "chunks", "idf"} == reasons["terms"][0].keys()
    assert reasons["steps"] == [{"name": "duplicates", "removed": 1, "moved": 0}]
    assert "explanation" not in labelled("search", "harbour", "--json").json


def test_explain_finds_nothing(cli: Cli, folder: Path) -> None:
    assert cli("ingest", str(folder / "bpe.md")).code == 0
    result = cli("search", "harbour", "--explain", "--type", "pdf")
    assert result.code == 0
    assert "Nothing found" in result.out
    assert cli("search", "harbour", "--explain", "--type", "pdf", "--json").json["hits"] == []
