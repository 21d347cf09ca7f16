"""Run by test_distributed.py in each of several processes: gradients of every loss, split or whole.

A shared linear map with tanh stands for the network; its gradient is averaged over the ranks, as
DistributedDataParallel does, and set beside the gradient of one process on the whole batch.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from tests.core.ranks import fork, together
from torch import Tensor

from tacit import functional
from tacit.functional import Columns, Groups

BATCH, INPUTS, WIDTH = 16, 5, 6
Loss = Callable[[Tensor, Tensor, slice], Tensor]


def data(*shape: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


FIRST, SECOND = data(BATCH, INPUTS, seed=1), data(BATCH, INPUTS, seed=2)
START = data(INPUTS, WIDTH, seed=3) / 2
GROUPS = torch.tensor([0, 1, 2, 3, 0, 0, 4, 1, 5, 6, 7, 6, 2, 2, 8, 0])
HIDDEN = torch.tensor([1, 1, 1, 0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]).bool()  # uneven over ranks
SHARE = torch.tensor(0.3, dtype=torch.float64)
SCALE = torch.tensor(4.0, dtype=torch.float64)
QUEUE = data(7, WIDTH, seed=4)
WEIGHTS = data(BATCH, seed=5).abs()
TEMPERATURES = data(BATCH, seed=6).abs() + 0.1

DRAWN = torch.tensor([[1, 2, 1], [0, 2, 3], [0, 1, 3], [0, 0, 2]]).expand(BATCH // 4, -1, -1)


def self_columns(a: Tensor) -> Columns:
    return Columns(torch.arange(len(a)))


def mask_rows(own: slice) -> Callable[[int, int], Tensor]:
    mask = GROUPS[:, None] == GROUPS
    return lambda start, stop: mask[own][start:stop]


def mixed(a: Tensor, b: Tensor, own: slice) -> functional.MixedBarlowTwins:
    """Each instance with its neighbour, which is on the same process; not the mixture itself."""
    order = torch.arange(len(a)) ^ 1
    embedded = torch.tanh(a + 2 * b[order])
    return functional.mixed_barlow_twins(a, b, embedded, order=order, share=SHARE)


LOSSES: dict[str, Loss] = {
    "nt_xent": lambda a, b, own: functional.nt_xent(a, b, 0.3, chunk=3).loss,
    "nt_xent whole": lambda a, b, own: functional.nt_xent(a, b, 0.3, chunk=None).loss,
    "nt_xent decoupled": lambda a, b, own: functional.nt_xent(a, b, 0.3, decoupled=True).loss,
    "info_nce": lambda a, b, own: functional.info_nce(a, b, temperature=0.3).loss,
    "info_nce queue": lambda a, b, own: (
        functional.info_nce(a, b.detach(), temperature=TEMPERATURES[own], negatives=QUEUE).loss
    ),
    "info_nce groups": lambda a, b, own: (
        functional.info_nce(
            a,
            a,
            temperature=0.3,
            positives=Groups(GROUPS[own]),
            exclude=self_columns(a),
            weights=WEIGHTS[own],
        ).loss
    ),
    "info_nce function": lambda a, b, own: (
        functional.info_nce(a, b, temperature=0.3, positives=mask_rows(own)).loss
    ),
    "dclw": lambda a, b, own: functional.dcl(a, b, 0.3, sigma=0.5).loss,
    "momentum_contrast": lambda a, b, own: (
        functional.momentum_contrast(a, b, 0.3, queue=QUEUE, in_batch=False).loss
    ),
    "neighbour_contrast": lambda a, b, own: (
        functional.neighbour_contrast(a, b, QUEUE, 0.3, chunk=3).loss
    ),
    "supervised_contrast": lambda a, b, own: (
        functional.supervised_contrast([a, b], GROUPS[own], 0.3).loss
    ),
    "global_contrast": lambda a, b, own: (
        functional.global_contrast(a, b, TEMPERATURES[own], WEIGHTS[own].log()).loss
    ),
    "symmetric_contrast": lambda a, b, own: functional.symmetric_contrast(a, b, 0.3, chunk=3).loss,
    "symmetric_contrast missing": lambda a, b, own: (
        functional.symmetric_contrast(a, b, 0.3, both=HIDDEN[own], chunk=3).loss
    ),
    "sigmoid_contrast": lambda a, b, own: (
        functional.sigmoid_contrast(a, b, scale=SCALE, bias=-SCALE, chunk=3).loss
    ),
    "sigmoid_contrast missing": lambda a, b, own: (
        functional.sigmoid_contrast(a, b, scale=SCALE, bias=-SCALE, both=HIDDEN[own]).loss
    ),
    "global_contrast_across": lambda a, b, own: (
        functional.global_contrast_across(
            a, b, TEMPERATURES[own], WEIGHTS[own].log(), both=HIDDEN[own], chunk=3
        ).loss
    ),
    "group_ordering": lambda a, b, own: functional.group_ordering([a, b], negatives=4),
    "barlow_twins": lambda a, b, own: functional.barlow_twins(a, b).loss,
    "mixed_barlow_twins": lambda a, b, own: mixed(a, b, own).loss,
    "mixed_barlow_twins gram": lambda a, b, own: mixed(wide(a), wide(b), own).loss,
    "vicreg": lambda a, b, own: functional.vicreg(a, b).loss,
    "barlow_twins gram": lambda a, b, own: functional.barlow_twins(wide(a), wide(b)).loss,
    "vicreg gram": lambda a, b, own: functional.vicreg(wide(a), wide(b)).loss,
    "eckart_young": lambda a, b, own: functional.eckart_young([a, b, a * b]).loss,
    "eckart_young halves": lambda a, b, own: functional.eckart_young([a, b], halves=True).loss,
    "eckart_young gram": lambda a, b, own: functional.eckart_young([wide(a), wide(b)]).loss,
    "eckart_young gram halves": lambda a, b, own: (
        functional.eckart_young([wide(a), wide(b)], halves=True).loss
    ),
    "sigreg": lambda a, b, own: functional.sigreg(
        a, slices=7, generator=torch.Generator().manual_seed(0 if own.start == 0 else 1)
    ),
    "effective_entropy": lambda a, b, own: functional.effective_entropy(a).loss,
    "effective_entropy gram": lambda a, b, own: functional.effective_entropy(wide(a)).loss,
    "sinkhorn": lambda a, b, own: functional.global_mean(
        functional.soft_cross_entropy(a, functional.sinkhorn(b, sharpness=0.3)).sum(), len(a)
    ),
    "negative_cosine": lambda a, b, own: functional.negative_cosine(a, b),
    "dino": lambda a, b, own: functional.dino([a, b], [b.softmax(1), a.softmax(1)]),
    "masked_soft_cross_entropy": lambda a, b, own: functional.masked_soft_cross_entropy(
        a, b.softmax(1), HIDDEN[own]
    ),
    "masked_mean_squared_error": lambda a, b, own: functional.masked_mean_squared_error(
        a, b, HIDDEN[own]
    ),
    "masked_l1": lambda a, b, own: functional.masked_l1(a, b, HIDDEN[own]),
    "masked_smooth_l1": lambda a, b, own: functional.masked_smooth_l1(a, b, HIDDEN[own]),
    "contrast_within drawn": lambda a, b, own: functional.contrast_within(
        in_fours(a), in_fours(b), in_fours(HIDDEN[own]), drawn=DRAWN[: len(a) // 4], temperature=0.3
    ),
    "code_diversity": lambda a, b, own: (
        functional.code_diversity((5 * a).unflatten(1, (2, 3)), HIDDEN[own]).loss
    ),
    "scaled_cosine_error": lambda a, b, own: functional.scaled_cosine_error(a, b, HIDDEN[own]),
}


def in_fours(x: Tensor) -> Tensor:
    """Rows as tokens: four of each instance."""
    return x.view(-1, 4, *x.shape[1:])


def wide(x: Tensor) -> Tensor:
    """More dimensions than there are rows in all, for the Gram form."""
    return torch.tanh(x @ data(WIDTH, 40, seed=7))


def gradient(loss: Loss, own: slice) -> tuple[Tensor, Tensor]:
    """The loss on some rows, and its gradient with respect to the shared weights."""
    weights = START.clone().requires_grad_()
    value = loss(torch.tanh(FIRST[own] @ weights), torch.tanh(SECOND[own] @ weights), own)
    (slope,) = torch.autograd.grad(value, weights)
    return value.detach(), slope


def compare(rank: int, world: int) -> dict[str, dict[str, float]]:
    own = slice(rank * BATCH // world, (rank + 1) * BATCH // world)
    found = {}
    for name, loss in LOSSES.items():
        value, slope = gradient(loss, own)
        dist.all_reduce(slope)
        whole_value, whole = REFERENCE[name]
        found[name] = {
            "value": float(value / whole_value),
            "norm": float(slope.norm() / world / whole.norm()),
            "cosine": float(torch.cosine_similarity(slope.flatten(), whole.flatten(), dim=0)),
        }
    return found


def unequal_rows(rank: int) -> str:
    try:
        functional.gather_rows(torch.zeros(2 + rank, 3))
    except ValueError as error:
        return str(error)
    return "no error"


def collectives(rank: int, world: int) -> dict[str, bool]:
    x = (torch.arange(6.0).reshape(3, 2) + rank).double().requires_grad_()
    functions = (functional.gather_rows, functional.all_reduce_sum)
    rows = functional.gather_rows(x)
    expected = torch.cat([torch.arange(6.0).reshape(3, 2) + r for r in range(world)]).double()
    (slope,) = torch.autograd.grad((rows * (rank + 1)).sum(), x)
    ranks = sum(range(1, world + 1))
    shares = functional.global_mean(torch.tensor(6.0 * rank), torch.tensor(rank))
    return {
        "rows in the order of the ranks": torch.equal(rows, expected),
        "gather sums what every rank asks for": torch.equal(slope, torch.full_like(x, ranks)),
        "twice differentiable": all(twice(f, x, world) for f in functions),
        "mean over all terms": bool(shares == 6),
        "whole numbers are gathered": torch.equal(
            functional.gather_rows(torch.tensor([rank])), torch.arange(world)
        ),
        "world": functional.world_size() == world and functional.rank() == rank,
    }


def twice(collective: Callable[[Tensor], Tensor], x: Tensor, world: int) -> bool:
    """For sum(f(x)^3) every rank asks alike, so the second derivative holds world^2 of its own."""
    (slope,) = torch.autograd.grad(collective(x).pow(3).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(slope.sum(), x)
    at = x if collective is functional.gather_rows else functional.all_reduce_sum(x)
    times = world if collective is functional.gather_rows else world**2
    return torch.allclose(slope, 3 * at**2 * world) and torch.allclose(second, 6 * at * times)


def split(rank: int, folder: Path) -> dict[int, Any]:
    """Meet in groups of four and of two, one after the other."""
    answers: dict[int, Any] = {}
    for world in (4, 2):
        if rank < world:
            with together(folder, rank, world):
                answers[world] = {
                    "losses": compare(rank, world),
                    "collectives": collectives(rank, world),
                    "unequal": unequal_rows(rank),
                }
    return answers


if __name__ == "__main__":
    torch.set_num_threads(1)
    REFERENCE = {name: gradient(loss, slice(0, BATCH)) for name, loss in LOSSES.items()}
    fork(split, 4)
