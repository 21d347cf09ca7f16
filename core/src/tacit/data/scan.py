"""Unreadable items are found before anything starts, all of them at once."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal, TypeAlias

OnError: TypeAlias = Literal["raise", "skip"]
"""`raise`: one unreadable item is an error that lists the first of them. `skip`: they are left
out, counted and reported."""

SHOWN = 5
CHUNK = 64


@dataclass(frozen=True, kw_only=True)
class Scan:
    """What a look at every item found.

    Args:
        kept: positions of the readable items, ascending.
        skipped: the others, each with its reason.
    """

    kept: tuple[int, ...]
    skipped: tuple[str, ...]


def scan(
    count: int,
    problem: Callable[[int], str | None],
    *,
    what: str,
    on_error: OnError = "raise",
    threads: int = 8,
) -> Scan:
    """Look at every item before any is used.

    Args:
        count: number of items.
        problem: what is wrong with the item at a position, naming it, or None. Runs in threads.
        what: what the items are, in the plural, for messages.
        on_error: whether unreadable items are an error or left out.
        threads: reading waits more than it computes, so the default exceeds most core counts.

    Raises:
        ValueError: unreadable items under `raise`, or nothing readable at all.
    """
    starts = range(0, count, CHUNK)
    with ThreadPoolExecutor(threads) as pool:
        chunks = pool.map(
            lambda at: [problem(i) for i in range(at, min(at + CHUNK, count))], starts
        )
        answers = [answer for chunk in chunks for answer in chunk]
    skipped = tuple(answer for answer in answers if answer is not None)
    kept = tuple(position for position, answer in enumerate(answers) if answer is None)
    report(skipped, count, what=what, on_error=on_error)
    return Scan(kept=kept, skipped=skipped)


def report(skipped: tuple[str, ...], count: int, *, what: str, on_error: OnError) -> None:
    """Raise or warn about items that could not be read; silent if there are none.

    Raises:
        ValueError: under `raise`, or when no item is left.
    """
    if not skipped:
        return
    more = f"\n  ... and {len(skipped) - SHOWN:,} more" if len(skipped) > SHOWN else ""
    listed = "".join(f"\n  {item}" for item in skipped[:SHOWN]) + more
    if len(skipped) == count:
        raise ValueError(f"none of the {count:,} {what} can be read:{listed}")
    if on_error == "raise":
        raise ValueError(
            f"{len(skipped):,} of {count:,} {what} cannot be read:{listed}\n"
            'Mend or remove them, or set on_error="skip" to leave them out'
        )
    warnings.warn(f"left out {len(skipped):,} of {count:,} {what}:{listed}", stacklevel=3)
