"""Multinomial logistic regression by L-BFGS on the device, preconditioned so that it converges.

Features of encoders and raw inputs alike are strongly correlated, and plain L-BFGS then needs
hundreds of passes over them. Here the weights are written as `weight = free @ root`, where
`root` inverts a Cholesky factor of the curvature at zero weights. This is a change of variables:
the objective, its penalty and its minimum stay exactly the same, no direction is dropped, and the
number of passes falls to a few tens.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

_PRECONDITIONED_WIDTH = 4096
"""Widest features whose curvature is factorised: 64 MiB and about a second on a CPU at 4096."""


@dataclass(frozen=True, kw_only=True)
class LogisticConfig:
    """Settings of one fit.

    Attributes:
        max_iterations: most L-BFGS iterations; running out is warned of.
        tolerance: the fit ends when no entry of the preconditioned gradient exceeds this, or the
            loss no longer changes in its precision. Scores do not change below the default.
        precision: of the fit. float32 is enough for scores; to compare coefficients take float64, a
            tolerance of 1e-7 and more iterations.
    """

    max_iterations: int = 200
    tolerance: float = 1e-4
    precision: Literal["float32", "float64"] = "float32"

    @property
    def dtype(self) -> torch.dtype:
        """The precision as PyTorch names it."""
        return torch.float32 if self.precision == "float32" else torch.float64


@dataclass(frozen=True, kw_only=True)
class LogisticProblem:
    """Mean cross-entropy plus penalty / 2 times the squared norm of the weights, bias free.

    Attributes:
        features: standardised.
        labels: class of every instance.
        classes: how many there are.
        gram: second moments of the features, or None where they are too wide to factorise.
    """

    features: Float[Tensor, "instances width"]
    labels: Int[Tensor, " instances"]
    classes: int
    gram: Float[Tensor, "width width"] | None

    @classmethod
    def of(
        cls,
        features: Float[Tensor, "instances width"],
        labels: Int[Tensor, " instances"],
        classes: int,
    ) -> LogisticProblem:
        """Pose the problem and measure the second moments once for all penalties."""
        narrow = features.shape[1] <= _PRECONDITIONED_WIDTH
        gram = features.T @ features / len(features) if narrow else None
        return cls(features=features, labels=labels, classes=classes, gram=gram)

    def solve(
        self,
        penalty: float,
        *,
        start: Float[Tensor, "classes width"] | None = None,
        config: LogisticConfig | None = None,
    ) -> tuple[Float[Tensor, "classes width"], Float[Tensor, " classes"]]:
        """Find the one minimum, from `start` (zero if not given); returns weight and bias."""
        config = config or LogisticConfig()
        factor = self._factor(penalty)
        zero = self.features.new_zeros(self.classes, self.features.shape[1])
        weight = zero if start is None else start.to(zero)
        free = weight if factor is None else weight @ factor
        bias = free.new_zeros(self.classes)
        root = None if factor is None else _inverse(factor)
        self._descend(free.requires_grad_(), bias.requires_grad_(), root, penalty, config)
        return _weight(free.detach(), root), bias.detach()

    def _factor(self, penalty: float) -> Float[Tensor, "width width"] | None:
        """Lower Cholesky factor of the curvature in the weights of one class, at zero weights."""
        if self.gram is None:
            return None
        curvature = (self.gram / self.classes).double()
        # Rounding can make the moments of redundant features slightly indefinite. Damping only
        # slows the descent, it does not move the minimum.
        damping = penalty + 1e-7 * float(curvature.diagonal().sum())
        curvature.diagonal().add_(damping)
        factor: Tensor = torch.linalg.cholesky(curvature)
        return factor.to(self.features.dtype)

    def _descend(
        self,
        free: Tensor,
        bias: Tensor,
        root: Tensor | None,
        penalty: float,
        config: LogisticConfig,
    ) -> None:
        """Run L-BFGS on `free` and `bias` in place."""
        optimiser = torch.optim.LBFGS(
            [free, bias],
            max_iter=config.max_iterations,
            max_eval=4 * config.max_iterations,
            tolerance_grad=config.tolerance,
            tolerance_change=torch.finfo(free.dtype).eps,
            line_search_fn="strong_wolfe",
        )

        def closure() -> Tensor:
            optimiser.zero_grad()
            loss = self._loss(_weight(free, root), bias, penalty)
            loss.backward()
            return loss

        optimiser.step(closure)
        if optimiser.state[free]["n_iter"] >= config.max_iterations:
            warnings.warn(
                f"the logistic regression with penalty {penalty:g} was still moving after "
                f"{config.max_iterations} iterations; raise max_iterations or drop the weakest "
                "penalties",
                RuntimeWarning,
                stacklevel=3,
            )

    def _loss(self, weight: Tensor, bias: Tensor, penalty: float) -> Tensor:
        # linear() keeps both products in the layout of the features: the other order of factors
        # is seven times slower on a CPU.
        logits = functional.linear(self.features, weight, bias)
        fit = functional.cross_entropy(logits, self.labels)
        return fit + penalty / 2 * weight.square().sum()


def _inverse(factor: Float[Tensor, "width width"]) -> Float[Tensor, "width width"]:
    eye = torch.eye(len(factor), dtype=factor.dtype, device=factor.device)
    inverse: Tensor = torch.linalg.solve_triangular(factor, eye, upper=False)
    return inverse


def _weight(free: Tensor, root: Tensor | None) -> Tensor:
    return free if root is None else free @ root
