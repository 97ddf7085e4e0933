"""Draws pictures of text for the tests, in fonts that the machine has."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

_CHINESE_FONTS = (
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    "/System/Library/Fonts/PingFang.ttc",
    "C:/Windows/Fonts/msyh.ttc",
)


def picture(text: Sequence[str], size: int = 32, width: int = 640) -> Image.Image:
    """Black on white, one line below the other; skips the test where Chinese is asked for and no font has it."""
    image = Image.new("RGB", (width, 60 + 2 * size * len(text)), "white")
    draw = ImageDraw.Draw(image)
    font = _font("".join(text), size)
    for number, line in enumerate(text):
        draw.text((30, 30 + number * 2 * size), line, fill="black", font=font)
    return image


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    """The file of ``image``."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _font(text: str, size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    if text.isascii():
        return ImageFont.load_default(size)
    for path in _CHINESE_FONTS:
        if Path(path).is_file():
            return ImageFont.truetype(path, size)
    pytest.skip("no Chinese font on this machine: install fonts-noto-cjk")
