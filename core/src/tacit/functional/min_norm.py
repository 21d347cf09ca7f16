"""Weights of several losses by which a step makes none of them worse."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

MOST_TERMS = 10
"""Subsets of the terms are tried all at once: 1023 small systems for so many."""


@torch.no_grad()
def min_norm(
    gradients: Float[Tensor, "terms parameters"], *, normalise: bool = False
) -> Float[Tensor, " terms"]:
    """Weights of the shortest convex combination of gradients: MGDA's.

    The combination has an inner product of at least its squared norm with every gradient, so that a
    small step along it lowers all losses, until none can be lowered without another rising.

    Args:
        gradients: one flat gradient a loss, of the parameters that all share.
        normalise: find the shortest combination of the gradients' directions instead, so that a
            loss is not favoured for a small gradient. The weights then are those of the gradients
            themselves that step in that direction.

    Returns:
        weights of at least 0 with the sum 1.

    Raises:
        ValueError: more than 10 gradients.

    Source: Sener and Koltun 2018 (arXiv 1810.04650) eq. 3; Désidéri 2012. Differs: exact, where
        they iterate (Frank-Wolfe): the shortest point of each affine hull of a subset solves a
        small linear system, and the best feasible one is taken. Normalised weights are divided by
        the norms again, where the authors' code steps along raw gradients by weights of normalised
        ones, which may make a loss worse.
    """
    terms = gradients.shape[0]
    if terms > MOST_TERMS:
        raise ValueError(f"min_norm: wanted at most {MOST_TERMS} losses; got {terms}")
    wide = gradients.double()
    if not normalise:
        raw: Tensor = _shortest(wide @ wide.T).to(gradients.dtype)
        return raw
    norms = wide.norm(dim=1).clamp_min(torch.finfo(gradients.dtype).tiny)
    units = wide / norms[:, None]
    weights = _shortest(units @ units.T) / norms
    answer: Tensor = (weights / weights.sum()).to(gradients.dtype)
    return answer


def _shortest(gram: Float[Tensor, "terms terms"]) -> Float[Tensor, " terms"]:
    """The point of the simplex where the quadratic form is least."""
    members = _subsets(gram.shape[0], gram.device)
    scaled = gram / gram.diagonal().max().clamp_min(torch.finfo(gram.dtype).tiny)
    found = _stationary(scaled, members)
    # Whatever a singular system answered becomes a point of the simplex too, and is judged as one.
    weights = torch.where(found.isfinite() & members, found, 0.0).clamp_min(0)
    total = weights.sum(1, keepdim=True)
    even = members / members.sum(1, keepdim=True)
    weights = torch.where(total > 0, weights / total.clamp_min(1e-300), even)
    lengths = torch.einsum("st,tu,su->s", weights, scaled, weights)
    return weights.index_select(0, lengths.argmin()[None])[0]


def _subsets(terms: int, device: torch.device) -> Bool[Tensor, "subsets terms"]:
    """Every subset but the empty one."""
    number = torch.arange(1, 2**terms, device=device)
    return (number[:, None] >> torch.arange(terms, device=device)) % 2 == 1


def _stationary(
    gram: Float[Tensor, "terms terms"], members: Bool[Tensor, "subsets terms"]
) -> Float[Tensor, "subsets terms"]:
    """The shortest combination, of weights with the sum 1 and any sign, of each subset.

    Solves `gram w = length` and `sum(w) = 1` over the members; all others have `w = 0`.
    """
    subsets, terms = members.shape
    inside = members.to(gram.dtype)
    system = gram.new_zeros(subsets, terms + 1, terms + 1)
    system[:, :terms, :terms] = inside[:, :, None] * inside[:, None, :] * gram
    system[:, :terms, :terms] += torch.diag_embed(1 - inside)
    system[:, :terms, terms] = -inside
    system[:, terms, :terms] = inside
    wanted = gram.new_zeros(subsets, terms + 1)
    wanted[:, terms] = 1
    answer, _ = torch.linalg.solve_ex(system, wanted)
    found: Tensor = answer[:, :terms]
    return found
