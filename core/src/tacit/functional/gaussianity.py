"""How far an embedding is from an isotropic Gaussian, seen from random directions."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize
from torch.utils.checkpoint import checkpoint

from tacit.functional.collectives import all_reduce_sum, from_first, global_rows
from tacit.functional.precision import full, no_autocast

_AT_ONCE = 1 << 22  # cosines held at a time: 16 MiB of float32


def sigreg(
    embeddings: Float[Tensor, "batch width"],
    *,
    slices: int = 256,
    knots: int = 17,
    reach: float = 3.0,
    generator: torch.Generator,
) -> Float[Tensor, ""]:
    """The Epps-Pulley statistic of random projections, averaged: 0 for a standard Gaussian.

    Each projection's empirical characteristic function, of the global batch, is compared with
    `exp(-t^2 / 2)`, weighted by that same function, over `|t| <= reach`. An embedding collapsed to
    a point scores of the order of the batch; a Gaussian one about 1, whatever the batch.

    Memory grows with the batch, not with batch times slices times knots: projections are taken
    some at a time, and again for the gradient.

    Args:
        embeddings: not normalised.
        slices: random directions; the authors' 256 (1024 on large models).
        knots: points at which the functions are compared, from 0 to `reach`, by the trapezoid rule.
        reach: the largest; the authors' 3 to 5.
        generator: of the directions. Every rank uses those of the first.

    Returns:
        the statistic times the number of instances of all ranks, the same on every rank.

    Raises:
        ValueError: fewer than 1 slice or 2 knots, or ranks with different numbers of rows.

    Source: Balestriero and LeCun 2025 (arXiv 2511.08544) section 4 and algorithm 1;
        galilai-group/lejepa, MINIMAL.md. Differs: the characteristic functions are those of all
        ranks, with their gradient, so any number of processes gives the gradient of one.
    """
    if slices < 1 or knots < 2:
        raise ValueError(f"wanted at least 1 slice and 2 knots; got slices={slices}, knots={knots}")
    rows = global_rows(embeddings)
    with no_autocast(embeddings):
        values = full(embeddings)
        directions = torch.randn(
            values.shape[1], slices, generator=generator, device=values.device, dtype=values.dtype
        )
        directions = from_first(normalize(directions, dim=0))
        points = torch.linspace(0, reach, knots, device=values.device, dtype=values.dtype)
        size = max(1, _AT_ONCE // (knots * len(values)))
        sums = [
            checkpoint(_sums, values @ part, points, use_reentrant=False)
            for part in directions.split(size, dim=1)
        ]
        cosines, sines = all_reduce_sum(torch.cat(sums, dim=1)) / rows
        expected = (-points.square() / 2).exp()
        error = (cosines - expected).square() + sines.square()
        # Twice, for the other half of a symmetric integrand.
        return 2 * rows * torch.trapezoid(error * expected, points, dim=1).mean()


def _sums(
    projected: Float[Tensor, "batch slices"], points: Float[Tensor, " knots"]
) -> Float[Tensor, "2 slices knots"]:
    """Real and imaginary parts of the empirical characteristic functions, added over the rows."""
    angles = projected[:, :, None] * points
    return torch.stack([angles.cos().sum(0), angles.sin().sum(0)])
