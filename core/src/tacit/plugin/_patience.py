"""Waiting for a plugin, but not for ever, and keeping what it prints out of what we print."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from typing import TypeVar

T = TypeVar("T")
_PATIENCE_S = 15.0  # a light module takes milliseconds; a heavy one on a cold disk, seconds
_LOOK_S = 0.1


def patience() -> float:
    """The seconds a plugin has for each thing it is asked: ``TACIT_PATIENCE``, or 15.

    Raises:
        ValueError: the variable is no number above zero.
    """
    given = os.environ.get("TACIT_PATIENCE") or _PATIENCE_S
    try:
        seconds = float(given)
    except ValueError:
        seconds = 0.0
    if not seconds > 0:
        raise ValueError(f"TACIT_PATIENCE: wanted seconds, above 0; got {given!r}")
    return seconds


def ask(work: Callable[[], T], seconds: float) -> T:
    """Do what a plugin is asked for, with its standard output going to standard error.

    In a thread of its own, since nothing else gets back from code that waits for a network. A
    thread cannot be ended: one that hangs is left behind and ends with the process.

    Args:
        work: what to do.
        seconds: how long to wait. Time in which this process was stopped does not count.

    Raises:
        TimeoutError: it took longer.
    """
    answers: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            answers.append(work())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True, name="tacit: a plugin is asked")
    with redirect_stdout(sys.stderr):
        thread.start()
        _wait(thread, seconds)
    if thread.is_alive():
        raise TimeoutError(f"no answer in {seconds:g} s (TACIT_PATIENCE sets how long to wait)")
    if errors:
        raise errors[0]
    return answers[0]


@contextmanager
def named_while_slow(what: str, *, times: float = 1.0) -> Iterator[None]:
    """Say among the errors who is waited for, once it takes longer than what a plugin has.

    For what nobody may break off: an import may be heavy, an upload long.

    Args:
        what: is waited for.
        times: a plugin's patience is waited before it is said.
    """
    seconds = times * patience()
    told = f"tacit: still waiting for {what}, after {seconds:g} s"
    watch = threading.Timer(seconds, print, (told,), {"file": sys.stderr, "flush": True})
    watch.daemon = True
    watch.start()
    try:
        yield
    finally:
        watch.cancel()


def _wait(thread: threading.Thread, seconds: float) -> None:
    waited = 0.0
    while thread.is_alive() and waited < seconds:
        before = time.monotonic()
        thread.join(min(_LOOK_S, seconds - waited))
        waited += min(time.monotonic() - before, 2 * _LOOK_S)
