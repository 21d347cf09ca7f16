"""Lloyd's k-means on the device, the same on every process that holds the same rows."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

_AT_ONCE = 1 << 24  # distances held at a time: 64 MiB of float32


@torch.no_grad()
def k_means(
    rows: Float[Tensor, "rows width"], clusters: int, *, seed: int, iterations: int = 20
) -> Float[Tensor, "clusters width"]:
    """Centres of the clusters of some rows.

    Begins with rows drawn one after the other, each the likelier the further it lies from those
    drawn before. A cluster that loses all its rows keeps its centre.

    Args:
        rows: all of them, at least as many as clusters.
        clusters: how many.
        seed: of the first centres; the same gives the same answer.
        iterations: of assignment and mean.

    Raises:
        ValueError: fewer rows than clusters, or fewer than 1 cluster or iteration.

    Source: Arthur and Vassilvitskii 2007, "k-means++", for the beginning; Lloyd 1982 for the rest.
    """
    if not 1 <= clusters <= len(rows) or iterations < 1:
        raise ValueError(
            f"k-means: wanted at least 1 iteration and 1 to {len(rows)} clusters, one a row at "
            f"most; got {iterations} and {clusters}"
        )
    centres = _begin(rows, clusters, torch.Generator(rows.device).manual_seed(seed))
    for _ in range(iterations):
        label = nearest(rows, centres)
        size = torch.zeros(clusters, device=rows.device, dtype=rows.dtype)
        size.index_add_(0, label, torch.ones_like(label, dtype=rows.dtype))
        total = torch.zeros_like(centres).index_add_(0, label, rows)
        centres = torch.where(size[:, None] > 0, total / size.clamp(min=1)[:, None], centres)
    return centres


def nearest(
    rows: Float[Tensor, "*rows width"], centres: Float[Tensor, "centres width"]
) -> Int[Tensor, "*rows"]:
    """The nearest centre of every row; of equally near ones the first."""
    flat = rows.flatten(0, -2)
    # The squared norm of the row itself is the same for all centres and left out.
    lengths = centres.square().sum(1)
    size = max(1, _AT_ONCE // len(centres))
    found = [(lengths - 2 * part @ centres.T).argmin(1) for part in flat.split(size)]
    return torch.cat(found).view(rows.shape[:-1])


def spread_out(
    tokens: Float[Tensor, "instances tokens width"],
    valid: Bool[Tensor, "instances tokens"] | None,
    index: Int[Tensor, " instances"],
    number: int,
) -> tuple[Float[Tensor, "rows width"], Bool[Tensor, "instances number"]]:
    """Some tokens of each instance, evenly spread: what `sampled_rows` makes clusters of.

    One instance after the other, and which of them are there, where an instance has fewer. Every
    instance begins elsewhere, by its index, so that any number of processes agree.

    Args:
        tokens: of a batch.
        valid: which are no padding; None where all are none.
        index: of the instances in the data set.
        number: of tokens of each.
    """
    there = torch.full((len(tokens), 1), tokens.shape[1], device=tokens.device)
    if valid is not None:
        there = valid.sum(1, keepdim=True)
    order = torch.arange(number, device=tokens.device)
    place = index[:, None] + order * (there // number).clamp(min=1)
    place = (place % there.clamp(min=1))[..., None]
    rows = tokens.gather(1, place.expand(-1, -1, tokens.shape[2]))
    return rows.flatten(0, 1), order < there


def _begin(
    rows: Float[Tensor, "rows width"], clusters: int, generator: torch.Generator
) -> Float[Tensor, "clusters width"]:
    device = rows.device
    chosen = torch.zeros(clusters, dtype=torch.long, device=device)
    chosen[0] = torch.randint(len(rows), (), generator=generator, device=device)
    far = torch.full((len(rows),), torch.inf, device=device, dtype=rows.dtype)
    for number in range(1, clusters):
        far = torch.minimum(far, (rows - rows[chosen[number - 1]]).square().sum(1))
        # Where all rows are chosen ones or equal to one, any will do.
        weight = torch.where(far.sum() > 0, far, torch.ones_like(far)).double().cumsum(0)
        draw = torch.rand((), generator=generator, device=device, dtype=torch.float64)
        chosen[number] = torch.searchsorted(weight, draw * weight[-1]).clamp(max=len(rows) - 1)
    return rows[chosen].clone()
