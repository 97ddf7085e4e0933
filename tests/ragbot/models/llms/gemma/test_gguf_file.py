"""Reading GGUF: the header, and the blocks of each quantisation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ragbot.errors import ModelNotFoundError
from ragbot.models.llms.gemma.dequantize import BLOCKS
from ragbot.models.llms.gemma.gguf_file import GgufFile
from ragbot.models.llms.gemma.weights import GgufWeights


def test_metadata_and_tensors_come_back(gguf: Path) -> None:
    file = GgufFile(gguf)
    assert file.metadata["general.architecture"] == "gemma3"
    assert file.metadata["tokenizer.ggml.tokens"][1] == "<eos>"
    assert "上海" in file.metadata["tokenizer.ggml.tokens"]
    assert file.metadata["gemma3.rope.freq_base"] == pytest.approx(1e6)
    whole = file.tensor("token_embd.weight")
    assert whole.shape == (len(file.metadata["tokenizer.ggml.tokens"]), 64)
    assert np.array_equal(file.tensor("token_embd.weight", [7, 2]), whole[[7, 2]])


@pytest.mark.parametrize("kind", BLOCKS, ids=lambda kind: BLOCKS[kind].name)
def test_blocks_are_unpacked_as_the_reference_does(kind: int) -> None:
    quants = pytest.importorskip("gguf.quants")
    constants = pytest.importorskip("gguf.constants")
    block = BLOCKS[kind]
    reference_kind = constants.GGMLQuantizationType(kind)
    assert reference_kind.name == block.name
    assert constants.GGML_QUANT_SIZES[reference_kind] == (block.values, block.size)
    packed = np.random.default_rng(0).integers(0, 256, (50, block.size), np.uint8)
    with np.errstate(all="ignore"):  # random bytes make random scales, infinite ones among them
        ours, reference = block.unpack(packed), quants.dequantize(packed, reference_kind)
    assert ours.dtype == np.float32
    assert np.array_equal(ours, reference.reshape(ours.shape), equal_nan=True)


def test_what_is_no_gguf_file_is_told(tmp_path: Path, gguf: Path) -> None:
    (tmp_path / "other").write_bytes(b"PK\x03\x04 and so on")
    with pytest.raises(ModelNotFoundError, match="not a GGUF file"):
        GgufFile(tmp_path / "other")
    (tmp_path / "short").write_bytes(gguf.read_bytes()[:400])
    with pytest.raises(ModelNotFoundError, match="get the file again"):
        GgufFile(tmp_path / "short")
    (tmp_path / "cut").write_bytes(gguf.read_bytes()[:-5000])
    with pytest.raises(ModelNotFoundError, match="ends within"):
        GgufFile(tmp_path / "cut").tensor("token_embd.weight")
    with pytest.raises(ModelNotFoundError, match="no tensor 'nothing'"):
        GgufFile(gguf).tensor("nothing")


def test_another_version_or_architecture_is_told(tmp_path: Path, gguf: Path) -> None:
    data = gguf.read_bytes()
    (tmp_path / "v9").write_bytes(data[:4] + b"\x09" + data[5:])
    with pytest.raises(ModelNotFoundError, match="version 9"):
        GgufFile(tmp_path / "v9")
    (tmp_path / "llama").write_bytes(data.replace(b"gemma3", b"llamas", 1).replace(b"gemma3\x00", b"gemma3\x00"))
    file = GgufFile(gguf)
    file.metadata["general.architecture"] = "llama"
    with pytest.raises(ModelNotFoundError, match="'llama', where gemma3"):
        GgufWeights(file)
