"""How strongly an answer depends on what went in."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def jacobian_norm(
    answer: Float[Tensor, "rows outputs"],
    value: Float[Tensor, rows * shape],
    *,
    generator: torch.Generator,
    probes: int | None = 1,
) -> Float[Tensor, " instances"]:
    """Squared Frobenius norm of the Jacobian by each instance, differentiable again.

    `E |J^T v|^2 = |J|^2` for random signs `v`: each probe costs one backward.

    Args:
        answer: computed from `value`, each row from one instance alone (no batch statistics).
        value: requires a gradient.
        generator: of the signs.
        probes: draws to average over; None: exact, at one backward an output.

    Raises:
        ValueError: fewer than one probe.

    Source: Hutchinson's estimator, as in Hoffman et al. 2019 (arXiv 1908.02729) section 2.3.
    """
    if probes is None:
        columns = [_slope(column.sum(), value) for column in answer.unbind(1)]
        return torch.stack(columns).sum(0)
    if probes < 1:
        raise ValueError(f"probes: wanted at least 1, or none for exact; got {probes}")
    found = []
    for _ in range(probes):
        draw = torch.rand(answer.shape, generator=generator, device=answer.device)
        found.append(_slope((answer * torch.where(draw < 0.5, -1.0, 1.0)).sum(), value))
    return torch.stack(found).mean(0)


def _slope(total: Float[Tensor, ""], value: Tensor) -> Float[Tensor, " instances"]:
    (slope,) = torch.autograd.grad(total, value, create_graph=True)
    return slope.flatten(1).square().sum(1)
