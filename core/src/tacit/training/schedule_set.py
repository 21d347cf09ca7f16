"""All the scheduled values of a run, under their names."""

from __future__ import annotations

from collections.abc import Mapping

from tacit.training.plateau import Plateau, PlateauState
from tacit.training.schedules import Schedule


class ScheduleSet:
    """Named scheduled values: `lr`, `weight_decay`, `teacher.momentum`, `temperature` and so on.

    Args:
        schedules: one schedule for each name.
    """

    def __init__(self, schedules: Mapping[str, Schedule]) -> None:
        self._running = {
            name: schedule.start() if isinstance(schedule, Plateau) else schedule
            for name, schedule in schedules.items()
        }
        self._assigned: dict[str, float] = {}
        self._states = {
            name: running
            for name, running in self._running.items()
            if isinstance(running, PlateauState)
        }

    @property
    def metrics(self) -> frozenset[str]:
        """The metrics that some schedule waits for; a run must report them."""
        return frozenset(state.config.metric for state in self._states.values())

    def check(self, total: int | None) -> None:
        """Refuse, before training, schedules that do not fit a run of `total` steps.

        Args:
            total: the run's length in steps; None when it has no known end.

        Raises:
            ValueError: naming the value whose schedule needs an end or more steps.
        """
        self.values(0, total)

    def values(self, step: int, total: int | None) -> dict[str, float]:
        """Return every value at `step`, counted from 0, of a run of `total` steps, if it ends.

        Raises:
            ValueError: as `check`.
        """
        if not self._running:
            return dict(self._assigned)
        return {name: self._at(name, step, total) for name in self._running} | self._assigned

    def assign(self, name: str, value: float) -> None:
        """Give a value from now on, whatever its schedule says; a name without one is welcome."""
        self._assigned[name] = value

    def _at(self, name: str, step: int, total: int | None) -> float:
        try:
            return self._running[name].at(step, total)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error

    def observe(self, metrics: Mapping[str, float]) -> None:
        """Show metrics to the schedules that react to one of them."""
        for state in self._states.values():
            state.observe(metrics)

    def state_dict(self) -> dict[str, dict[str, float | None]]:
        """Return what the reacting schedules remember, as JSON can hold it; others need nothing."""
        return {name: state.state_dict() for name, state in self._states.items()}

    def assigned(self) -> dict[str, float]:
        """Return what `assign` gave; apart from `state_dict`, for a roll back leaves it."""
        return dict(self._assigned)

    def load_assigned(self, values: Mapping[str, float]) -> None:
        """Go on from what `assigned` returned."""
        self._assigned = dict(values)

    def load_state_dict(self, state: Mapping[str, Mapping[str, float | None]]) -> None:
        """Go on from what `state_dict` returned.

        Raises:
            ValueError: when it belongs to other schedules.
        """
        if set(state) != set(self._states):
            raise ValueError(
                f"wanted the state of the plateau schedules {sorted(self._states)}, "
                f"got {sorted(state)}; resume with the schedules the run began with"
            )
        for name, schedule in self._states.items():
            schedule.load_state_dict(state[name])
