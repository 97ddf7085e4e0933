"""The training of a tool-use adapter: what the loss is taken on, and that a run goes on after a kill."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from eval.agents.services import Services, read_places  # noqa: E402
from eval.agents.world import World  # noqa: E402
from ragbot.errors import SourceError, UserError  # noqa: E402
from ragbot.training.agent.dataset import describe, read_runs, write_runs  # noqa: E402
from ragbot.training.agent.generating import Material, generate  # noqa: E402
from ragbot.training.agent.playing import PlayedRun, Reply  # noqa: E402
from ragbot.training.agent.run import train_agent  # noqa: E402
from ragbot.training.agent.tokens import RunTokens, _goes_on  # noqa: E402
from ragbot.training.agent.trainer import AgentTraining  # noqa: E402
from ragbot.training.bases import Base  # noqa: E402
from ragbot.training.reader.plan import ReaderPlan  # noqa: E402

# What peft asks a model has another name in transformers by now.
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")

PLAN = ReaderPlan(epochs=1.0, packs_per_step=2, every=2, limit=150, rank=4, alpha=8, compiled=False)


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def toy(number: int, language: str = "en") -> PlayedRun:
    """A call and an answer, in few words."""
    asked = f"Is {number} odd?" if language == "en" else f"{number}是奇数吗？"
    call = json.dumps({"tool": "odd", "arguments": {"n": number}})
    answer = json.dumps({"answer": f"{number % 2} [1]"})
    messages = (
        ("system", "Tools: odd(n)"),
        ("user", asked),
        ("assistant", call),
        ("user", f'<observation tool="odd" source="1">\n{number % 2}\n</observation>'),
        ("assistant", answer),
    )
    return PlayedRun("toy", language, asked, ("odd",), messages, (Reply(2, call), Reply(4, answer)))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    runs = [toy(number, language) for number in range(4) for language in ("en", "zh")]
    write_runs(folder / "train.jsonl", runs)
    write_runs(folder / "dev.jsonl", runs[:2])
    (folder / "statistics.json").write_text(json.dumps({"train": describe(runs)}), encoding="utf-8")
    return folder


def training(base: Path, data: Path, folder: Path, plan: ReaderPlan = PLAN) -> AgentTraining:
    return AgentTraining(base, read_runs(data / "train.jsonl"), read_runs(data / "dev.jsonl"), folder, plan, "the-base")


def test_the_loss_is_on_replies_and_their_ends_alone(tiny_gemma: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_gemma)
    tokens = RunTokens(tokenizer, 8000)
    run = toy(3)
    packs = tokens(run)
    learned = [
        tokenizer.decode(pack.wanted[reply.begin : reply.end].tolist(), skip_special_tokens=False)
        for pack in packs
        for reply in pack.replies
    ]
    assert sorted(learned) == sorted(f"{reply.text}<eos>" for reply in run.replies)
    for pack in packs:
        for reply in pack.replies:
            # What stands before a reply is the prompt as the model is given it, and nothing of the reply.
            begin = int(pack.at[reply.begin]) + 1
            assert pack.ids[0, :begin].tolist() in [tokens.prompt(run.messages[: one.at]) for one in run.replies]
            # And the reply as it is written: no token of it tells that more comes behind it.
            inside = pack.ids[0, begin : begin + reply.end - reply.begin - 1].tolist()
            assert inside == pack.wanted[reply.begin : reply.end - 1].tolist()


def test_a_mistake_is_read_and_not_learned(tiny_gemma: Path) -> None:
    from dataclasses import replace

    from transformers import AutoTokenizer

    run = toy(5)
    run = replace(run, replies=(replace(run.replies[0], learned=False), run.replies[1]))
    packs = RunTokens(AutoTokenizer.from_pretrained(tiny_gemma), 8000)(run)
    assert [reply.tool for pack in packs for reply in pack.replies] == [""]
    assert RunTokens(AutoTokenizer.from_pretrained(tiny_gemma), 30)(run) == []


def test_it_trains_saves_and_goes_on(tiny_gemma: Path, data: Path, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole = training(tiny_gemma, data, tmp_path / "whole")
        assert whole.steps >= 4
        best = whole.run(lambda look: None, lambda *_: None)
        assert best.sets.keys() == {"en", "zh"} and best.sets["en"]["replies"] == 2
        assert (tmp_path / "whole" / "best" / "adapter_model.safetensors").is_file()

        class KilledError(Exception):
            pass

        looked: list[int] = []

        def told(look: object) -> None:
            looked.append(1)
            if len(looked) == 1:
                raise KilledError

        with pytest.raises(KilledError):
            training(tiny_gemma, data, tmp_path / "cut").run(told, lambda *_: None)
        again = training(tiny_gemma, data, tmp_path / "cut")
        again.run(lambda look: None, lambda *_: None)
        assert [look.step for look in again.looks] == [look.step for look in whole.looks]
        with pytest.raises(UserError, match="other settings"):
            training(tiny_gemma, data, tmp_path / "cut", ReaderPlan(rank=2))


def test_a_whole_run_writes_its_record_and_its_card(tiny_gemma: Path, data: Path, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        base = Base(tiny_gemma, str(tiny_gemma))
        trained = train_agent(data, base, tmp_path, PLAN, lambda *_: None)
    card = (trained.folder / "README.md").read_text(encoding="utf-8")
    assert "Tool use" in card and str(tiny_gemma) not in card
    assert json.loads((trained.folder / "run.json").read_text(encoding="utf-8"))["plan"]["rank"] == 4
    with pytest.raises(SourceError, match="too few"):
        train_agent(data, base, tmp_path / "short", ReaderPlan(limit=20, compiled=False), lambda *_: None)
    shutil.rmtree(tmp_path)
    with pytest.raises(SourceError, match="agent-dataset"):
        train_agent(tmp_path, base, tmp_path / "none", PLAN, lambda *_: None)


def test_generated_runs_can_be_trained_on(tiny_gemma: Path) -> None:
    from transformers import AutoTokenizer

    places = [place for place in read_places() if place.part == "train"]
    with World(Services(places)) as world:
        runs = list(generate(world, places, Material(), 12, 3))
    tokens = RunTokens(AutoTokenizer.from_pretrained(tiny_gemma), 20_000)
    for run in runs:
        learned = [reply for pack in tokens(run) for reply in pack.replies]
        assert len(learned) == sum(reply.learned for reply in run.replies)


def test_a_reply_that_is_cut_in_another_way_gets_a_sequence_of_its_own() -> None:
    assert _goes_on([1, 2, 3, 4, 5], [1, 2], [3, 4])
    for whole in ([1, 2, 9, 4, 5], [1, 2, 3, 9, 5], [9, 2, 3, 4, 5], [1, 2, 3]):
        assert not _goes_on(whole, [1, 2], [3, 4])
