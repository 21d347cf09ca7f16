"""Whether a file is as long as it says.

Of uncompressed files libsndfile takes what is there for all there was; compressed ones it refuses
itself.
"""

from __future__ import annotations

HEAD = 12
"""Bytes of a file that are enough to tell."""

_UNKNOWN = frozenset({0, 2**31 - 1, 2**32 - 1, 2**32 - 1 - 8})
"""What writers put who cannot go back to tell the length, into a pipe for instance."""


def missing(head: bytes, size: int) -> int:
    """How many bytes a file lacks of what its first bytes say; 0 where they do not say.

    Args:
        head: the first `HEAD` bytes.
        size: of the file.

    Source: the headers of RIFF (WAV), IFF (AIFF) and Sun's AU.
    """
    said = _said(head)
    # Of an odd number of bytes some writers leave out the one that makes it even.
    return 0 if said is None or size >= said - 1 else said - size


def _said(head: bytes) -> int | None:
    kind, number, form = head[:4], head[4:8], head[8:12]
    if kind == b"RIFF" and form == b"WAVE":
        length = int.from_bytes(number, "little")
        return None if length in _UNKNOWN else length + 8
    if kind == b"FORM" and form in (b"AIFF", b"AIFC"):
        length = int.from_bytes(number, "big")
        return None if length in _UNKNOWN else length + 8
    if kind == b".snd":
        length = int.from_bytes(form, "big")
        return None if length in _UNKNOWN else int.from_bytes(number, "big") + length
    return None
