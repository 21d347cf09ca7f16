"""A schedule that lowers its value when a metric stops getting better."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import ClassVar, Literal


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plateau:
    """Multiply a value by a factor whenever a metric has stopped getting better.

    These are the settings; `start` makes the memory that goes with a run.

    Args:
        value: value at the start.
        metric: name of the metric to watch.
        mode: whether a lower ("min") or a higher ("max") metric is better.
        factor: what the value is multiplied by, between 0 and 1.
        patience: how many observations in a row may pass without an improvement.
        threshold: improvement that counts, as a fraction of the size of the best metric so far.
        least: the value never falls below this.

    Raises:
        ValueError: when a setting is out of its range.

    Source: `torch.optim.lr_scheduler.ReduceLROnPlateau`.
    Where we differ: any value, not only the learning rate. The threshold is relative to the
    metric's absolute value, so that it means the same for metrics below 0. A metric that is not
    a number counts as no improvement.
    """

    kind: ClassVar[str] = "plateau"
    value: float
    metric: str
    mode: Literal["min", "max"] = "min"
    factor: float = 0.1
    patience: int = 10
    threshold: float = 1e-4
    least: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.factor < 1:
            raise ValueError(f"factor: wanted between 0 and 1, both excluded, got {self.factor!r}")
        for name in ("patience", "threshold"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}: wanted at least 0, got {getattr(self, name)!r}")
        if self.least > self.value:
            raise ValueError(f"least: wanted at most value ({self.value!r}), got {self.least!r}")

    def start(self) -> PlateauState:
        """Begin a run that has observed nothing yet."""
        return PlateauState(self)


class PlateauState:
    """What a plateau schedule remembers: the best metric, how long ago it was, the cuts so far.

    Every process of a distributed run must observe the same metrics.
    """

    def __init__(self, config: Plateau) -> None:
        self.config = config
        self._best: float | None = None
        self._waited = 0
        self._cuts = 0

    def at(self, step: int, total: int | None) -> float:
        """Return the value after what was observed so far, whatever the step."""
        return max(self.config.least, self.config.value * self.config.factor**self._cuts)

    def observe(self, metrics: Mapping[str, float]) -> None:
        """Take note of the metric, if it is among `metrics`; others may be reported more often."""
        if self.config.metric not in metrics:
            return
        metric = metrics[self.config.metric]
        if self._is_better(metric):
            self._best, self._waited = metric, 0
            return
        self._waited += 1
        if self._waited > self.config.patience:
            self._cuts, self._waited = self._cuts + 1, 0

    def _is_better(self, metric: float) -> bool:
        if self._best is None:
            return metric == metric  # anything but nan
        gain = self._best - metric if self.config.mode == "min" else metric - self._best
        return gain > self.config.threshold * abs(self._best)

    def state_dict(self) -> dict[str, float | None]:
        """Return the memory as JSON can hold it."""
        return {"best": self._best, "waited": self._waited, "cuts": self._cuts}

    def load_state_dict(self, state: Mapping[str, float | None]) -> None:
        """Go on from a memory that `state_dict` returned.

        Raises:
            ValueError: when `state` does not have its keys.
        """
        if set(state) != set(self.state_dict()):
            raise ValueError(f"wanted {sorted(self.state_dict())}, got {sorted(state)}")
        self._best = state["best"]
        self._waited = int(state["waited"] or 0)
        self._cuts = int(state["cuts"] or 0)
