"""An adapter in PEFT's format, added to the weights of multilingual-e5-small without torch."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from ragbot.errors import ModelNotFoundError
from ragbot.models.embedders.e5_weights import E5Weights, Floats

ADAPTER, CONFIG = "adapter_model.safetensors", "adapter_config.json"
_PREFIX = "base_model.model.encoder.layer."
#: PEFT's names of the layers, and those of the weights' file.
PARTS = {
    "attention.self.query": "q",
    "attention.self.key": "k",
    "attention.self.value": "v",
    "attention.output.dense": "ao",
    "intermediate.dense": "fi",
    "output.dense": "fo",
}


class AdaptedWeights:
    """The tensors of a model with low-rank products added to some of its matrices."""

    def __init__(self, base: E5Weights, products: dict[str, Floats]) -> None:
        self.hidden, self.ffn, self.heads, self.layers = base.hidden, base.ffn, base.heads, base.layers
        self.epsilon = base.epsilon
        self._base, self._products = base, products

    def vector(self, name: str) -> Floats:
        """As the base model's."""
        return self._base.vector(name)

    def matrix(self, name: str, columns: int) -> Floats:
        """The base model's matrix, with what the adapter adds to it."""
        matrix = self._base.matrix(name, columns)
        product = self._products.get(name)
        return matrix if product is None else matrix + product


def adapted(base: E5Weights, path: Path) -> tuple[AdaptedWeights, dict[str, Floats]]:
    """The base model with the adapter in ``path`` (and its configuration beside it), and the other tensors: heads.

    Raises:
        ModelNotFoundError: the files are not what PEFT writes for this model.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        tensors = load_file(path)
        config = json.loads(path.with_name(CONFIG).read_text(encoding="utf-8"))
        scale = float(config["lora_alpha"]) / int(config["r"])
        products, heads = {}, {}
        for name, tensor in tensors.items():
            if name.endswith(".lora_A.weight"):
                layer, _, part = name.removeprefix(_PREFIX).removesuffix(".lora_A.weight").partition(".")
                other = tensors[name.replace(".lora_A.", ".lora_B.")]
                product = scale * other.astype(np.float32) @ tensor.astype(np.float32)
                products[f"l{int(layer)}.{PARTS[part]}.w"] = product
            elif not name.endswith(".lora_B.weight"):
                heads[name] = tensor.astype(np.float32)
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise ModelNotFoundError(
            f"{path} is no adapter of multilingual-e5-small ({error!r}): restore it, or train one with "
            "ragbot train reranker"
        ) from error
    return AdaptedWeights(base, products), heads


def adapter_folder(name: str) -> Path:
    """Where an adapter that ragbot ships is: ``data/adapters`` beside the code, or inside the installed package."""
    package = Path(__file__).parents[2]
    shipped = package / "adapters" / name
    return shipped if shipped.is_dir() else package.parent / "data" / "adapters" / name
