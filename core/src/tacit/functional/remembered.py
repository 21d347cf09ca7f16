"""Contrast with what is remembered: keys of a teacher, a queue of past ones, nearest neighbours."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from tacit.functional.contrastive import CHUNK, Contrast, info_nce
from tacit.functional.pairs import Columns
from tacit.functional.precision import full, no_autocast, unit


def momentum_contrast(
    queries: Float[Tensor, "batch width"],
    keys: Float[Tensor, "batch width"],
    temperature: float,
    *,
    queue: Float[Tensor, "queued width"] | None = None,
    in_batch: bool = True,
    chunk: int | None = CHUNK,
) -> Contrast:
    """MoCo's loss: among past keys, or those of the batch, find one's own; keys get no gradient.

    Args:
        queries: the student's embeddings of one view.
        keys: the teacher's of another view, row by row the same instances.
        temperature: above 0; 0.07 in v1, 0.2 in v2 and v3.
        queue: past keys, the same on every rank.
        in_batch: whether the other keys of the batch, of all ranks, are negatives too. False is
            v1 and v2, whose only negatives are the queue's; true without a queue is v3.
        chunk: as in `info_nce`.

    Raises:
        ValueError: no negatives at all, or as in `info_nce`.

    Source: He et al. 2020 (arXiv 1911.05722) eq. 1 and algorithm 1, facebookresearch/moco; Chen et
        al. 2021 (arXiv 2104.02057) algorithm 1, facebookresearch/moco-v3. Differs: without v3's
        factor of 2 * temperature.
    """
    if queue is None and not in_batch:
        raise ValueError("no negatives: wanted a queue, in_batch=True, or both; got neither")
    return info_nce(
        queries,
        keys.detach(),
        temperature=temperature,
        positives=Columns(torch.arange(len(queries), device=queries.device)),
        exclude=None if in_batch else _Others(len(queries), queries.device),
        negatives=None if queue is None else queue.detach(),
        gather=in_batch,
        chunk=chunk,
    )


class _Others:
    """All keys of the batch but the anchor's own, a few rows at a time."""

    def __init__(self, batch: int, device: torch.device) -> None:
        self.numbers = torch.arange(batch, device=device)

    def __call__(self, start: int, stop: int) -> Bool[Tensor, "chunk columns"]:
        return self.numbers[start:stop, None] != self.numbers


@torch.no_grad()
def nearest_neighbours(
    embeddings: Float[Tensor, "batch width"],
    support: Float[Tensor, "support width"],
    *,
    chunk: int = CHUNK,
) -> Float[Tensor, "batch width"]:
    """The row of `support` most alike to each embedding, by cosine; no gradient flows.

    Args:
        embeddings: what neighbours are sought for.
        support: where they are sought.
        chunk: embeddings at a time; memory is `chunk * support`.

    Source: Dwibedi et al. 2021 (arXiv 2104.14548) eq. 2.
    """
    with no_autocast(embeddings):
        among = unit(full(support))
        found = [
            (rows @ among.T).argmax(1) for rows in unit(full(embeddings)).to(among).split(chunk)
        ]
    return support[torch.cat(found)]


def neighbour_contrast(
    embeddings: Float[Tensor, "batch width"],
    predictions: Float[Tensor, "batch width"],
    support: Float[Tensor, "support width"],
    temperature: float,
    *,
    chunk: int | None = CHUNK,
) -> Contrast:
    """NNCLR's loss: the nearest neighbour of one view finds the prediction of the other view.

    Args:
        embeddings: of one view; they only choose the neighbours and get no gradient.
        predictions: of the other view, row by row the same instances.
        support: past embeddings, the same on every rank.
        temperature: above 0; the paper's 0.1.
        chunk: as in `info_nce`.

    Raises:
        ValueError: as in `info_nce`.

    Source: Dwibedi et al. 2021 (arXiv 2104.14548) eq. 3 and the pseudo-code of appendix A, whose
        denominator runs over the predictions of the batch. Differs: of all ranks.
    """
    found = nearest_neighbours(embeddings, support)
    return info_nce(found, predictions, temperature=temperature, chunk=chunk)
