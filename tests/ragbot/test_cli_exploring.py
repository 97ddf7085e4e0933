"""``ragbot similar``, ``topics``, ``duplicates`` and ``summarize``, from the outside."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ragbot.conftest import LORA_EN, LORA_ZH, Cli

LONG_ZH = "# 微调\n\n微调用少量数据继续训练模型的权重。低秩矩阵只占权重的一小部分。\n\n## 显存\n\n训练时显存主要用于保存优化器的状态。\n"
LONG_EN = LORA_EN + "\nThe vocabulary grows by one entry for each merge, until it has the size that was asked for.\n"


@pytest.fixture
def filled(cli: Cli, folder: Path) -> Cli:
    (folder / "tuning.md").write_text(LONG_ZH, encoding="utf-8")
    (folder / "bpe.md").write_text(LONG_EN, encoding="utf-8")
    (folder / "copy-of-bpe.md").write_text(LONG_EN.replace("1994", "1995") + "\nOne more line.\n", encoding="utf-8")
    assert cli("ingest", str(folder)).code == 0
    return cli


def test_similar(filled: Cli) -> None:
    done = filled("similar", "docs/bpe.md", "--top-k", "1")
    assert done.code == 0, done.err
    assert done.out.startswith("Most like Tokenization:")
    assert "copy-of-bpe.md" in done.out and "tuning.md" not in done.out
    assert "与 微调 最相近的文档" in filled("similar", "tuning").out


def test_similar_as_json(filled: Cli) -> None:
    done = filled("similar", "docs/bpe.md", "--json").json
    assert done["document"]["source"].endswith("docs/bpe.md")
    assert done["similar"][0]["document"]["source"].endswith("copy-of-bpe.md")
    match = done["similar"][0]["matches"][0]
    assert match["passage"]["text"] and match["other"]["start"] >= 0 and 0 < match["similarity"] <= 1.001


def test_a_name_that_fits_several_or_none(filled: Cli) -> None:
    done = filled("similar", "bpe")
    assert done.code == 2 and "fits 2 documents" in done.err and "copy-of-bpe.md" in done.err
    done = filled("summarize", "nothing-like-it", "--json")
    assert done.code == 2 and done.json["error"]["type"] == "SourceError"


def test_filters(filled: Cli) -> None:
    found = filled("similar", "docs/bpe.md", "--language", "zh", "--json").json["similar"]
    assert {item["document"]["language"] for item in found} == {"zh"}
    assert "No document passes" in filled("similar", "docs/bpe.md", "--type", "pdf").out
    assert filled("duplicates", "--source", "lora.md", "--json").json["documents"] == 1
    assert filled("topics", "--since", "yesterday").code == 2


def test_topics_and_their_map(filled: Cli, tmp_path: Path) -> None:
    done = filled("topics", "--count", "2", "--html", "map.html", "--png", "map.png")
    assert done.code == 0, done.err
    assert "2 " in done.out and "1. " in done.out and "2. " in done.out
    assert (tmp_path / "map.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")
    assert "map.html" in done.err and "map.png" in done.err


def test_topics_as_json(filled: Cli) -> None:
    done = filled("topics", "--json", "--count", "2", "--html", "map.html").json
    assert [topic["number"] for topic in done["topics"]] == [1, 2]
    assert done["chunks"] == done["total"] == sum(topic["chunks"] for topic in done["topics"])
    assert done["files"] == ["map.html"]
    assert {"title", "keywords", "documents", "passages", "share", "languages"} <= set(done["topics"][0])


def test_a_map_that_cannot_be_written(filled: Cli) -> None:
    done = filled("topics", "--html", "nowhere/map.html")
    assert done.code == 1 and "cannot write nowhere/map.html" in done.err


def test_duplicates(filled: Cli) -> None:
    done = filled("duplicates")
    assert done.code == 0
    assert "copy-of-bpe.md" in done.out and "lora.md" not in done.out
    listed = filled("duplicates", "--json").json
    assert len(listed["pairs"]) == len(listed["clusters"]) == 1
    assert listed["pairs"][0]["relation"] in {"near", "contains"}
    assert filled("duplicates", "--min-share", "2").code == 2


def test_no_duplicates(cli: Cli, folder: Path) -> None:
    (folder / "bpe.md").unlink()
    cli("ingest", str(folder))
    assert cli("duplicates").out == "1 篇文档中，没有任何两篇有 30% 以上的文字相同。\n"
    assert "There is no other document" not in cli("similar", "lora").out  # it speaks the document's language
    assert "没有其他文档" in cli("similar", "lora").out


def test_summarize(filled: Cli) -> None:
    done = filled("summarize", "lora.md")
    assert done.code == 0, done.err
    assert "[1]" in done.out and "来源" in done.out
    assert any(sentence in LORA_ZH for sentence in done.out.split("[1]")[0].split("\n") if sentence)
    assert "分节摘要" in filled("summarize", "lora.md", "--by-section").out
    stored = filled("summarize", "docs/bpe.md", "--sentences", "1", "--json").json
    assert stored["method"] == "extractive" and stored["citations"][0]["quote"] in LONG_EN
    assert stored["document"]["source"].endswith("docs/bpe.md")


def test_an_empty_knowledge_base_and_none(cli: Cli, folder: Path) -> None:
    for words in (("similar", "a"), ("topics",), ("duplicates",), ("summarize", "a")):
        done = cli(*words)
        assert done.code == 2 and "ragbot ingest FOLDER" in done.err, words
    cli("ingest", str(folder))
    for source in ("lora.md", "bpe.md"):
        cli("kb", "remove", str(folder / source))
    for words in (("similar", "a"), ("summarize", "a")):
        done = cli(*words)
        assert done.code == 2 and "ragbot ingest FOLDER" in done.err
    for name in ("topics", "duplicates"):
        done = cli(name, *(["--html", "map.html"] if name == "topics" else []))
        assert done.code == 0 and "There are no documents yet" in done.out
    assert cli("topics", "--json").json == {"topics": [], "chunks": 0, "total": 0, "silhouette": 0.0, "files": []}


def test_what_steers_a_terminal_is_left_out(cli: Cli, folder: Path) -> None:
    (folder / "bpe.md").write_text(
        "# Red \x1b[31m title\n\nA sentence \x1b[2J that clears the screen of anybody.\n", encoding="utf-8"
    )
    cli("ingest", str(folder))
    for words in (("topics",), ("summarize", "bpe.md"), ("similar", "lora.md"), ("duplicates",)):
        assert "\x1b" not in cli(*words).out
