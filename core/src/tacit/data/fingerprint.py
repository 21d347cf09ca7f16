"""A short name for content, the same on every machine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass

import torch
from torch import Tensor


def fingerprint(*parts: object) -> str:
    """16 hexadecimal digits that change when the content changes.

    Args:
        parts: tensors, strings, bytes, numbers, None, and sequences, mappings and dataclasses of
            these.

    Raises:
        TypeError: a value of another kind, whose content is not known.
    """
    digest = hashlib.sha256()
    for piece in _pieces(parts):
        digest.update(len(piece).to_bytes(8, "little"))
        digest.update(piece)
    return digest.hexdigest()[:16]


def _pieces(value: object) -> Iterator[bytes]:
    if isinstance(value, Tensor):
        plain = value.detach().cpu().contiguous()
        yield f"tensor {plain.dtype} {tuple(plain.shape)}".encode()
        yield plain.reshape(-1).view(torch.uint8).numpy().tobytes()
    elif isinstance(value, bytes):
        yield value
    elif value is None or isinstance(value, (str, bool, int, float)):
        yield repr(value).encode()
    elif isinstance(value, Mapping):
        for key in sorted(value):
            yield from _pieces((key, value[key]))
    elif isinstance(value, (tuple, list)):
        yield f"sequence {len(value)}".encode()
        for item in value:
            yield from _pieces(item)
    elif is_dataclass(value):
        for field in fields(value):
            yield from _pieces((field.name, getattr(value, field.name)))
    else:
        raise TypeError(
            f"no fingerprint of a {type(value).__name__}: override the source's fingerprint()"
        )
