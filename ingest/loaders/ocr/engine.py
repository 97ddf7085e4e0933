"""Text recognition (OCR): what is written on a picture, line by line, in Chinese and English without a setting.

By RapidOCR with the PP-OCR models that come inside its wheel: nothing is ever downloaded. One engine serves the process,
made when the first picture comes, with as many threads as the process has cores.
"""

from __future__ import annotations

import os
import threading
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ingest.loaders.cleaning import clean
from ragbot.errors import LoaderError

if TYPE_CHECKING:
    from PIL.Image import Image

MIN_CONFIDENCE = 0.6  # of a line, from 0 to 1; patterns and photographs taken for writing stay below it
MAX_OCR_PAGES = 500  # of one file: at some five seconds a page that is three quarters of an hour
# The models. Their paths are given to the engine, for without one it may fetch them.
_MODELS = {
    "Det": "PP-OCRv6_det_small.onnx",
    "Rec": "PP-OCRv6_rec_small.onnx",
    "Cls": "ch_ppocr_mobile_v2.0_cls_mobile.onnx",
}
_DETECTION_SIDE = 1280  # lines are found on a smaller copy: a third of the time, and on a page no line is lost
_MAX_SIDE = 4000  # lines are read at full size up to this; memory stays below 1 GiB
_LONG = 2.5  # a picture that is longer than this many times its width is read in pieces: a screenshot of a whole page
_PIECE = 1.5  # the height of a piece, in widths
_MIN_CONTRAST = 12  # grey levels (of 255) between the darkest and the lightest; below, the picture is blank
_LOCK = threading.Lock()  # the engine keeps state while it works


@dataclass(frozen=True, slots=True)
class RecognisedLine:
    """A line of text, its box in pixels from the picture's upper left corner, and how sure the engine is (0 to 1)."""

    text: str
    left: float
    top: float
    right: float
    bottom: float
    confidence: float


def is_installed() -> bool:
    """Whether the optional packages of text recognition are there."""
    return find_spec("rapidocr") is not None


def missing(name: str) -> LoaderError:
    """The error for the file ``name``, which cannot be read without text recognition."""
    return LoaderError(
        f'{name} holds pictures of text, and text recognition is not installed: pip install "ragbot[ocr]", then ingest '
        "it again"
    )


def recognise(image: Image, name: str) -> list[RecognisedLine]:
    """The lines on ``image`` (8 bits, grey or RGB) of the file ``name``; those below ``MIN_CONFIDENCE`` are left out.

    Raises:
        LoaderError: the engine is broken, or its models are not where its wheel puts them.
    """
    found: list[RecognisedLine] = []
    for top, piece in _pieces(image):
        if _is_blank(piece):
            continue
        factor = max(1.0, max(piece.size) / _MAX_SIDE)
        if factor > 1:
            piece = piece.resize((max(1, round(piece.width / factor)), max(1, round(piece.height / factor))))
        try:
            found.extend(_read(np.ascontiguousarray(np.asarray(piece.convert("RGB"))[:, :, ::-1]), factor, top))
        except LoaderError as error:
            raise LoaderError(f"{name} cannot be read: {error}") from error
    return found


def _read(pixels: Any, factor: float, top: int) -> Iterator[RecognisedLine]:
    with _LOCK:
        try:
            result = _engine()(pixels)
        except LoaderError:
            raise
        except Exception as error:  # OpenCV, ONNX Runtime and RapidOCR have each their own tree
            raise LoaderError(f"text recognition failed ({type(error).__name__}: {str(error)[-200:]})") from error
    if result.txts is None or result.boxes is None:
        return
    for text, score, box in zip(result.txts, result.scores, result.boxes, strict=True):
        words = unicodedata.normalize("NFC", " ".join(clean(text).split()))
        if words and score >= MIN_CONFIDENCE:
            xs, ys = box[:, 0] * factor, box[:, 1] * factor + top
            yield RecognisedLine(
                words, float(xs.min()), float(ys.min()), float(xs.max()), float(ys.max()), float(score)
            )


def _is_blank(image: Image) -> bool:
    low, high = image.convert("L").getextrema()
    return bool(high - low < _MIN_CONTRAST)  # type: ignore[operator]  # of one band these are numbers


def _pieces(image: Image) -> Iterator[tuple[int, Image]]:
    """``(top, piece)``: a long picture is cut where a row of pixels is the plainest, between two lines of text."""
    width, height = image.size
    step = max(64, round(_PIECE * width))
    top = 0
    if height > _LONG * width and height > _MAX_SIDE // 2:
        grey = image.convert("L")
        while height - top > step * 1.3:
            near = np.asarray(grey.crop((0, top + step - step // 4, width, top + step)), dtype=np.int16)
            unrest = np.abs(np.diff(near, axis=1)).sum(axis=1)
            cut = top + step - step // 4 + int(unrest.shape[0] - 1 - np.argmin(unrest[::-1]))
            cut = max(top + 1, cut)
            yield top, image.crop((0, top, width, cut))
            top = cut
    yield top, image.crop((0, top, width, height)) if top else image


@lru_cache(maxsize=1)
def _engine() -> Any:
    import cv2
    import rapidocr

    folder = Path(rapidocr.__file__).parent / "models"
    absent = [name for name in _MODELS.values() if not (folder / name).is_file()]
    if absent:
        raise LoaderError(
            f"text recognition lacks its model {absent[0]}, which comes with the package: "
            'pip install --force-reinstall "ragbot[ocr]"'
        )
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    cv2.setNumThreads(cores)
    return rapidocr.RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.text_score": 0.0,  # MIN_CONFIDENCE is ours
            "Global.max_side_len": _MAX_SIDE,
            "Det.limit_type": "max",
            "Det.limit_side_len": _DETECTION_SIDE,
            "Rec.rec_batch_num": 1,  # more lines at once are no faster on a CPU, and each is padded to the longest
            "EngineConfig.onnxruntime.intra_op_num_threads": cores,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            **{f"{part}.model_path": str(folder / name) for part, name in _MODELS.items()},
        }
    )
