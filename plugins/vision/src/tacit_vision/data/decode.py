"""From an encoded image to pixels, and what can be told without decoding."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, TypedDict

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

Resize: TypeAlias = Literal["crop", "stretch"]

PLAIN = {"L": 1, "RGB": 3}  # modes that are pixels as they stand, with their channels
DEEP = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")  # would be clipped, not scaled, to 8 bits
ORIENTATION = 0x0112
END = {"JPEG": b"\xff\xd9", "PNG": b"IEND"}


class Encoded(TypedDict):
    """An image as a table holds it: its file's content, or where the file is."""

    bytes: bytes | None
    path: str | None


@dataclass(frozen=True, kw_only=True)
class Header:
    """What an image says of itself, as it will be once upright."""

    mode: str
    height: int
    width: int


def name(image: Encoded, row: int) -> str:
    """What to call an image in a message."""
    return image["path"] or f"row {row}"


@contextmanager
def _opened(encoded: Encoded) -> Iterator[Image.Image]:
    content = encoded["bytes"]
    file = encoded["path"] if content is None else io.BytesIO(content)
    if file is None:
        raise ValueError("empty cell")
    try:
        with Image.open(file) as image:
            yield image
    except Exception as error:  # decoders raise anything on broken content
        raise ValueError(_reason(error)) from error


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, UnidentifiedImageError):
        return "not an image, or of an unknown format"
    return str(error) or type(error).__name__


def look(encoded: Encoded) -> Header:
    """The header of an image that is whole.

    Decodes only where the file does not end as its format should.

    Raises:
        ValueError: the image cannot be read; says why.
    """
    with _opened(encoded) as image:
        height, width = image.height, image.width
        if _orientation(image) >= 5:
            height, width = width, height
        header = Header(mode=image.mode, height=height, width=width)
        end = END.get(image.format or "")
        if end is None or end not in _tail(encoded):
            image.load()
        return header


def _tail(encoded: Encoded, length: int = 64) -> bytes:
    if (content := encoded["bytes"]) is not None:
        return content[-length:]
    assert encoded["path"] is not None
    with Path(encoded["path"]).open("rb") as file:
        file.seek(0, io.SEEK_END)
        file.seek(max(0, file.tell() - length))
        return file.read()


def _orientation(image: Image.Image) -> int:
    # Reading the tags costs more than the rest of the header; most images have none.
    return int(image.getexif().get(ORIENTATION, 1)) if "exif" in image.info else 1


def decode(
    encoded: Encoded, *, size: int | None, resize: Resize, channels: int | None
) -> UInt8[Tensor, "channels height width"]:
    """The pixels of an image, upright by its orientation tag.

    Args:
        encoded: the image.
        size: wanted height and width; None: as it is.
        resize: `crop` scales the shorter side to `size` and keeps the centre; `stretch` gives up
            the proportions. Bicubic, over all pixels that fall together.
        channels: 1 or 3 converts (transparency is dropped); None: as they are.

    Raises:
        ValueError: the image cannot be read; says why.
    """
    with _opened(encoded) as image:
        upright = ImageOps.exif_transpose(image) if _orientation(image) > 1 else image
        if channels is not None:
            upright = upright.convert("RGB" if channels == 3 else "L")
        if size is not None and resize == "crop":
            upright = ImageOps.fit(upright, (size, size), Image.Resampling.BICUBIC)
        elif size is not None:
            upright = upright.resize((size, size), Image.Resampling.BICUBIC)
        pixels = torch.from_numpy(np.array(upright))
    return pixels[None] if pixels.ndim == 2 else pixels.permute(2, 0, 1)
