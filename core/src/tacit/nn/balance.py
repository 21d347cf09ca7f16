"""How the losses of several tasks become one step: fixed, learnt, or min-norm weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor, nn

from tacit.contract import Losses, OneStep, PerLoss, UpdatePlan
from tacit.functional import min_norm


@dataclass(frozen=True, kw_only=True)
class Fixed:
    """The terms as they are: their weights are the run's `weights`, which schedules may move."""

    kind: ClassVar[str] = "fixed"


@dataclass(frozen=True, kw_only=True)
class Uncertainty:
    """`exp(-s) * loss + s / 2` for each task, with a learnt `s` that settles at `log(2 * loss)`.

    For losses above 0: one that can be negative would drive its weight up without end.

    Args:
        start: `s` at first; 0 weighs every task by 1.

    Source: Kendall et al. 2018 (arXiv 1705.07115) eq. 10, in logarithms, as multi-task
        code commonly has it.
    """

    kind: ClassVar[str] = "uncertainty"
    start: float = 0.0


@dataclass(frozen=True, kw_only=True)
class MinNorm:
    """The shortest convex combination of the tasks' gradients, found anew in every step (MGDA).

    Costs one backward a task. Only the encoders' gradients decide; see `tacit.contract.PerLoss`.

    Args:
        normalise: compare directions, so that no task is favoured for a small gradient.

    Source: Sener and Koltun 2018 (arXiv 1810.04650); see `tacit.functional.min_norm`.
    """

    kind: ClassVar[str] = "min-norm"
    normalise: bool = True


BalanceConfig: TypeAlias = Fixed | Uncertainty | MinNorm


class Balance(nn.Module):
    """Weighs named losses, and gives the update plan that goes with it.

    Args:
        config: the rule.
        tasks: names of the losses.
    """

    def __init__(self, config: BalanceConfig, tasks: Sequence[str]) -> None:
        super().__init__()
        self.config = config
        self.log_scale = nn.ParameterDict()
        if isinstance(config, Uncertainty):
            for task in tasks:
                self.log_scale[task] = nn.Parameter(torch.tensor(config.start))

    def forward(
        self,
        terms: Mapping[str, Float[Tensor, ""]],
        metrics: Mapping[str, Float[Tensor, ""]] | None = None,
    ) -> Losses:
        """The terms as they are to be minimised; learnt weights are logged with the bare losses."""
        metrics = metrics or {}
        if not isinstance(self.config, Uncertainty):
            return Losses(terms=terms, metrics=metrics)
        bare = {f"{name}/loss": term.detach() for name, term in terms.items()}
        weights = {f"{name}/weight": (-self._scale(name)).exp().detach() for name in terms}
        return Losses(
            terms={name: self._weighed(name, term) for name, term in terms.items()},
            metrics={**metrics, **bare, **weights},
        )

    def plan(self) -> UpdatePlan:
        """One step of the sum, or one gradient a term."""
        return plan_of(self.config)

    def _scale(self, name: str) -> Tensor:
        found = self.log_scale[name]
        assert isinstance(found, Tensor)
        return found

    def _weighed(self, name: str, term: Float[Tensor, ""]) -> Float[Tensor, ""]:
        scale = self._scale(name)
        return (-scale).exp() * term + scale / 2


def plan_of(config: BalanceConfig) -> UpdatePlan:
    """The update plan a rule needs."""
    if isinstance(config, MinNorm):
        return PerLoss(partial(min_norm, normalise=config.normalise))
    return OneStep()
