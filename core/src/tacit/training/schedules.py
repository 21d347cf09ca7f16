"""Schedules: the value of anything that moves during training, as a function of the step.

A schedule is its settings. Those that depend on the step alone are pure functions of it, so there
is nothing to save and a resumed run goes on as if never stopped. `Plateau` reacts to a metric; its
memory is apart from its settings, in `PlateauState`. `ScheduleSet` joins both under names.

Steps count from 0; the value `at` a step is the one used in it. Lengths are a whole number of
steps, or a fraction of the run below 1. Fractions, and schedules that lead to the last step, need
the run's length and refuse to guess it; after that length they keep their last value.
"""

from __future__ import annotations

import dataclasses
import math
from typing import ClassVar, Literal, TypeAlias

from tacit.training.plateau import Plateau

Length: TypeAlias = int | float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Constant:
    """The same value at every step.

    Args:
        value: the value.
    """

    kind: ClassVar[str] = "constant"
    value: float

    def at(self, step: int, total: int | None) -> float:
        """Return the value, whatever the step."""
        return self.value


@dataclasses.dataclass(frozen=True, kw_only=True)
class Linear:
    """A straight line from one value to another, which is then kept.

    Args:
        start: value at step 0.
        end: value from the end of the line on.
        over: length of the line in steps or as a fraction of the run; none is the whole run.

    Raises:
        ValueError: when `over` is not a length.
    """

    kind: ClassVar[str] = "linear"
    start: float
    end: float
    over: int | float | None = None

    def __post_init__(self) -> None:
        if self.over is not None:
            _check_length("over", self.over, least=1)

    def at(self, step: int, total: int | None) -> float:
        """Return the value at `step` of a run of `total` steps.

        Raises:
            ValueError: when the run's length is needed and not known, or shorter than the line.
        """
        steps = _known(total, self.kind) if self.over is None else _steps(self.over, total, "over")
        return _between(self.start, self.end, _part(step, 0, steps))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cosine:
    """Linear warm-up from 0, then half a cosine to the last step.

    Args:
        start: value after the warm-up.
        end: value at the end of the run.
        warmup: length of the warm-up, in steps or as a fraction of the run.

    Raises:
        ValueError: when `warmup` is not a length.

    Source: Loshchilov and Hutter, SGDR (arXiv 1608.03983), equation 5 without restarts; warm-up
    and decay as in the reference code of VICReg (facebookresearch/vicreg).
    """

    kind: ClassVar[str] = "cosine"
    start: float
    end: float = 0.0
    warmup: int | float = 0

    def __post_init__(self) -> None:
        _check_length("warmup", self.warmup)

    def at(self, step: int, total: int | None) -> float:
        """Return the value at `step` of a run of `total` steps.

        Raises:
            ValueError: when the run's length is not known, or shorter than the warm-up.
        """
        total = _known(total, self.kind)
        warmup = _steps(self.warmup, total, "warmup")
        if step < warmup:
            return self.start * step / warmup
        return _between(self.start, self.end, _half_cosine(_part(step, warmup, total - warmup)))


@dataclasses.dataclass(frozen=True, kw_only=True)
class WarmupStableDecay:
    """Linear warm-up from 0, a constant value, and a decay at the end of the run.

    Without a decay it needs no end: warm-up, then constant.

    Args:
        value: value between warm-up and decay.
        end: value at the end of the decay; leave it at 0 where there is no decay.
        warmup: length of the warm-up, in steps or as a fraction of the run.
        decay: length of the decay, in steps or as a fraction of the run.
        shape: how it decays, linear in the time or in its square root, which the source found
            better: it drops fast at first.

    Raises:
        ValueError: when a length is not one, or `end` is set without a decay.

    Source: Hägele et al., Scaling Laws and Compute-Optimal Training Beyond Fixed Training
    Durations (arXiv 2405.18392), the "1-sqrt" cooldown.
    """

    kind: ClassVar[str] = "warmup-stable-decay"
    value: float
    end: float = 0.0
    warmup: int | float = 0
    decay: int | float = 0
    shape: Literal["linear", "sqrt"] = "linear"

    def __post_init__(self) -> None:
        _check_length("warmup", self.warmup)
        _check_length("decay", self.decay)
        if not self.decay and (self.end != 0 or self.shape != "linear"):
            raise ValueError("decay: wanted a length, because end or shape is set, got none")

    def at(self, step: int, total: int | None) -> float:
        """Return the value at `step` of a run of `total` steps.

        Raises:
            ValueError: when the run's length is needed and not known, or too short.
        """
        warmup = _steps(self.warmup, total, "warmup")
        decay = 0
        if self.decay:
            total = _known(total, self.kind)
            decay = _steps(self.decay, total - warmup, "decay", of=total)
        if step < warmup:
            return self.value * step / warmup
        if total is None or not decay:
            return self.value
        part = _part(step, total - decay, decay)
        return _between(self.value, self.end, part if self.shape == "linear" else math.sqrt(part))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Anneal:
    """The final annealing of an infinite schedule.

    Args:
        start: step at which it begins, such as that of the checkpoint it is resumed from.
        steps: how many steps it takes.
        end: value from its end on; above 0, since the decay is exponential.

    Raises:
        ValueError: when `steps` or `end` is not above 0.
    """

    start: int
    steps: int
    end: float

    def __post_init__(self) -> None:
        for name in ("steps", "end"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name}: wanted above 0, got {getattr(self, name)!r}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Infinite:
    """For runs without a known end: warm-up, cooldown, a constant value for as long as one likes.

    A checkpoint of the constant phase is finished by resuming it with `anneal` set; the values
    before `anneal.start` stay as they were, so the long run can go on beside it.

    Args:
        peak: value after the warm-up.
        constant: value after the cooldown.
        warmup: steps of the linear warm-up from 0.
        cooldown: steps of the half cosine from `peak` to `constant`.
        anneal: the final exponential decay; none while the run goes on.

    Raises:
        ValueError: when a length is negative, `constant` is not above 0 where an annealing
            starts from it, or the annealing starts before the constant phase.

    Source: Singh et al., Beyond Cosine Decay (arXiv 2503.02844), equation 1.
    Where we differ: the annealing reaches `end` after exactly `steps` steps, however long the
    constant phase was. Equation 1, as a public re-implementation quotes it (not checked against
    the paper), adds the step at which annealing starts to the length of the decay.
    """

    kind: ClassVar[str] = "infinite"
    peak: float
    constant: float
    warmup: int = 0
    cooldown: int = 0
    anneal: Anneal | None = None

    def __post_init__(self) -> None:
        _check_length("warmup", self.warmup)
        _check_length("cooldown", self.cooldown)
        settled = self.warmup + self.cooldown
        if self.anneal is not None and self.anneal.start < settled:
            raise ValueError(
                f"anneal: wanted a start in the constant phase, from step {settled} on, "
                f"got {self.anneal.start}"
            )
        if self.anneal is not None and self.constant <= 0:
            raise ValueError(f"constant: wanted above 0 to anneal from, got {self.constant!r}")

    def at(self, step: int, total: int | None) -> float:
        """Return the value at `step`; the run's length does not count."""
        if step < self.warmup:
            return self.peak * step / self.warmup
        if self.anneal is not None and step >= self.anneal.start:
            part = _part(step, self.anneal.start, self.anneal.steps)
            return float(self.constant * (self.anneal.end / self.constant) ** part)
        part = _half_cosine(_part(step, self.warmup, self.cooldown))
        return _between(self.peak, self.constant, part)


Schedule: TypeAlias = Constant | Linear | Cosine | WarmupStableDecay | Infinite | Plateau


def _check_length(name: str, length: Length, *, least: int = 0) -> None:
    fraction = isinstance(length, float)
    if length < 0 or (fraction and length >= 1) or (least and not length):
        raise ValueError(
            f"{name}: wanted a fraction of the run below 1 or a whole number of steps, at least "
            f"{least}, got {length!r}"
        )


def _known(total: int | None, kind: str) -> int:
    if total is None:
        raise ValueError(
            f"{kind} needs the run's length; runs without a known end need a constant, infinite or "
            "plateau schedule, or lengths in steps"
        )
    return total


def _steps(length: Length, total: int | None, name: str, *, of: int | None = None) -> int:
    """Turn a length into steps that fit into `total`; a fraction is one of the whole run, `of`."""
    if isinstance(length, float) and length:
        length = round(length * _known(total if of is None else of, f"{name} = {length}"))
    if total is not None and length > total:
        raise ValueError(f"{name}: wanted at most the {total} steps there are, got {length}")
    return int(length)


def _part(step: int, start: int, steps: int) -> float:
    """How much of a phase has passed, within [0, 1]; a phase without steps has passed at once."""
    return min(max((step - start) / steps, 0.0), 1.0) if steps else float(step >= start)


def _half_cosine(part: float) -> float:
    return 0.5 - 0.5 * math.cos(math.pi * part)


def _between(start: float, end: float, part: float) -> float:
    return start * (1.0 - part) + end * part  # exact at both ends
