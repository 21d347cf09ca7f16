"""What settings of views have in common."""

from __future__ import annotations


def check_share(name: str, value: float, least: float = 0.0) -> None:
    """Refuse a share or probability out of range.

    Raises:
        ValueError: it is not between `least` and 1.
    """
    if not least <= value <= 1:
        raise ValueError(f"{name}: wanted {least:g} to 1; got {value}")
