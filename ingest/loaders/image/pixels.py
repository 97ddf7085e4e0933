"""Brings a picture of any mode into the one that text recognition reads: upright, 8 bits, grey or RGB, opaque."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PIXELS = 64_000_000  # 192 MB as RGB, more than phones and A3 scanners at 400 dots an inch give
_LIGHT = 128  # of 255


def plain(image: Image) -> Image:
    """The current frame of ``image``, decoded; its EXIF orientation is followed.

    The caller has checked that it has at most ``MAX_PIXELS``; decoding raises what Pillow raises on damaged data.
    """
    import PIL.Image
    from PIL import ImageOps

    image.load()
    turned = ImageOps.exif_transpose(image)
    if turned.mode.startswith(("I", "F")):
        return PIL.Image.fromarray(_eight_bits(turned))
    if "transparency" in turned.info or "A" in turned.getbands():
        return _opaque(turned.convert("RGBA"))
    return turned.convert("L" if turned.mode in ("1", "L") else "RGB")


def _eight_bits(image: Image) -> np.ndarray:
    """16 and 32 bits (scanners), stretched from the darkest to the lightest: Pillow's own conversion cuts off."""
    values = np.nan_to_num(np.asarray(image, dtype=np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    return ((values - low) * (255 / (high - low) if high > low else 0.0)).astype(np.uint8)


def _opaque(image: Image) -> Image:
    """On white, or on black where what can be seen is light: white letters on a transparent ground stay legible."""
    import PIL.Image

    pixels = np.asarray(image)
    visible = pixels[..., 3] > 0
    light = bool(visible.any()) and float(pixels[..., :3][visible].mean()) > _LIGHT and not visible.all()
    ground = PIL.Image.new("RGBA", image.size, (0, 0, 0, 255) if light else (255, 255, 255, 255))
    return PIL.Image.alpha_composite(ground, image).convert("RGB")
