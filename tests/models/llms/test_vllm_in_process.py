"""``vllm:MODEL``: the engine in this process, for real where vLLM is installed, and what is said where it is not."""

from __future__ import annotations

import json
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from eval.benchmarks.vllm_server import environment
from ragbot.errors import MissingExtraError, ModelNotFoundError, SettingsError
from ragbot.models.llms.vllm_engine import VllmEngine
from ragbot.models.registry import load_chat_model
from tests.models.llms.conftest import ASKED, Gemma

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def found(vllm_gemma: Gemma, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the model did in a process of vLLM's environment."""
    folder = tmp_path_factory.mktemp("vllm-in-process")
    script, results = ROOT / "tests" / "models" / "llms" / "vllm_in_process.py", folder / "results.json"
    arguments = [str(vllm_gemma.folder), str(vllm_gemma.adapter), json.dumps(ASKED), str(results)]
    done = subprocess.run(
        [str(vllm_gemma.python), str(script), *arguments],
        env=environment({"PYTHONPATH": str(ROOT), "VLLM_CPU_KVCACHE_SPACE": "1", "OMP_NUM_THREADS": "1"}),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    answers: dict[str, Any] = json.loads(results.read_text(encoding="utf-8"))
    return answers


@pytest.mark.vllm
def test_the_answers_are_those_of_transformers(found: dict[str, Any], gemma_answers: dict[str, Any]) -> None:
    assert found["answers"] == gemma_answers
    assert found["active"] == gemma_answers["reader"]["en"]["text"]
    assert found["context"] == 1024


@pytest.mark.vllm
def test_it_keeps_the_contract(found: dict[str, Any]) -> None:
    whole, usage = found["active"], found["usage"]
    assert "".join(found["streamed"]) == whole
    assert sum(map(bool, found["streamed"])) > 3
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"] > usage["input_tokens"]
    assert found["reason"] in {"stop", "length", "loop"}
    assert found["stopped"] == whole[: whole.index(whole[4:6])]
    assert found["short"] == 3
    assert found["together"] == found["alone"]
    assert len(set(found["alone"])) > 2
    assert found["again"] == whole


@pytest.mark.vllm
def test_log_probabilities(found: dict[str, Any]) -> None:
    assert "".join(entry["token"] for entry in found["logprobs"]).replace(" ", "") == found["active"].replace(" ", "")
    for entry in found["logprobs"]:
        assert entry["logprob"] <= 0
        assert len(entry["top_logprobs"]) == 2
        assert entry["top_logprobs"][0]["logprob"] == pytest.approx(entry["logprob"], abs=1e-4)


@pytest.mark.vllm
def test_an_answer_keeps_to_a_schema(found: dict[str, Any]) -> None:
    assert json.loads(found["schema"])["city"] in {"上海", "Paris"}


@pytest.mark.vllm
def test_leaving_and_failing(found: dict[str, Any]) -> None:
    assert found["left"], "the engine goes on with an answer that nobody reads"
    long, slow, unknown = found["errors"]
    assert "takes 1024 with the answer" in long
    assert "did not finish within 0.2 s" in slow
    assert "no adapter 'writer'" in unknown
    assert "give reader, spare, none" in unknown


def test_without_vllm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vllm", None)
    monkeypatch.setitem(sys.modules, "vllm.platforms", None)
    with pytest.raises(MissingExtraError, match=r"openai:NAME.*pip install \"ragbot\[vllm\]\""):
        load_chat_model("vllm:some/model")


def pretend(monkeypatch: pytest.MonkeyPatch, device: str, error: Exception | None = None) -> None:
    """A vllm that finds ``device``, and whose engine does not start."""

    class Engine:
        @staticmethod
        def from_engine_args(_: Any) -> Any:
            raise error or AssertionError("it should not come so far")

    contents: dict[str, dict[str, Any]] = {
        "vllm": {},
        "vllm.platforms": {"current_platform": types.SimpleNamespace(device_type=device)},
        "vllm.config": {},
        "vllm.config.structured_outputs": {"StructuredOutputsConfig": dict},
        "vllm.engine": {},
        "vllm.engine.arg_utils": {"AsyncEngineArgs": dict},
        "vllm.v1": {},
        "vllm.v1.engine": {},
        "vllm.v1.engine.async_llm": {"AsyncLLM": Engine},
    }
    for name, values in contents.items():
        module = types.ModuleType(name)
        for key, value in values.items():
            setattr(module, key, value)
        monkeypatch.setitem(sys.modules, name, module)


def test_without_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, "")
    with pytest.raises(ModelNotFoundError, match=r"finds no GPU.*openai:NAME.*transformers:MODEL"):
        load_chat_model("vllm:some/model")


def test_a_model_that_cannot_be_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, "cuda", RuntimeError("no\nroom"))
    with pytest.raises(ModelNotFoundError, match=r"'some/model' \(no room\): check .*openai:NAME"):
        load_chat_model("vllm:some/model")


def test_options_that_it_does_not_take(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pretend(monkeypatch, "cuda")
    with pytest.raises(SettingsError, match=r"'4bit'.*float16.*stored quantised"):
        load_chat_model("vllm:some/model+dtype=4bit")
    (tmp_path / "adapter_model.safetensors").touch()
    (tmp_path / "adapter_config.json").write_text('{"peft_type": "LORA", "r": 1024}')
    with pytest.raises(SettingsError, match=r"rank 1024.*512 at most"):
        load_chat_model("vllm:some/model", adapters={"wide": str(tmp_path)})
    with pytest.raises(ModelNotFoundError, match="lacks adapter_config"):
        VllmEngine("m", {"a": str(tmp_path.parent)}, dtype="auto", context_tokens=None, slots=1, memory=0.9, gpus=1)
