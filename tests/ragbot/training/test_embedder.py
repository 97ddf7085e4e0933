"""Training of an embedder: the bundled one as a torch model, and a run of a tiny one."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("sentence_transformers")

from eval.datasets.base import Question, QuestionSet, Span  # noqa: E402
from eval.workbench import Workbench  # noqa: E402
from ragbot.documents import ParsedDocument  # noqa: E402
from ragbot.errors import ModelNotFoundError  # noqa: E402
from ragbot.models.testing import HashEmbedder  # noqa: E402
from ragbot.settings import load_settings  # noqa: E402
from ragbot.training import embedder, embedder_base  # noqa: E402
from ragbot.training.embedder import EmbedderPlan, MrrLook  # noqa: E402
from ragbot.training.embedder_run import record_embedder, train_embedder  # noqa: E402
from ragbot.training.ranking_data import Candidate, Ranking  # noqa: E402
from ragbot.training.runs import BEST  # noqa: E402

PLAN = EmbedderPlan(epochs=2, batch=4, negatives=2, every=2, held_out=8, learning_rate=5e-3, scale=20.0)
PLACES = ["harbour", "library", "museum", "station", "灯塔", "码头", "车站", "图书馆"]


@pytest.fixture(autouse=True)
def _small() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of libraries that call each other's old names
        yield
    torch.set_num_threads(threads)


@pytest.fixture
def base(tmp_path: Path, make_tokenizer: Any) -> Path:
    """A tiny random BERT as sentence-transformers saves it."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    tokenizer = make_tokenizer()
    tokenizer.model_max_length = 64
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=4,
        intermediate_size=64,
        initializer_range=0.2,
    )
    BertModel(config, add_pooling_layer=False).save_pretrained(tmp_path / "bert")
    tokenizer.save_pretrained(tmp_path / "bert")
    modules = [Transformer(str(tmp_path / "bert"), max_seq_length=64), Pooling(32, pooling_mode="mean"), Normalize()]
    model = SentenceTransformer(modules=modules, prompts={"query": "q: ", "document": "d: "}, device="cpu")
    model.save(str(tmp_path / "base"), create_model_card=False)
    return tmp_path / "base"


def ranking(number: int, place: str) -> Ranking:
    year = str(1900 + number)
    english = place.isascii()
    right = f"The {place} was opened in {year}." if english else f"{place}于{year}年开放。"
    wrong = [
        f"The {other} is closed." if english else f"{other}关闭。" for other in PLACES if other.isascii() == english
    ]
    return Ranking(
        f"q{number}",
        "toy_en" if english else "toy_zh",
        place,
        f"When was the {place} opened?" if english else f"{place}何时开放?",
        (year,),
        (Candidate(right, 1.0, 1, ((0, 1),)),),
        tuple(Candidate(text, 0.5, rank) for rank, text in enumerate(wrong, 2)),
    )


RANKINGS = [ranking(i, place) for i, place in enumerate(PLACES)]


def training(base: Path, folder: Path, plan: EmbedderPlan = PLAN) -> Any:
    folder.mkdir(exist_ok=True)
    return embedder.EmbedderTraining(embedder_base.load_base(str(base)), RANKINGS, RANKINGS, folder, str(base), plan)


def weights(model: Any) -> dict[str, Any]:
    return {name: value.detach().clone() for name, value in model.named_parameters()}


def test_it_learns_and_goes_on_where_it_was_killed(base: Path, tmp_path: Path) -> None:
    whole = training(base, tmp_path / "whole")
    before = weights(whole.model)
    told: list[tuple[Any, ...]] = []
    whole.run(lambda *args: told.append(args))
    assert [look.step for look in whole.looks] == [0, 2, 4] and set(whole.best.sets) == {"toy_en", "toy_zh"}
    assert whole.best.mrr > whole.looks[0].mrr and "held-out MRR" in told[-1][3]
    after = weights(whole.model)
    moved = {name for name in after if not torch.equal(before[name], after[name])}
    assert moved and not any("word_embeddings" in name for name in moved)
    assert (tmp_path / "whole" / embedder.CURVES).is_file()

    class Killed(BaseException):
        pass

    def kill(stage: str, step: int, *_: Any) -> None:
        if step == 3:
            raise Killed

    with pytest.raises(Killed):
        training(base, tmp_path / "parts").run(kill)
    again = training(base, tmp_path / "parts")
    assert [look.step for look in again.looks] == [0, 2]
    again.run(lambda *_: None)
    resumed = weights(again.model)
    assert all(torch.allclose(after[name], resumed[name], atol=1e-6) for name in after)
    assert [look.sets for look in again.looks] == [look.sets for look in whole.looks]
    over = training(base, tmp_path / "parts")
    over.run(kill)  # over: nothing is trained again
    assert over.best == again.best


def test_the_result_is_an_embedder_of_ragbots(base: Path, tmp_path: Path) -> None:
    from ragbot.models.registry import load_embedder

    found = training(base, tmp_path / "run", replace(PLAN, epochs=1, words=True))
    before = weights(found.model)
    found.run(lambda *_: None)
    assert any("word_embeddings" in n and not torch.equal(before[n], v) for n, v in weights(found.model).items())
    record_embedder(tmp_path / "run", str(base), PLAN, found.looks, found.best, {"toy.train": {"questions": 8}})
    folder = tmp_path / "run" / BEST
    ours = load_embedder(str(folder))
    assert (ours.fingerprint.query_prefix, ours.fingerprint.document_prefix) == ("q: ", "d: ")
    assert ours.encode_query("港口何时开放?").shape == (32,)
    assert "MRR before" in (folder / "README.md").read_text(encoding="utf-8")
    assert json.loads((folder / "run.json").read_text(encoding="utf-8"))["best"]["mrr"] == found.best.mrr


def test_it_stops_when_it_does_not_get_better(base: Path, tmp_path: Path) -> None:
    found = training(base, tmp_path, replace(PLAN, patience=1))
    found.looks = [MrrLook(0, 0.0, 1.0, {"toy_en": 1.0, "toy_zh": 1.0})]
    found.run(lambda *_: None)
    assert [look.step for look in found.looks] == [0, 2] and found.best.step == 0


def test_few_negatives_are_filled_up(base: Path, tmp_path: Path) -> None:
    found = training(base, tmp_path, replace(PLAN, negatives=6))
    rows = found._rows()
    assert rows.column_names == ["anchor", "positive", *(f"negative_{n}" for n in range(1, 7))]
    assert all(rows[i]["positive"] == RANKINGS[i].positives[0].text for i in range(len(RANKINGS)))


def test_there_is_no_such_base(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match="--base bundled"):
        embedder_base.load_base(str(tmp_path / "missing"))


def test_the_bundled_tokenizer_is_the_same_for_transformers(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    from ragbot.models.embedders.e5_onnx import BundledE5

    embedder_base.tokenizer().save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "bert"}', encoding="utf-8")
    found = AutoTokenizer.from_pretrained(tmp_path)
    texts = [
        "query: How high is the tide?",
        "passage: 三月的潮位达到4.2米，１～２天。",
        "passage: a\tb\u3000c\x07d  e <s></s><pad> ﬁne ①",
        "",
    ]
    assert [found(text)["input_ids"] for text in texts] == BundledE5()._token_ids(texts)
    assert len(found("长 " * 2000, truncation=True)["input_ids"]) == 512


@pytest.mark.slow
def test_the_bundled_network_embeds_as_the_graph_does() -> None:
    from ragbot.models.embedders.e5_onnx import BundledE5

    model = embedder_base.load_base("bundled")
    texts = ["The tide reaches 4.2 m in March.", "三月的潮位达到4.2米。", "Who built the pier?"]
    exact = model.encode([f"passage: {text}" for text in texts], prompt="")
    assert (np.sum(exact * BundledE5().encode_documents(texts), axis=1) > 0.98).all()


def test_nothing_of_the_test_side_is_opened(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eval.workbench.load_embedder", lambda *_, **__: HashEmbedder())
    parts = {"train": PLACES[:3] + PLACES[4:7], "dev": [PLACES[3]], "test": [PLACES[7]]}
    documents, questions = {}, []
    for number, name in enumerate(PLACES):
        year = str(1900 + number)
        text = "\n\n".join([f"{name} opened in {year}.", *(f"{name} is closed on day {day}. " * 4 for day in range(9))])
        documents[name] = ParsedDocument(text, title=name, language="en")
        start = text.index(year)
        questions.append(
            Question(name, f"When was {name} opened?", (year,), gold=((Span(name, start, start + 4),),), document=name)
        )
    toy = QuestionSet("toy", tuple(questions), documents, {part: frozenset(names) for part, names in parts.items()})
    settings = load_settings({"chunking.chunk_tokens": 24})[0]

    def train() -> Any:
        plan = replace(PLAN, epochs=1, batch=3)
        return train_embedder(
            [toy], tmp_path / "run", str(base), settings, Workbench(tmp_path / "kb"), plan, lambda *_: None
        )

    found = train()
    stored = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "run" / "data").iterdir()}
    assert stored.keys() == {"toy.train.jsonl", "toy.dev.jsonl"}
    for part, text in (("train", stored["toy.train.jsonl"]), ("dev", stored["toy.dev.jsonl"])):
        for other, names in parts.items():
            assert all((name in text) == (other == part) for name in names)
    assert {path.name for path in found.folder.iterdir()} >= {"README.md", "run.json", "curves.png", "modules.json"}
    assert str(tmp_path) not in (found.folder / "README.md").read_text(encoding="utf-8")
    assert train().looks == found.looks
