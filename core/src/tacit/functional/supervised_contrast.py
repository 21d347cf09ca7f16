"""Contrast by group: everything of one group attracts."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tacit.functional.contrastive import CHUNK, Contrast, info_nce
from tacit.functional.pairs import Columns, Groups
from tacit.functional.precision import full, no_autocast, unit


def supervised_contrast(
    views: Sequence[Float[Tensor, "batch width"]],
    groups: Int[Tensor, " batch"],
    temperature: float,
    *,
    chunk: int | None = CHUNK,
) -> Contrast:
    """Among all other embeddings of all ranks, find those of one's own group.

    Args:
        views: embeddings of one or more views, row by row the same instances.
        groups: the number of each instance's group, the same on every rank. Groups of one instance
            make this SimCLR's loss.
        temperature: above 0; the paper's 0.1.
        chunk: as in `info_nce`.

    Returns:
        the loss; an anchor that is alone in its group, in one view, is left out of the mean.

    Raises:
        ValueError: no views, or as in `info_nce`.

    Source: Khosla et al. 2020 (arXiv 2004.11362) eq. 2 (the sum outside of the log); HobbitLong/
        SupContrast, losses.py. Differs: without the code's factor temperature / 0.07; and anchors
        without a positive are left out there too since 2023, where the paper divides by zero.
    """
    if not views:
        raise ValueError("views: wanted embeddings of at least one view; got none")
    with no_autocast(views[0]):
        rows = torch.cat([unit(full(view)) for view in views])
        return info_nce(
            rows,
            rows,
            temperature=temperature,
            positives=Groups(groups.repeat(len(views))),
            exclude=Columns(torch.arange(len(rows), device=rows.device)),
            normalise=False,
            chunk=chunk,
        )
