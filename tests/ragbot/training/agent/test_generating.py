"""Generated runs: what they teach is what the protocol takes, and nothing of the unseen tasks is in them."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import pytest

from agents.protocol.parsing import read_turn
from agents.protocol.text import reply_schema
from eval.agents.services import read_pages, read_places
from eval.agents.tasks import read_tasks
from eval.agents.world import TOOLS, World
from eval.datasets.base import QuestionSet
from eval.datasets.squad import read_squad
from ragbot.bot import RagBot
from ragbot.models.llms.constraints import Constraints, Vocabulary
from ragbot.models.testing import HashEmbedder
from ragbot.training.agent.dataset import AgentPlan, make_agent_dataset, read_runs
from ragbot.training.agent.playing import PlayedRun
from ragbot.training.agent.table_files import draw_tables, write_tables
from ragbot.training.agent.talking import KINDS
from ragbot.training.agent.texts import templates

READING = Path(__file__).parents[4] / "data" / "reading"
RUNS = 200


def _sets() -> list[QuestionSet]:
    return [read_squad(READING / f"own_{language}.json", "article") for language in ("en", "zh")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("runs")
    plan = AgentPlan(runs=RUNS, held_out=20, documents=6)
    make_agent_dataset(made, plan, _sets(), HashEmbedder())
    return made


@pytest.fixture(scope="module")
def runs(folder: Path) -> list[PlayedRun]:
    return read_runs(folder / "train.jsonl")


def test_both_parts_are_there_and_share_no_question(folder: Path, runs: list[PlayedRun]) -> None:
    dev = read_runs(folder / "dev.jsonl")
    assert len(runs) == RUNS and len(dev) == 20
    without_tools = {run.question for run in dev if len(run.replies) == 1}
    assert not {run.question for run in runs} & {run.question for run in dev} - without_tools
    assert {run.language for run in runs} == {"en", "zh"}
    statistics = json.loads((folder / "statistics.json").read_text(encoding="utf-8"))
    assert statistics["train"]["runs"] == RUNS and set(statistics["train"]["replies"]) > {"calculator", "(answer)"}
    assert "<observation" in (folder / "samples.md").read_text(encoding="utf-8")


def test_numbers_are_set_apart_or_not_as_people_do(runs: list[PlayedRun]) -> None:
    computed = [run for run in runs if run.language == "zh" and '"tool": "calculator"' in run.replies[0].text]
    borders = [re.findall(r"(?<=[一-鿿]) ?(?=\d)|(?<=\d) ?(?=[一-鿿])", run.question) for run in computed]
    assert sum("" in found and " " not in found for found in borders) >= 3
    assert sum(" " in found and "" not in found for found in borders) >= 3


def test_every_reply_is_one_that_the_protocol_takes(runs: list[PlayedRun]) -> None:
    for run in runs:
        for reply in run.replies:
            turn = read_turn(reply.text)
            assert not turn.problem, reply.text
            if turn.calls and reply.learned:
                assert turn.calls[0].tool in run.tools
            assert run.messages[reply.at] == ("assistant", reply.text)
        assert read_turn(run.replies[-1].text).answer


def test_constrained_decoding_could_have_written_every_reply(runs: list[PlayedRun], tmp_path: Path) -> None:
    pytest.importorskip("llguidance")
    end = 256
    vocabulary = Vocabulary([*(bytes([byte]) for byte in range(end)), b""], end, lambda text: list(text.encode()))
    constraints = Constraints(vocabulary.tokenizer, "bundled")
    tables = write_tables(draw_tables(random.Random(1), "en"), tmp_path / "tables")
    with RagBot.open(tmp_path / "kb", embedder=HashEmbedder()) as bot, World(bot=bot, tables=tables) as world:
        for run in runs[:40]:
            schema = reply_schema(world.tools(run.tools, run.language), thoughts=False)
            for reply in run.replies:
                if not reply.learned:
                    continue
                constraint = constraints.of(schema)
                for place, byte in enumerate(reply.text.encode()):
                    assert byte in constraint.allowed(), reply.text.encode()[: place + 1]
                    constraint.push(byte)
                assert end in constraint.allowed()


def test_a_mistake_is_followed_by_a_message_that_mends_it_and_is_not_learned(runs: list[PlayedRun]) -> None:
    mistakes = [(run, reply) for run in runs for reply in run.replies if not reply.learned]
    assert mistakes
    for run, reply in mistakes:
        role, text = run.messages[reply.at + 1]
        assert role == "user" and re.search(_MISTAKEN, text), text


_MISTAKEN = r"cannot be called|There is no (?:tool|table|column)|不能这样调用|没有名为|没有表|没有列"


def test_what_needs_no_tool_calls_none_and_the_rest_calls_one(runs: list[PlayedRun]) -> None:
    talked = [run for run in runs if run.template in KINDS]
    assert {run.language for run in talked} == {"en", "zh"} and len({run.template for run in talked}) > 4
    for run in runs:
        called = [reply for reply in run.replies if read_turn(reply.text).calls]
        assert bool(called) is (run.template not in KINDS), run.template


def test_a_guessed_name_in_a_query_is_mended_out_of_the_message(runs: list[PlayedRun]) -> None:
    wrong = re.compile(r"There is no (?:table|column)|没有[表列]")
    mended = [run for run in runs if not run.replies[0].learned and wrong.search(run.messages[3][1])]
    assert {run.language for run in mended} == {"en", "zh"}
    for run in mended:
        first, second = (read_turn(reply.text).calls[0] for reply in run.replies[:2])
        assert first.tool == second.tool == "query_tables" and run.replies[1].learned
        message = run.messages[3][1]
        names = set(re.findall(r"\w+", re.sub(r"'[^']*'", "", second.arguments["sql"]))) - _SQL
        assert names and names <= set(re.findall(r"\w+", message)), (names, message)
        assert not set(re.findall(r"\w+", first.arguments["sql"])) <= set(re.findall(r"\w+", second.arguments["sql"]))


_SQL = {
    "SELECT",
    "FROM",
    "WHERE",
    "GROUP",
    "ORDER",
    "BY",
    "LIMIT",
    "DESC",
    "DISTINCT",
    "AND",
    "sum",
    "avg",
    "max",
    "min",
}
_SQL |= {"count", "round", *map(str, range(10_000))}


def test_tables_are_looked_at_before_a_query_unless_their_columns_are_told(runs: list[PlayedRun]) -> None:
    looked = unlooked = 0
    for run in runs:
        calls = [read_turn(reply.text).calls[0] for reply in run.replies[:-1] if reply.learned]
        queries = [call.arguments.get("sql", "") for call in calls if call.tool == "query_tables"]
        if not queries or run.template == "table-missing":
            continue
        if not queries[0] or queries[0].endswith(" LIMIT 2"):
            name = queries[1].partition(" FROM ")[2].partition(" ")[0]
            # A table that is named is looked at alone; without its name there are all of them to look at.
            assert (
                (f" FROM {name} LIMIT 2" in queries[0])
                if queries[0]
                else not re.search(rf'table "?{name}\b', run.question)
            )
            looked += 1
        else:
            told = re.search(r"columns|列", run.question)
            assert told or not all(reply.learned for reply in run.replies), run.question
            unlooked += bool(told)
    assert looked > 2 * unlooked > 0


def test_answers_take_their_numbers_from_what_was_read(runs: list[PlayedRun]) -> None:
    for run in runs:
        said = json.loads(run.replies[-1].text)["answer"]
        if run.template in ("spelling", "letter-count"):
            continue
        read = " ".join(text for role, text in run.messages[:-1] if role == "user").replace(",", "")
        for number in re.findall(r"\d+(?:\.\d+)?", re.sub(r"\[\d+\]", "", said).replace(",", "")):
            assert number in read, (said, number, read)


def test_no_prompt_is_longer_than_training_takes(runs: list[PlayedRun]) -> None:
    # Measured in tokens by the benchmark; here only that nothing runs away: a Han character is at most one token or two.
    longest = max(sum(len(text.encode()) for _, text in run.messages) for run in runs)
    assert longest < 9_000


def test_nothing_of_the_unseen_half_is_in_the_runs(runs: list[PlayedRun]) -> None:
    tasks = [task for task in read_tasks() if task.part == "unseen"]
    for language in ("en", "zh"):
        assert not {task.template for task in tasks} & set(templates(language))
    texts = " ".join(run.question for run in runs)
    wordings = " ".join(text for one in ("en", "zh") for kind in templates(one).values() for text in kind["questions"])
    for place in read_places():
        if place.part == "unseen":
            assert place.name not in texts and place.zh not in texts, place.name
    for page in read_pages():
        if page.part == "unseen":
            assert page.title.partition(":")[0] not in texts and page.url not in texts
    for name in ("trips", "power_zh", "用电"):
        assert name not in texts
    known = _grams(texts) | _grams(wordings)
    for task in tasks:
        assert not _grams(task.question) & known, (task.id, _grams(task.question) & known)


def _grams(text: str) -> set[str]:
    """Five words in a row, or eight Han characters."""
    found = set()
    words = re.findall(r"[a-z']+", re.sub(r"\{\w+\}", " | ", text.lower()))
    found |= {" ".join(words[i : i + 5]) for i in range(len(words) - 4)}
    for stretch in re.findall(r"[\u4e00-\u9fff]+", text):
        found |= {stretch[i : i + 8] for i in range(len(stretch) - 7)}
    return found


def test_the_templates_of_the_train_half_are_those_of_the_generator_or_of_documents() -> None:
    own = set(templates("en"))
    assert set(templates("zh")) == own
    beside = {"document-times", "two-documents", "document-age", "document-compare", "convert-chain", "date-weekday"}
    beside |= {"search-fetch", "weather-unit"}
    assert {task.template for task in read_tasks() if task.part == "train"} <= own | beside


def test_tools_vary(runs: list[PlayedRun]) -> None:
    assert {run.tools for run in runs if len(run.tools) == len(TOOLS)}
    assert len({run.tools for run in runs}) > 10
