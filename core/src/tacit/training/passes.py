"""Passes over the whole data set, made for objectives and kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from tacit.contract import Batch
from tacit.data import GeneratedSource, Loader, Source
from tacit.evaluation.embed import evaluation_mode
from tacit.methods.learner import Learner
from tacit.training.parallel import World, add_up

_REFRESH = ("stage", "epoch", "always")


class Passes:
    """What passes found, by name.

    Args:
        learner: put in evaluation mode while a pass runs.
        source: the data.
        batch: instances computed at once, on each process.
        world: this process; each reads a part.
    """

    def __init__(
        self, learner: Learner, source: Source | GeneratedSource, *, batch: int, world: World
    ) -> None:
        self.learner, self.source, self.batch, self.world = learner, source, batch, world
        self._kept: dict[str, tuple[int, Tensor]] = {}

    def get(
        self, name: str, compute: Callable[[Batch], Tensor], *, refresh: str, epoch: int
    ) -> Tensor:
        """The rows of a pass, ordered by data set index; made anew where the kept ones are stale.

        Raises:
            ValueError: an unknown `refresh`, endless data, or rows that do not fit the batches.
        """
        if refresh not in _REFRESH:
            raise ValueError(f"refresh: wanted one of {', '.join(_REFRESH)}; got {refresh!r}")
        if name in self._kept and refresh != "always":
            made, rows = self._kept[name]
            if refresh == "stage" or made == epoch:
                return rows
        if not isinstance(self.source, Source):
            raise ValueError(
                f"{name}: a pass over the data set needs data of a known size: declare "
                "Requirements(instances=True)"
            )
        with evaluation_mode(self.learner):
            rows = self._run(self.source, name, compute)
        if refresh != "always":
            self._kept[name] = (epoch, rows)
        return rows

    @torch.no_grad()
    def _run(self, source: Source, name: str, compute: Callable[[Batch], Tensor]) -> Tensor:
        rows: Tensor | None = None
        with Loader(source, device=self.world.device) as loader:
            for batch in loader.sequential(self.batch, rank=self.world.rank, world=self.world.size):
                part, index = compute(batch), batch.index
                if len(part) != len(index):
                    raise ValueError(
                        f"{name}: wanted a row for each of the batch's {len(index)} instances; "
                        f"got {len(part)}"
                    )
                if batch.rows is not None:
                    part, index = part[batch.rows], index[batch.rows]
                if rows is None:
                    rows = part.new_zeros((len(source), *part.shape[1:]))
                rows[index] = part
        assert rows is not None, "a source that trains holds an instance for every process"
        add_up(rows)
        return rows

    def state_dict(self) -> dict[str, tuple[int, Tensor]]:
        """All that was kept."""
        return dict(self._kept)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned."""
        self._kept = {
            name: (int(made), rows.to(self.world.device)) for name, (made, rows) in state.items()
        }
