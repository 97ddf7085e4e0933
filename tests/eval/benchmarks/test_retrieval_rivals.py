"""The benchmark of retrieval beside others: what each finds, what is kept, and going on where a run was stopped."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from eval.benchmarks import retrieval_rivals, retrieval_rivals_langchain, retrieval_rivals_ours
from eval.benchmarks.retrieval_rivals import GROUPS, SYSTEMS, main
from eval.benchmarks.retrieval_rivals_base import SHORT_DEPTH, Group, checked_place, optional_module
from eval.benchmarks.retrieval_rivals_langchain import BM25Retriever, FaissRetriever, jieba_words, split
from eval.benchmarks.retrieval_rivals_others import paragraph_places
from eval.benchmarks.retrieval_rivals_ours import open_reranked, rank_fusion
from ragbot.bot import RagBot
from ragbot.documents import ParsedDocument
from ragbot.errors import EvaluationError, MissingExtraError, ModelNotFoundError
from ragbot.models.embedders.base import Progress, Vectors
from ragbot.models.testing import HashEmbedder
from ragbot.settings import Settings

ENGLISH = ["The harbour was dredged in 1911.", "Its lighthouse is painted green.", "The ferry calls twice a week."]
CHINESE = ["长江流经重庆和武汉。", "它最后注入东海。", "三峡大坝建成于二零零六年。"]
ASKED = {"The lighthouse is painted": "green", "三峡大坝建成": "二零零六年"}


def texts() -> dict[str, ParsedDocument]:
    """Twelve articles: a third English, a third Chinese, and a third about nothing that is asked."""
    documents = {}
    for number in range(12):
        language, filler, parts = (
            ("en", "Ooo. ", ENGLISH),  # its letters are not in the questions
            ("zh", "嗯嗯。", CHINESE),
            ("en", "Mmm. ", ["Zzz.", "Zzz.", "Zzz."]),
        )[number % 3]
        text = "\n\n".join(f"{filler * 80}{part} {number}" for part in parts)
        documents[f"tiny/{number}"] = ParsedDocument(text, title=f"T{number}", language=language)
    return documents


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    folder = tmp_path / "bench"
    folder.mkdir()
    articles = []
    for number, document in enumerate(texts().values()):
        paragraphs = []
        for part in document.text.split("\n\n"):
            qas = [
                {"id": f"{number}", "question": asked, "answers": [{"text": gold, "answer_start": part.index(gold)}]}
                for asked, gold in ASKED.items()
                if asked[-3:] in part
            ]
            paragraphs.append({"context": part, "qas": qas})
        articles.append({"title": document.title, "paragraphs": paragraphs})
    answer = {"text": "1911", "answer_start": ENGLISH[0].index("1911") + 400}
    articles[3]["paragraphs"][0]["qas"] += [
        {"id": "not answered", "question": "Who?", "answers": []},
        {"id": "not asked", "question": " ", "answers": [answer]},
    ]
    (folder / "tiny.json").write_text(json.dumps({"data": articles}), encoding="utf-8")
    splits = {"tiny": {"train": [0], "dev": [1], "test": list(range(2, 12))}}
    (folder / "splits.json").write_text(json.dumps(splits), encoding="utf-8")
    return folder


@pytest.fixture
def run(bench: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Runs the benchmark with an embedder by hashing; returns the folder of its results."""
    monkeypatch.setattr(retrieval_rivals, "load_embedder", lambda _: HashEmbedder(4096))
    folder = tmp_path / "results"

    def call(*words: str) -> Path:
        main(["--sets", "tiny", "--bench-dir", str(bench), "--folder", str(folder), *words])
        return folder

    return call


class Recorded(HashEmbedder):
    """Remembers what it embeds as a question, and what as a passage."""

    def __init__(self) -> None:
        super().__init__(4096)
        self.questions: list[str] = []
        self.passages: list[str] = []

    def encode_query(self, text: str) -> Vectors:
        self.questions.append(text)
        return super().encode_query(text)

    def encode_documents(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        self.passages += texts
        return np.stack([HashEmbedder.encode_query(self, text) for text in texts])


#: What the systems of a name are made with.
NEEDED = {"langchain": ("langchain_classic", "rank_bm25"), "llama_index": ("llama_index.core",), "txtai": ("txtai",)}


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.systems[0].name)
def test_each_system_finds_places_that_stand_in_the_documents(group: Group) -> None:
    for package in next((of for name, of in NEEDED.items() if group.systems[0].name.startswith(name)), ()):
        pytest.importorskip(package)
    documents, embedder = texts(), Recorded()
    with ExitStack() as stack:
        try:
            searches = stack.enter_context(group.open(documents, embedder))
        except ModelNotFoundError as error:
            pytest.skip(str(error))
        assert set(searches) == {system.name for system in group.systems}
        for system in group.systems:
            for asked, gold in ASKED.items():
                found = searches[system.name](asked)
                assert 3 < len(found) <= SHORT_DEPTH and len(set(found)) == len(found)
                assert all(0 <= start < end <= len(documents[source].text) for source, start, end in found)
                if system.name != "langchain_ensemble" or asked.isascii():  # it has no Chinese words
                    source, start, end = found[0]
                    assert gold in documents[source].text[start:end], system.name
    # With a reranker it is first tried out on the beginning of a document.
    assert {asked for asked in embedder.questions if not asked.startswith("Ooo.")} == set(ASKED)
    assert embedder.passages and all("Ooo." in one or "嗯嗯" in one or "Mmm." in one for one in embedder.passages)


def test_an_offset_that_does_not_fit_is_refused() -> None:
    documents = {"a": ParsedDocument("甲乙丙 one two")}
    assert checked_place(documents, "a", 1, "乙丙") == ("a", 1, 3)
    for wrong in (1 - len(documents["a"].text), 0, 2):
        with pytest.raises(ValueError, match="offsets cannot be used"):
            checked_place(documents, "a", wrong, "乙丙")


def test_what_is_not_installed_is_named() -> None:
    with pytest.raises(MissingExtraError, match=r"Some retrieval .*ragbot\[dev\]"):
        optional_module("no_such_package", "Some retrieval")


def test_paragraphs_end_at_blank_lines() -> None:
    text = "\n\n  One  two.\r\n\r\n第二段。\n仍是第二段。 \n\n\n \n\nThree"
    found = paragraph_places("s", text)
    assert [text[start:end] for _, start, end in found] == ["One  two.", "第二段。\n仍是第二段。", "Three"]
    assert paragraph_places("s", " \n\n ") == []


def test_chinese_is_split_at_its_own_punctuation() -> None:
    pytest.importorskip("langchain_text_splitters")
    text = "没有空格的一个句子，" * 400
    ends = {
        language: [chunk.page_content[-1] for chunk in split({"s": ParsedDocument(text, language=language)})][:-1]
        for language in ("zh", "en")
    }
    assert "子" in set(ends["zh"]) and "，" not in ends["zh"]  # a separator goes to the next chunk
    assert set(ends["en"]) - {"子"}


def test_words_of_both_languages() -> None:
    assert jieba_words("GPT-4 的 Paper，很长。") == ["gpt-4", "的", "paper", "很长"]


def test_the_stand_ins_find_what_langchain_community_finds() -> None:
    pytest.importorskip("rank_bm25")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it is archived
        retrievers = pytest.importorskip("langchain_community.retrievers")
        stores = pytest.importorskip("langchain_community.vectorstores")
        chunks, embedder = split(texts()), HashEmbedder(4096)
        nearest = stores.FAISS.from_documents(chunks, embedder).as_retriever(search_kwargs={"k": 5})
        words = retrievers.BM25Retriever.from_documents(chunks, k=5)
    for asked in ASKED:
        assert FaissRetriever(chunks=chunks, embedder=embedder, k=5).invoke(asked) == [
            one.model_copy(update={"id": None}) for one in nearest.invoke(asked)
        ]
        assert BM25Retriever(chunks=chunks, k=5).invoke(asked) == words.invoke(asked)


def test_rank_fusion_prefers_what_both_rankings_have(monkeypatch: pytest.MonkeyPatch, bot: RagBot) -> None:
    monkeypatch.setattr(retrieval_rivals_ours, "dense", lambda *_: np.array([4, 7, 6, 9]))
    monkeypatch.setattr(retrieval_rivals_ours, "lexical", lambda *_: np.array([2, 5, 3, 9]))
    # 9: 1/64 twice; then the first of each, by id; then the second.
    assert rank_fusion(bot, "?").tolist() == [9, 2, 4, 5, 7, 3, 6]


def test_the_reranker_is_left_out_while_there_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(retrieval_rivals_ours, "ADAPTERS", tmp_path / "data" / "adapters")
    opening = open_reranked(texts(), HashEmbedder())
    with pytest.raises(ModelNotFoundError, match="data/adapters has no reranker; train one"), opening:
        pass


def test_a_reranker_that_is_not_used_is_not_measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "reranker").mkdir()
    monkeypatch.setattr(retrieval_rivals_ours, "ADAPTERS", tmp_path)
    monkeypatch.setattr(retrieval_rivals_ours, "load_settings", lambda _: (Settings(), {}))  # as if nothing heeded it
    opening = open_reranked(texts(), HashEmbedder())
    with pytest.raises(ModelNotFoundError, match="searches do not use the reranker"), opening:
        pass


Run = Callable[..., Path]


def test_a_run_is_kept_and_gone_on_with(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    folder = run("--systems", "ours", "ours_dense")
    kept = (folder / "tiny.ours.jsonl").read_text(encoding="utf-8")
    about, *rows = map(json.loads, kept.splitlines())
    assert about["set"] == "tiny" and about["articles"] == 12 and about["embedder"]["name"] == "hash"
    assert [row["id"] for row in rows] == [str(number) for number in range(3, 11) if number % 3 != 2]
    source, start, end = rows[0]["gold"][0]
    assert texts()[source].text[start:end] == "green"
    assert "| ragbot |" in (folder / "report.md").read_text(encoding="utf-8")

    (folder / "tiny.ours_dense.jsonl").unlink()
    capsys.readouterr()
    run("--systems", "ours", "ours_dense")  # only what is missing
    said = capsys.readouterr().err
    assert "tiny ours_dense (n=6)" in said and "tiny ours (n=6)" not in said
    assert (folder / "tiny.ours.jsonl").read_text(encoding="utf-8") == kept
    run("--systems", "ours", "--again")
    assert "tiny ours (n=6)" in capsys.readouterr().err


def test_what_cannot_be_measured_stops_nothing(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(name: str, what: str) -> object:
        raise MissingExtraError(what, "dev")

    monkeypatch.setattr(retrieval_rivals_langchain, "optional_module", missing)
    folder = run("--systems", "langchain_faiss", "ours_lexical")
    assert {path.name for path in folder.glob("*.jsonl")} == {"tiny.ours_lexical.jsonl"}
    said = capsys.readouterr()
    assert 'left out: LangChain FAISS: LangChain\'s ensemble needs the optional packages of "dev"' in said.err
    assert "LangChain" not in said.out.split("### What was measured")[0]


def test_a_set_without_questions(run: Run, bench: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (bench / "splits.json").write_text(json.dumps({"tiny": {"train": [], "dev": [], "test": [2]}}), encoding="utf-8")
    with pytest.raises(EvaluationError, match="holds no results"):
        run("--systems", "ours")
    assert "tiny has no question with an answer" in capsys.readouterr().err


def test_names_of_systems_are_unique() -> None:
    names: Sequence[str] = [system.name for system in SYSTEMS]
    assert len(set(names)) == len(names) and len({system.label for system in SYSTEMS}) == len(names)
