"""A check: a name, one claim, and a function that fails where the claim is untrue of a subject."""

from __future__ import annotations

import traceback
import unittest
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

State: TypeAlias = Literal["passed", "failed", "skipped"]


class Skipped(unittest.SkipTest):
    """The check does not apply to the subject, or cannot run here; pytest and unittest skip it."""


@dataclass(frozen=True)
class Check:
    """One claim about a kind of subject.

    Args:
        run: raises where the claim is untrue, `Skipped` where it means nothing. Its name is the
            check's, the first line of its docstring the claim.
        slow: takes seconds; left out of a quick run.
    """

    run: Callable[[Any], None]
    slow: bool = False

    @property
    def name(self) -> str:
        """What reports call it."""
        return self.run.__name__.strip("_").replace("_", "-")

    @property
    def claim(self) -> str:
        """What is true of a subject that passes."""
        return (self.run.__doc__ or "").strip().partition("\n")[0]


@dataclass(frozen=True)
class Case:
    """A check on a subject; calling it runs it, so that a test is one line.

    Args:
        kind: of the subject: `encoders`, `methods` ...
        subject: its name.
        check: the claim.
        thing: the subject.
    """

    kind: str
    subject: str
    check: Check
    thing: Any = field(repr=False)
    _results: list[Result] = field(default_factory=list, init=False, repr=False, compare=False)

    def __str__(self) -> str:
        return f"{self.subject}: {self.check.name}"

    def __call__(self) -> None:
        """Run the check, with torch's random state as it was afterwards.

        Raises:
            Skipped: it does not apply; the message says why.
            Exception: the claim is untrue.
        """
        import torch

        try:
            with torch.random.fork_rng(devices=[]), _single_thread():
                torch.manual_seed(0)
                self.check.run(self.thing)
        except unittest.SkipTest as skip:
            self._results.append(self._became("skipped", str(skip)))
            raise
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            at = f"{place.filename.rpartition('/')[2]}:{place.lineno}"
            self._results.append(self._became("failed", f"{type(error).__name__}: {error} ({at})"))
            raise
        self._results.append(self._became("passed", ""))

    def result(self) -> Result:
        """What became of the check, which is run unless it has been; raises nothing."""
        if not self._results:
            with warnings.catch_warnings(), suppress(unittest.SkipTest, Exception):
                warnings.simplefilter("ignore")
                self()
        return self._results[-1]

    def _became(self, state: State, reason: str) -> Result:
        return Result(
            kind=self.kind,
            subject=self.subject,
            check=self.check.name,
            claim=self.check.claim,
            state=state,
            reason=" ".join(reason.split()),
        )


@dataclass(frozen=True, kw_only=True)
class Result:
    """What became of a case.

    Args:
        kind: of the subject.
        subject: its name.
        check: the check's name.
        claim: what it claims.
        state: passed, failed or skipped.
        reason: why it failed or was skipped.
    """

    kind: str
    subject: str
    check: str
    claim: str
    state: State
    reason: str = ""


@dataclass(frozen=True)
class Report:
    """The results of a package, and whether they are enough to mean anything.

    A suite that skips everything is green too; so a share of the checks must have run, and of each
    kind of offers some, but where all of a kind need settings that nobody can guess: a path, say.

    Args:
        results: of every case.
        floor: smallest share of the checks that must have run.
    """

    results: Sequence[Result]
    floor: float = 0.5

    def of(self, state: State) -> tuple[Result, ...]:
        """The results of one state."""
        return tuple(result for result in self.results if result.state == state)

    @property
    def ran(self) -> int:
        """Checks that were not skipped."""
        return len(self.results) - len(self.of("skipped"))

    @property
    def shortfall(self) -> str:
        """Why too little has run; empty if enough has."""
        if not self.results:
            return "there was nothing to check"
        if self.ran < self.floor * len(self.results):
            return f"only {self.ran} of {len(self.results)} checks ran, wanted {self.floor:.0%}"
        tried = [r for r in self.results if r.check != TRIED.name]
        kinds = {r.kind for r in tried} - {r.kind for r in tried if r.state != "skipped"}
        return f"no check of {', '.join(sorted(kinds))} ran" if kinds else ""

    @property
    def passed(self) -> bool:
        """Whether nothing failed and enough ran."""
        return not self.of("failed") and not self.shortfall


def skip(reason: str) -> None:
    """Say that a check does not apply, and why."""
    raise Skipped(reason)


def expect(true: bool, claim: str) -> None:
    """Fail with a sentence; unlike `assert` it is also checked under `python -O`."""
    if not true:
        raise AssertionError(claim)


@contextmanager
def _single_thread() -> Iterator[None]:
    """Small tensors gain nothing from threads, and a forked process cannot use its parent's."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def it_is_tried(needs: Sequence[str]) -> None:
    """It can be made with default settings, and so be tried."""
    skip(f"it needs {', '.join(needs)}")


TRIED = Check(it_is_tried)
"""The only check of an offer that cannot be tried."""
