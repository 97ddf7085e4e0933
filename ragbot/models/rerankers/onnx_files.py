"""The files of a cross-encoder for ONNX Runtime: found in a folder or on the hub, or made once into the cache."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragbot.errors import ModelNotFoundError
from ragbot.models import hf
from ragbot.models.bundled import build_once
from ragbot.models.cpu import has_vnni
from ragbot.models.rerankers.onnx_int8 import quantize

ALTERNATIVES = 'choose another reranker: "sentence-transformers:MODEL" runs the same model in torch'
#: Changes whenever what is built from the same files does.
FORMAT = "v1"
GRAPH, TOKENIZER, LIMITS = "model.onnx", "tokenizer.json", "limits.json"
#: Quantised graphs as hub repositories name them, the fastest first; on other CPUs the products of signed bytes
#: overflow or are slow.
WITH_VNNI = ("model_qint8_avx512_vnni.onnx", "model_quantized.onnx", "model_int8.onnx", "model_quint8_avx2.onnx")
WITHOUT_VNNI = ("model_quint8_avx2.onnx", "model_uint8.onnx", "model_quantized.onnx", "model_qint8_arm64.onnx")
FLOAT_GRAPH = "model.onnx"
#: Where a model names no limit.
DEFAULT_MAX_TOKENS = 512
#: Models whose first position is behind that of padding.
SHIFTED_POSITIONS = frozenset({"roberta", "xlm-roberta", "xlm-roberta-xl", "camembert"})
CONFIGS = (
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "sentencepiece.bpe.model",
)


@dataclass(frozen=True)
class OnnxFiles:
    """What a session needs. ``max_tokens`` is the longest pair."""

    name: str
    graph: Path
    tokenizer: Path
    max_tokens: int


def locate(model: str) -> OnnxFiles:
    """The files of ``model``, a folder or a hub name.

    A quantised graph in its folder ``onnx/`` is taken as it is. Else a float graph there, and without one the
    *.safetensors weights, are made int8 once, into the cache (the latter needs ``ragbot[hf]``).

    Raises:
        ModelNotFoundError: it cannot be found, fetched or read.
        MissingExtraError: it has to be exported, and torch or transformers is not installed.
        StorageError: the cache cannot be written to.
    """
    folder, name = _folder(model)
    quantised = next((path for path in map(folder.joinpath, _graph_names()) if path.is_file()), None)
    if quantised and (folder / TOKENIZER).is_file():
        return OnnxFiles(name, quantised, folder / TOKENIZER, _max_tokens(folder))
    signed = has_vnni()
    built = build_once(
        f"reranker-{_hash(folder)}-{'s8' if signed else 'u8'}-{FORMAT}", lambda into: _build(folder, name, into, signed)
    )
    limits = json.loads((built / LIMITS).read_text(encoding="utf-8"))
    return OnnxFiles(name, built / GRAPH, built / TOKENIZER, int(limits["max_tokens"]))


def _graph_names() -> list[str]:
    names = WITH_VNNI if has_vnni() else WITHOUT_VNNI
    return [f"{prefix}{name}" for name in names for prefix in ("onnx/", "")]


def _folder(model: str) -> tuple[Path, str]:
    """Where the model lies on this machine, and its name; from the hub its smallest sufficient part is fetched."""
    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder, folder.resolve().name
    if model.startswith((".", "/", "~")):
        raise ModelNotFoundError(f"there is no folder {model}: give the folder of a cross-encoder, or {ALTERNATIVES}")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    offline = hf.local_only(model)

    def fetch(*patterns: str) -> Path:
        return Path(snapshot_download(model, allow_patterns=[*CONFIGS, *patterns], local_files_only=offline))

    try:
        found = fetch(*_graph_names())
        if not any((found / name).is_file() for name in _graph_names()):
            found = fetch(f"onnx/{FLOAT_GRAPH}", f"onnx/{FLOAT_GRAPH}_data")
        if not list(found.rglob("*.onnx")):
            found = fetch("*.safetensors", "*.safetensors.index.json")
    except (OSError, ValueError, HFValidationError, HfHubHTTPError, LocalEntryNotFoundError) as error:
        reason = " ".join(str(error).split())[:300]
        raise ModelNotFoundError(
            f"cannot fetch the cross-encoder {model!r} ({reason}). Check the name and the connection to the hub (with "
            f"HF_HUB_OFFLINE only what is in the local cache is found), give a folder that holds it, or {ALTERNATIVES}"
        ) from error
    return found, model


def _build(folder: Path, name: str, into: Path, signed: bool) -> None:
    import onnx

    source = next((path for path in (folder / "onnx" / FLOAT_GRAPH, folder / FLOAT_GRAPH) if path.is_file()), None)
    work = into / "work"
    work.mkdir()
    try:
        if source is None:
            from ragbot.models.rerankers.onnx_export import export

            source = work / FLOAT_GRAPH
            max_tokens = export(folder, source, into / TOKENIZER)
        else:
            max_tokens = _max_tokens(folder)
            _copy_tokenizer(folder, name, into)
        model = _read(onnx, source)
        if not quantize(model, signed):
            raise ModelNotFoundError(f"{source} holds no matrix to quantise: it is no cross-encoder. {ALTERNATIVES}")
        onnx.save_model(model, str(into / GRAPH))
        _try(into / GRAPH, name)
    finally:
        shutil.rmtree(work)
    (into / LIMITS).write_text(json.dumps({"max_tokens": max_tokens}), encoding="utf-8")


def _read(onnx: Any, path: Path) -> Any:
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        return onnx.load(str(path))
    except (DecodeError, ValueError) as error:
        raise ModelNotFoundError(f"{path} is damaged ({error}): fetch it again, or {ALTERNATIVES}") from error


def _try(graph: Path, name: str) -> None:
    """Run the graph once: better it fails now than at the first question."""
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
        session.run(None, {item.name: np.ones((1, 8), np.int64) for item in session.get_inputs()})
    except Exception as error:  # ONNX Runtime's own exceptions have no common base
        reason = " ".join(str(error).split())[:300]
        raise ModelNotFoundError(f"{name} does not run as an int8 graph ({reason}): {ALTERNATIVES}") from error


def _copy_tokenizer(folder: Path, name: str, into: Path) -> None:
    if not (folder / TOKENIZER).is_file():
        raise ModelNotFoundError(f"{name} lacks {TOKENIZER}, which its ONNX graph needs: add it, or {ALTERNATIVES}")
    shutil.copyfile(folder / TOKENIZER, into / TOKENIZER)


def _max_tokens(folder: Path) -> int:
    """The longest pair, by the tokenizer's limit and the positions that the model has."""
    config, tokenizer = _json(folder / "config.json"), _json(folder / "tokenizer_config.json")
    positions = int(config.get("max_position_embeddings") or 0)
    if config.get("model_type") in SHIFTED_POSITIONS:
        positions -= int(config.get("pad_token_id") or 0) + 1
    limits = [int(limit) for limit in (positions, tokenizer.get("model_max_length") or 0) if 0 < limit < 10**9]
    return min(limits, default=DEFAULT_MAX_TOKENS)


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ModelNotFoundError(f"{path} cannot be read ({error}): fetch the model again") from error
    return value if isinstance(value, dict) else {}


def _hash(folder: Path) -> str:
    """Sixteen hexadecimal digits over the configs, and over the sizes and samples of the weights.

    The weights' samples (64 of 4 KiB) tell fine-tuned models apart; reading gigabytes at each start would take seconds.
    """
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.suffix in {".json", ".safetensors", ".onnx"}):
        size = path.stat().st_size
        digest.update(f"{path.relative_to(folder).as_posix()} {size}\n".encode())
        with path.open("rb") as file:
            for begin in range(0, size, max(size // 64, 4096)):
                file.seek(begin, os.SEEK_SET)
                digest.update(file.read(4096))
    return digest.hexdigest()[:16]
