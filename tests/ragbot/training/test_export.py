"""Adapters and their base as one model."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from ragbot.errors import ModelNotFoundError, RagbotError, UserError  # noqa: E402
from ragbot.training.export import GGUF, base_name, export_model  # noqa: E402
from ragbot.training.reader.methods import adapted, save  # noqa: E402
from ragbot.training.reader.plan import ReaderPlan  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def adapter(tmp_path: Path, tiny_gemma: Path) -> Path:
    model = adapted(tiny_gemma, ReaderPlan(rank=4, compiled=False, int8=False))
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    save(model, None, tmp_path / "adapter", str(tiny_gemma))
    return tmp_path / "adapter"


def test_the_merged_model_computes_what_the_adapter_does(adapter: Path, tiny_gemma: Path, tmp_path: Path) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    assert base_name(adapter) == str(tiny_gemma)
    folder = export_model(adapter, tmp_path / "new" / "merged")
    assert folder == tmp_path / "new" / "merged" and list(folder.glob("*.safetensors"))
    merged = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    bare = AutoModelForCausalLM.from_pretrained(tiny_gemma, dtype=torch.float32)
    ids = torch.tensor([AutoTokenizer.from_pretrained(folder)("The harbour, 港口.")["input_ids"]])
    with torch.no_grad():
        base, found = bare(ids).logits, merged(ids).logits
        adapted_ = PeftModel.from_pretrained(bare, str(adapter))(ids).logits
    assert float((found - adapted_).norm() / adapted_.norm()) < 0.05 < float((base - adapted_).norm() / adapted_.norm())
    with pytest.raises(UserError, match="is there already"):
        export_model(adapter, folder)
    whole = export_model(folder, tmp_path / "again")  # of full fine-tuning: nothing to merge
    assert list(whole.glob("*.safetensors"))


def test_gguf_is_left_to_llama_cpp(adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="--format merged"):
        export_model(adapter, tmp_path / "x", "gguf")
    with pytest.raises(UserError, match="there is no such file"):
        export_model(adapter, tmp_path / "x", "gguf", converter=tmp_path / "missing.py")
    script = tmp_path / "convert_hf_to_gguf.py"
    script.write_text(
        "import sys, pathlib\nfolder, _, target, _, kind = sys.argv[1:]\n"
        "assert kind == 'bf16' and list(pathlib.Path(folder).glob('*.safetensors'))\n"
        "pathlib.Path(target).write_bytes(b'GGUF')\n",
        encoding="utf-8",
    )
    script.chmod(0o755)
    found = export_model(adapter, tmp_path / "x", "gguf")  # on the PATH
    assert found == tmp_path / "x" / GGUF and found.read_bytes() == b"GGUF"
    script.write_text("raise SystemExit('no module named mistral')", encoding="utf-8")
    with pytest.raises(RagbotError, match=r"no module named mistral.*requirements"):
        export_model(adapter, tmp_path / "y", "gguf", converter=script)
    assert not (tmp_path / "y").exists() and sys.executable


def test_what_cannot_be_exported_is_said(adapter: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="merged, gguf"):
        export_model(adapter, tmp_path / "x", "onnx")
    with pytest.raises(ModelNotFoundError, match="holds no adapter"):
        export_model(tmp_path, tmp_path / "x")
    text = (adapter / "adapter_config.json").read_text(encoding="utf-8")
    (adapter / "adapter_config.json").write_text(text.replace('"LORA"', '"PREFIX_TUNING"'), encoding="utf-8")
    with pytest.raises(ModelNotFoundError, match="only LORA"):
        export_model(adapter, tmp_path / "x")
    assert not list(tmp_path.glob("x*"))
