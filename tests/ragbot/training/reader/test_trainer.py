"""Runs of a reader's training: going on after a kill, what is refused, and each method for a step."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file  # noqa: E402

from ragbot.errors import MissingExtraError, ModelNotFoundError, SourceError, UserError  # noqa: E402
from ragbot.models.bundled import sha256  # noqa: E402
from ragbot.training.bases import BUNDLED_NAME, Base  # noqa: E402
from ragbot.training.reader import looks, methods  # noqa: E402
from ragbot.training.reader.contexts import Group, Mix  # noqa: E402
from ragbot.training.reader.dataset import write_groups  # noqa: E402
from ragbot.training.reader.looks import Look  # noqa: E402
from ragbot.training.reader.plan import RATES, VIRTUAL, ReaderPlan  # noqa: E402
from ragbot.training.reader.run import train_reader  # noqa: E402
from ragbot.training.reader.states import read_pack  # noqa: E402
from ragbot.training.reader.trainer import BEST, LOOKS, RUN, ReaderTraining, completion_loss  # noqa: E402

# What peft asks a model has another name in transformers by now.
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")

PLAN = ReaderPlan(
    epochs=1.0, packs_per_step=1, every=2, held_out=1, limit=400, rank=4, alpha=8, compiled=False, virtual_tokens=5
)


@pytest.fixture(autouse=True, scope="module")
def _small() -> Iterator[None]:
    threads, longest = torch.get_num_threads(), looks.LONGEST
    torch.set_num_threads(1)
    looks.LONGEST = 2
    yield
    torch.set_num_threads(threads)
    looks.LONGEST = longest


@pytest.fixture(scope="module")
def whole(
    tiny_gemma: Path, make_group: Callable[..., Group], tmp_path_factory: pytest.TempPathFactory
) -> ReaderTraining:
    """A run that nothing has stopped."""
    groups = [make_group(number, language) for language in ("en", "zh") for number in range(4)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return run(tiny_gemma, groups, tmp_path_factory.mktemp("whole"))


def training(base: Path, groups: list[Group], folder: Path, plan: ReaderPlan = PLAN) -> ReaderTraining:
    return ReaderTraining(base, groups, groups[:1], folder, plan, name="the-base")


def run(base: Path, groups: list[Group], folder: Path, plan: ReaderPlan = PLAN) -> ReaderTraining:
    found = training(base, groups, folder, plan)
    found.run(lambda look: None, lambda *_: None)
    return found


def trained(model: Any) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in model.named_parameters() if value.requires_grad}


class Killed(BaseException):
    pass


@pytest.mark.parametrize("when", ["after a look", "before the look", "while a checkpoint is written"])
def test_a_run_that_was_killed_goes_on_to_the_same_end(
    whole: ReaderTraining,
    tiny_gemma: Path,
    groups: list[Group],
    tmp_path: Path,
    when: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert whole.steps == 8 and [look.step for look in whole.looks] == [2, 4, 6, 8]

    stopped = training(tiny_gemma, groups, tmp_path / "parts")
    with monkeypatch.context() as patch:
        if when == "before the look":
            real = ReaderTraining.look

            def look(self: ReaderTraining, step: int, *rest: Any) -> Look:
                if step == 4:
                    raise Killed
                return real(self, step, *rest)

            patch.setattr(ReaderTraining, "look", look)

        def tick(step: int, *_: Any) -> None:
            if step == 5:  # Trainer logs every five steps
                raise Killed

        with pytest.raises(Killed):
            stopped.run(lambda look: None, tick)
    checkpoints = tmp_path / "parts" / "checkpoints"
    assert [path.name for path in checkpoints.iterdir()] == ["checkpoint-4"]
    if when == "while a checkpoint is written":
        shutil.copytree(checkpoints / "checkpoint-4", checkpoints / "checkpoint-6")
        (checkpoints / "checkpoint-6" / "trainer_state.json").write_text('{"glob', encoding="utf-8")
        with (tmp_path / "parts" / LOOKS).open("a", encoding="utf-8") as file:
            file.write('{"step": 6, "lo')

    again = run(tiny_gemma, groups, tmp_path / "parts")
    assert [look.step for look in again.looks] == [2, 4, 6, 8]
    assert [look.sets for look in again.looks] == [look.sets for look in whole.looks]
    ended, resumed = trained(whole.model), trained(again.model)
    assert ended.keys() == resumed.keys() and all(torch.equal(ended[name], resumed[name]) for name in ended)
    best = [load_file(folder / BEST / "adapter_model.safetensors") for folder in (whole.folder, tmp_path / "parts")]
    assert all(torch.equal(best[0][name], best[1][name]) for name in best[0])
    lines = (tmp_path / "parts" / LOOKS).read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["step"] for line in lines] == [2, 4, 6, 8]

    before = trained(training(tiny_gemma, groups, tmp_path / "parts").model)
    over = run(tiny_gemma, groups, tmp_path / "parts")
    assert over.best == again.best  # it is over: nothing is trained again
    assert all(torch.equal(before[name], value) for name, value in trained(over.model).items())


def test_another_plan_in_the_same_folder_is_refused(tiny_gemma: Path, groups: list[Group], tmp_path: Path) -> None:
    training(tiny_gemma, groups, tmp_path)
    with pytest.raises(UserError, match=r"seed 7.*another --output"):
        training(tiny_gemma, groups, tmp_path, replace(PLAN, seed=8))
    training(tiny_gemma, groups, tmp_path)
    # A run of a version that did not know a setting had it at its default.
    stored = json.loads((tmp_path / RUN).read_text(encoding="utf-8"))
    del stored["plan"]["method"], stored["plan"]["checkpointing"]
    (tmp_path / RUN).write_text(json.dumps(stored), encoding="utf-8")
    training(tiny_gemma, groups, tmp_path)
    with pytest.raises(UserError, match="method 'lora'"):
        training(tiny_gemma, groups, tmp_path, replace(PLAN, method="prompt"))


@pytest.mark.parametrize("method", [name for name in RATES if name != "qlora"])
def test_each_method_trains_and_saves(tiny_gemma: Path, groups: list[Group], tmp_path: Path, method: str) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    from ragbot.training.reader.attention import NAME

    plan = replace(PLAN, method=method, learning_rate=RATES[method], epochs=0.25, checkpointing=method != "prefix")
    begun = training(tiny_gemma, groups, tmp_path, plan)
    before = trained(begun.model)
    if method != "full":
        assert not any("embed_tokens" in name or "lm_head" in name for name in before)
    begun.run(lambda look: None, lambda *_: None)
    after = trained(begun.model)
    assert begun.looks[-1].step == 2 and any(not torch.equal(before[name], after[name]) for name in before)

    packed = begun.packs[0]
    begun.model.eval()
    if method == "full":
        again = AutoModelForCausalLM.from_pretrained(tmp_path / BEST, attn_implementation=NAME)
        assert (tmp_path / BEST / "tokenizer.json").is_file()
    else:
        assert (
            json.loads((tmp_path / BEST / "adapter_config.json").read_text())["base_model_name_or_path"] == "the-base"
        )
        assert not (tmp_path / BEST / "README.md").exists()
        base = AutoModelForCausalLM.from_pretrained(tiny_gemma, attn_implementation=NAME)
        again = PeftModel.from_pretrained(base, str(tmp_path / BEST))
    with torch.no_grad():
        ours, theirs = (float(completion_loss(model.eval(), packed)) for model in (begun.model, again))
    assert ours == pytest.approx(theirs, rel=0.05 if method == "lora" else 1e-4)  # LoRA's base was in integers


@torch.no_grad()
@pytest.mark.parametrize("method", VIRTUAL)
def test_virtual_tokens_are_read_as_peft_reads_them(
    tiny_gemma: Path, groups: list[Group], tmp_path: Path, method: str
) -> None:
    begun = training(tiny_gemma, groups, tmp_path, replace(PLAN, method=method))
    model = begun.model.eval()
    one = replace(groups[0], questions=groups[0].questions[:1], retrieved=groups[0].retrieved[:1])
    from ragbot.training.reader.contexts import Mix, Packer

    packed = begun.packs.tokens(Packer([one], Mix(gold=1.0, foreign=0.0, altered=0.0)).pack(0, ""))
    assert len(packed.starts) == 1  # a pack of one question is a plain sequence
    ours = model.get_base_model().lm_head(read_pack(model, packed).states)[0]
    theirs = model(input_ids=packed.ids, attention_mask=torch.ones_like(packed.ids)).logits[0, -packed.ids.shape[1] :]
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-3)
    bare = model.get_base_model()(input_ids=packed.ids).logits[0]
    assert (ours - bare).abs().max() > 0.01


def test_what_this_machine_cannot_do_is_said(
    tiny_gemma: Path, groups: list[Group], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="NVIDIA GPU"):
        training(tiny_gemma, groups, tmp_path, replace(PLAN, method="qlora"))
    with pytest.raises(UserError, match="choose one of lora"):
        training(tiny_gemma, groups, tmp_path, replace(PLAN, method="adapter"))
    with pytest.raises(UserError, match="--checkpointing"):
        training(tiny_gemma, groups, tmp_path, replace(PLAN, method="prefix", checkpointing=True))
    assert not (tmp_path / RUN).exists()  # the folder is free for a plan that can be had
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"ragbot\[gpu\]"):
        methods.check(replace(PLAN, method="qlora"))


def test_training_stops_when_it_does_not_get_better(tiny_gemma: Path, groups: list[Group], tmp_path: Path) -> None:
    found = run(tiny_gemma, groups, tmp_path, replace(PLAN, patience=1))
    assert [look.f1 for look in found.looks] == [0.0, 0.0]  # a random model finds nothing
    assert found.looks[-1].step == 4 < found.steps and found.best.step == 2


def test_one_call_trains_and_tells_what_it_did(tiny_gemma: Path, groups: list[Group], tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for part, some in (("train", groups), ("dev", groups[::4])):
        write_groups(data / f"toy.{part}.jsonl", some)
    (data / "statistics.json").write_text(
        '{"toy.train": {"questions": 16, "languages": {"en": 8, "zh": 8}}}', encoding="utf-8"
    )
    told: list[tuple[str, int, int, str]] = []
    plan = replace(PLAN, epochs=0.75, shares=(("toy_zh", 2.0),))
    base = Base(tiny_gemma, BUNDLED_NAME)
    found = train_reader(data, base, tmp_path / "run", plan, lambda *told_: told.append(told_))
    folder = tmp_path / "run" / BEST
    assert found.folder == folder and {path.name for path in folder.iterdir()} == {
        "adapter_config.json",
        "adapter_model.safetensors",
        "README.md",
        "run.json",
        "curves.png",
    }
    record = json.loads((folder / RUN).read_text(encoding="utf-8"))
    assert record["plan"]["shares"] == [["toy_zh", 2.0]] and record["best"]["sets"].keys() == {"toy_en", "toy_zh"}
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert 'base_model: "google/gemma-3-270m"' in card and "Gemma Terms of Use" in card and '["en", "zh"]' in card
    assert str(tmp_path) not in card + (folder / "adapter_config.json").read_text(encoding="utf-8")
    assert "best held-out F1" in told[-1][3] and told[-1][:1] == ("train",)
    with pytest.raises(UserError, match="no such set"):
        train_reader(data, base, tmp_path / "x", replace(plan, shares=(("nothing", 2.0),)), lambda *_: None)
    with pytest.raises(SourceError, match="a step takes 99"):
        train_reader(data, base, tmp_path / "y", replace(plan, packs_per_step=99), lambda *_: None)
    with pytest.raises(SourceError, match="ragbot train dataset"):
        train_reader(tmp_path, base, tmp_path / "z", plan, lambda *_: None)


def test_a_run_goes_on_from_the_adapter_of_another(tiny_gemma: Path, groups: list[Group], tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for part in ("train", "dev"):
        write_groups(data / f"toy.{part}.jsonl", groups)
    base, plan = Base(tiny_gemma, BUNDLED_NAME), replace(PLAN, epochs=0.5)
    first = train_reader(data, base, tmp_path / "first", plan, lambda *_: None).folder
    training_ = ReaderTraining(tiny_gemma, groups, groups[::4], tmp_path / "look", plan, start=first)
    weights = {name: value for name, value in training_.model.named_parameters() if value.requires_grad}
    stored = load_file(first / "adapter_model.safetensors")
    assert len(weights) == len(stored) > 0
    for name, value in weights.items():
        assert torch.equal(value.cpu(), stored[name.replace(".default", "")])
    second = train_reader(data, base, tmp_path / "second", plan, lambda *_: None, Mix(gold=1.0), first).folder
    record = json.loads((second / RUN).read_text(encoding="utf-8"))
    assert (
        record["mix"]["gold"] == 1.0 and record["start"]["adapter"] == sha256(first / "adapter_model.safetensors")[:16]
    )
    assert any(
        not torch.equal(value, stored[name]) for name, value in load_file(second / "adapter_model.safetensors").items()
    )
    with pytest.raises(UserError, match="other settings"):  # from the beginning is another run
        train_reader(data, base, tmp_path / "second", plan, lambda *_: None, Mix(gold=1.0))
    with pytest.raises(UserError, match=r"rank 4.*same --method and --rank"):
        train_reader(data, base, tmp_path / "z", replace(plan, rank=8), lambda *_: None, start=first)
    with pytest.raises(UserError, match="holds no adapter"):
        train_reader(data, base, tmp_path / "z", plan, lambda *_: None, start=tmp_path)


def test_a_folder_without_a_model_is_no_base(groups: list[Group], tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ModelNotFoundError, match="--base bundled"):
        methods.adapted(tmp_path, PLAN)
