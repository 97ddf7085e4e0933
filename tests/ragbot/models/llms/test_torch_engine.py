"""A reader on another base than the bundled one: the same names, the same answers as transformers itself."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from ragbot.errors import GenerationError, ModelNotFoundError  # noqa: E402
from ragbot.generation.choice import reader_engine  # noqa: E402
from ragbot.generation.reader import Reader  # noqa: E402
from ragbot.models.llms.pieces import SpokenTokenizer  # noqa: E402
from ragbot.models.llms.torch_engine import TorchEngine  # noqa: E402
from tests.ragbot.training.conftest import network, tokenizer  # noqa: E402

TEXTS = ["The harbour was opened in 1911.", "港口于1911年开放。", "é😀\n\n  x\ty", ""]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Gemma as transformers stores it."""
    made = tmp_path_factory.mktemp("tiny")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network().save_pretrained(made)
    tokenizer().save_pretrained(made)
    return made


@pytest.fixture(scope="module")
def engine(folder: Path) -> TorchEngine:
    return TorchEngine.load(str(folder), device="cpu", dtype="float32")


@pytest.mark.parametrize("text", TEXTS)
def test_the_pieces_of_a_text_are_its_bytes(engine: TorchEngine, text: str) -> None:
    spoken = engine.tokenizer
    assert b"".join(spoken.bytes_of[token] for token in spoken.encode(text)) == text.encode()
    assert spoken.decode(spoken.encode(text)) == text
    assert spoken.eos not in spoken.bytes_of and spoken.bos not in spoken.bytes_of


def test_control_tokens_in_a_text_are_text(engine: TorchEngine) -> None:
    assert engine.tokenizer.eos not in engine.tokenizer.encode("a <eos> b")


def test_pieces_of_sentencepiece_are_their_bytes() -> None:
    from tokenizers import Tokenizer, decoders, models
    from transformers import PreTrainedTokenizerFast

    vocabulary = {"<eos>": 0, "\u2581the": 1, "<0xE6>": 2, "港": 3, "\u2581": 4}
    made = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    made.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()])  # type: ignore[assignment]
    spoken = SpokenTokenizer(PreTrainedTokenizerFast(tokenizer_object=made, eos_token="<eos>"))
    assert spoken.bytes_of == {1: b" the", 2: b"\xe6", 3: "港".encode(), 4: b" "}
    assert spoken.bos is None


def test_a_slow_tokenizer_is_refused() -> None:
    with pytest.raises(ModelNotFoundError, match=r"tokenizer\.json"):
        SpokenTokenizer(SimpleNamespace(is_fast=False, name_or_path="old"))


def test_a_text_in_parts_has_the_logits_of_the_whole(engine: TorchEngine) -> None:
    ids = engine.tokenizer.encode(TEXTS[0] * 3)  # longer than the sliding window
    text = engine.start(ids[:7])
    text.push(ids[7:9])
    text.push(ids[9:])
    with torch.inference_mode():
        whole = engine.network(torch.tensor([ids])).logits[0, -1].numpy()
    assert text.logits == pytest.approx(whole, abs=1e-4)
    assert text.usage.prompt == len(ids)


def test_it_goes_on_as_transformers_does(engine: TorchEngine) -> None:
    ids = engine.tokenizer.encode(TEXTS[0])
    text = engine.start(ids)
    said = [token for token, _ in text.generate(12)]
    with torch.inference_mode():
        expected = engine.network.generate(
            torch.tensor([ids]), attention_mask=torch.ones(1, len(ids)), max_new_tokens=12, do_sample=False
        )[0, len(ids) :].tolist()
    assert said == [token for token in expected if token != engine.tokenizer.eos]
    assert text.usage.new == len(said) and text.usage.prompt == len(ids)


def test_a_peek_tells_what_would_follow_and_leaves_no_trace(engine: TorchEngine) -> None:
    ids = engine.tokenizer.encode(TEXTS[0])
    text, after = engine.start(ids[:3]), engine.start(ids[:4])
    before = text.logits.copy()
    tokens = [[3, 7, 40], [9]]
    seen = text.peek(ids[3:6], tokens)
    for token, wanted, found in zip(ids[4:6], tokens, seen, strict=True):
        after.push([token])
        assert found == pytest.approx(after.logits[wanted], abs=1e-4)
    assert (text.logits == before).all()
    text.push(ids[3:6])
    assert text.logits == pytest.approx(after.logits, abs=1e-4)
    with pytest.raises(GenerationError, match="the model reads 2,048"):
        text.peek([5] * 2048, [[1]])


def test_limits(engine: TorchEngine) -> None:
    with pytest.raises(GenerationError, match="empty"):
        engine.start([])
    with pytest.raises(GenerationError, match="the model reads 2,048"):
        engine.start([5] * 2049)
    assert len(list(engine.start([5] * 2046).generate(10))) <= 2


def test_a_reader_answers_with_words_of_the_passage(engine: TorchEngine) -> None:
    read = Reader(engine, answer_tokens=40).read("When was it opened?", "Harbour", TEXTS[0], "en")
    assert 0 < read.none < 1
    assert read.said and read.said.text in TEXTS[0]


def test_the_folder_says_what_it_runs_on(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ragbot.models.llms.gemma.engine import GemmaEngine

    taken: list[Any] = []
    monkeypatch.setattr(GemmaEngine, "load", lambda adapter: taken.append(("bundled", adapter)))
    monkeypatch.setattr(TorchEngine, "load", lambda *where: taken.append(where))
    for name, base in (("ours", "google/gemma-3-270m"), ("other", "Qwen/Qwen3-0.6B-Base")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": base}))
        reader_engine(tmp_path / name)
    reader_engine(folder)
    reader_engine(tmp_path / "none")  # whose absence the engine tells
    assert taken == [
        ("bundled", tmp_path / "ours"),
        ("Qwen/Qwen3-0.6B-Base", tmp_path / "other"),
        (str(folder),),
        ("bundled", tmp_path / "none"),
    ]
    (tmp_path / "ours" / "adapter_config.json").write_text("{")
    with pytest.raises(ModelNotFoundError, match="ragbot train lora"):
        reader_engine(tmp_path / "ours")


def test_an_adapter_of_a_folder_says_how_to_merge_them(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "my-base"}))
    with pytest.raises(ModelNotFoundError, match="ragbot train export"):
        reader_engine(tmp_path)
