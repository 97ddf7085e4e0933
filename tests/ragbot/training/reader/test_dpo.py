"""A small run of preference optimisation, from a tiny adapter."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

from safetensors.torch import load_file  # noqa: E402

from ragbot.errors import ModelNotFoundError, SourceError, UserError  # noqa: E402
from ragbot.training.bases import Base  # noqa: E402
from ragbot.training.reader import dpo, looks, preferences  # noqa: E402
from ragbot.training.reader.contexts import Group  # noqa: E402
from ragbot.training.reader.dataset import write_groups  # noqa: E402
from ragbot.training.reader.dpo import DpoPlan, train_dpo  # noqa: E402
from ragbot.training.reader.methods import adapted, save  # noqa: E402
from ragbot.training.reader.plan import ReaderPlan  # noqa: E402

PLAN = DpoPlan(contexts=4, samples=2, pairs_per_step=2, looks=1, held_out=1, limit=600, learning_rate=1e-3)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(looks, "LONGEST", 2)
    monkeypatch.setattr(preferences, "LONGEST", 3)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of three libraries that call each other's old names
        yield
    torch.set_num_threads(threads)


@pytest.fixture
def data(tmp_path: Path, groups: list[Group]) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    for part in ("train", "dev"):
        write_groups(folder / f"toy.{part}.jsonl", groups)
    return folder


@pytest.fixture
def adapter(tmp_path: Path, tiny_gemma: Path) -> Path:
    model = adapted(tiny_gemma, ReaderPlan(rank=4, compiled=False, int8=False))
    save(model, None, tmp_path / "adapter", "the-base")
    return tmp_path / "adapter"


def test_an_adapter_is_trained_on_what_it_said_and_the_same_call_goes_on(
    data: Path, adapter: Path, tiny_gemma: Path, tmp_path: Path
) -> None:
    told: list[tuple[str, int, int, str]] = []
    base, folder = Base(tiny_gemma, "the-base"), tmp_path / "run"
    found = train_dpo(data, adapter, base, folder, PLAN, lambda *args: told.append(args))
    lines = [json.loads(line) for line in (folder / dpo.PREFERENCES).read_text(encoding="utf-8").splitlines()]
    assert [line["context"] for line in lines] == [0, 1, 2, 3]
    pairs = [pair for line in lines for pair in line["preferences"]]
    assert pairs and all(pair["chosen"] != pair["rejected"] for pair in pairs)
    assert {pair["language"] for pair in pairs} == {"en", "zh"}
    assert found.looks[0].step == 0 and found.looks[-1].step == len(pairs) // 2
    assert [stage for stage, *_ in told].count("sample") == 4 and told[-1][0] == "train"
    # No look was better than the adapter as it came: that one is the result.
    assert found.best.step == 0
    kept = load_file(found.folder / "adapter_model.safetensors")
    assert {path.name for path in found.folder.iterdir()} >= {"README.md", "run.json", "curves.png"}
    begun = load_file(adapter / "adapter_model.safetensors")
    assert kept.keys() == begun.keys() and all(torch.equal(kept[name], begun[name]) for name in begun)

    told.clear()
    again = train_dpo(data, adapter, base, folder, PLAN, lambda *args: told.append(args))
    assert again.looks == found.looks and not told
    with pytest.raises(UserError, match="other settings"):
        train_dpo(data, adapter, base, folder, replace(PLAN, beta=0.5), lambda *_: None)


def test_preferences_change_the_adapter(data: Path, adapter: Path, tiny_gemma: Path, tmp_path: Path) -> None:
    training = dpo._Training(data, adapter, Base(tiny_gemma, "b"), tmp_path, PLAN)
    pair = preferences.Preference("[1] a\nb", "en", "Who?", "1] b", "0]")
    before = {name: value.clone() for name, value in training.model.named_parameters() if ".default." in name}
    training.run([pair] * 4, lambda *_: None)
    after = dict(training.model.named_parameters())
    assert any(not torch.equal(value, after[name]) for name, value in before.items())


def test_what_it_cannot_begin_with_is_said(data: Path, adapter: Path, tiny_gemma: Path, tmp_path: Path) -> None:
    base = Base(tiny_gemma, "b")
    with pytest.raises(ModelNotFoundError, match="lacks"):
        train_dpo(data, data, base, tmp_path / "a", PLAN, lambda *_: None)
    with pytest.raises(SourceError, match="ragbot train dataset"):
        train_dpo(tmp_path, adapter, base, tmp_path / "b", PLAN, lambda *_: None)
