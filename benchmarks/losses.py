"""Losses beside lightly's and beside the plain lines of torch: CPU time and peak memory.

Forward and backward on one thread; peak memory is that of a fresh process over its inputs.

    python benchmarks/losses.py [--quick]

writes benchmarks/results/losses.json and prints the table.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import torch
from _measure import beside, write
from torch import Tensor

from tacit.functional import (
    barlow_twins,
    dcl,
    dino,
    momentum_contrast,
    nt_xent,
    sigreg,
    sinkhorn,
    vicreg,
)

TEMPERATURE = 0.1
Loss = Callable[[Tensor, Tensor], Tensor]


def plain_nt_xent(a: Tensor, b: Tensor) -> Tensor:
    rows = torch.nn.functional.normalize(torch.cat([a, b]), dim=1)
    scores = (rows @ rows.T / TEMPERATURE).fill_diagonal_(float("-inf"))
    return torch.nn.functional.cross_entropy(scores, torch.arange(len(rows)).roll(len(a)))


def plain_dcl(a: Tensor, b: Tensor) -> Tensor:
    rows = torch.nn.functional.normalize(torch.cat([a, b]), dim=1)
    scores = rows @ rows.T / TEMPERATURE
    own, other = torch.arange(len(rows)), torch.arange(len(rows)).roll(len(a))
    pulls = scores[own, other]
    hidden = scores.clone()
    hidden[own, own] = hidden[own, other] = float("-inf")
    return (hidden.logsumexp(1) - pulls).mean()


QUEUE = 4096


@cache
def queue(width: int) -> Tensor:
    """Past keys, of length 1."""
    generator = torch.Generator().manual_seed(1)
    return torch.nn.functional.normalize(torch.randn(QUEUE, width, generator=generator), dim=1)


def our_queue(a: Tensor, b: Tensor) -> Tensor:
    past = queue(a.shape[1])
    return momentum_contrast(a, b.detach(), TEMPERATURE, queue=past, in_batch=False).loss


def lightly_queue() -> Loss:
    from lightly.loss import NTXentLoss

    made: dict[int, Any] = {}

    def loss(a: Tensor, b: Tensor) -> Tensor:
        width = a.shape[1]
        if width not in made:
            made[width] = NTXentLoss(temperature=TEMPERATURE, memory_bank_size=(QUEUE, width))
        return made[width](a, b.detach())  # type: ignore[no-any-return]

    return loss


def plain_queue(a: Tensor, b: Tensor) -> Tensor:
    x, y = (torch.nn.functional.normalize(v, dim=1) for v in (a, b.detach()))
    own = (x * y).sum(1, keepdim=True)
    scores = torch.cat([own, x @ queue(a.shape[1]).T], dim=1) / TEMPERATURE
    return torch.nn.functional.cross_entropy(scores, torch.zeros(len(a), dtype=torch.long))


SLICES = 1024


def our_sigreg(a: Tensor, b: Tensor) -> Tensor:
    draw = torch.Generator().manual_seed(0)
    found = [sigreg(each, slices=SLICES, generator=draw) for each in (a, b)]
    return torch.stack(found).mean()


def plain_sigreg(a: Tensor, b: Tensor) -> Tensor:
    directions = torch.nn.functional.normalize(torch.randn(a.shape[1], SLICES), dim=0)
    points = torch.linspace(0, 3, 17)
    gaussian = (-points.square() / 2).exp()
    found = []
    for each in (a, b):
        angles = (each @ directions)[..., None] * points
        gap = (angles.cos().mean(0) - gaussian).square() + angles.sin().mean(0).square()
        found.append(2 * len(a) * torch.trapezoid(gap * gaussian, points).mean())
    return torch.stack(found).mean()


def plain_off_diagonal(square: Tensor) -> Tensor:
    width = len(square)
    return square.flatten()[:-1].view(width - 1, width + 1)[:, 1:].square().sum()


def plain_barlow(a: Tensor, b: Tensor) -> Tensor:
    x, y = (torch.nn.functional.batch_norm(v, None, None, training=True) for v in (a, b))
    correlation = x.T @ y / len(a)
    apart = plain_off_diagonal(correlation)
    return (correlation.diagonal() - 1).square().sum() + 0.005 * apart


def plain_vicreg(a: Tensor, b: Tensor) -> Tensor:
    loss = 25 * torch.nn.functional.mse_loss(a, b)
    for view in (a, b):
        x = view - view.mean(0)
        loss = loss + 12.5 * (1 - (x.var(0) + 1e-4).sqrt()).relu().mean()
        loss = loss + plain_off_diagonal(x.T @ x / (len(x) - 1)) / x.shape[1]
    return loss


COSINES = 0.15
"""Brings the inputs of the clustering losses to the size of cosines."""


def our_swav(a: Tensor, b: Tensor) -> Tensor:
    scores = [COSINES * a, COSINES * b]
    return dino(scores, [sinkhorn(each) for each in scores], temperature=TEMPERATURE)


def plain_swav(a: Tensor, b: Tensor) -> Tensor:
    scores = [COSINES * a, COSINES * b]
    codes = []
    for each in scores:
        shares = (each.detach() / 0.05).exp()
        for _ in range(3):
            shares = shares / shares.sum(0)
            shares = shares / shares.sum(1, keepdim=True)
        codes.append(shares)
    found = [
        torch.nn.functional.cross_entropy(each / TEMPERATURE, code)
        for each, code in zip(scores, codes[::-1], strict=True)
    ]
    return torch.stack(found).mean()


def losses(name: str) -> dict[str, Loss]:
    """The same loss three times, lightly imported on use."""
    from lightly.loss import (
        BarlowTwinsLoss,
        DCLLoss,
        DCLWLoss,
        NTXentLoss,
        SwaVLoss,
        VICRegLoss,
    )
    from lightly.loss.lejepa_loss import SIGReg

    lightly_swav = SwaVLoss(temperature=TEMPERATURE)
    lightly_sigreg = SIGReg(num_vectors=SLICES)

    return {
        "nt_xent": {
            "tacit": lambda a, b: nt_xent(a, b, TEMPERATURE).loss,
            "lightly": NTXentLoss(temperature=TEMPERATURE),
            "plain": plain_nt_xent,
        },
        "nt_xent_queue": {"tacit": our_queue, "lightly": lightly_queue(), "plain": plain_queue},
        "dcl": {
            "tacit": lambda a, b: dcl(a, b, TEMPERATURE).loss,
            "lightly": DCLLoss(temperature=TEMPERATURE),
            "plain": plain_dcl,
        },
        "dclw": {
            "tacit": lambda a, b: dcl(a, b, TEMPERATURE, sigma=0.5).loss,
            "lightly": DCLWLoss(temperature=TEMPERATURE),
            "plain": plain_dcl,  # its weights cost next to nothing
        },
        "sigreg": {
            "tacit": our_sigreg,
            "lightly": lambda a, b: lightly_sigreg(torch.stack([a, b])),
            "plain": plain_sigreg,
        },
        "barlow_twins": {
            "tacit": lambda a, b: barlow_twins(a, b).loss,
            "lightly": BarlowTwinsLoss(),
            "plain": plain_barlow,
        },
        "vicreg": {
            "tacit": lambda a, b: vicreg(a, b).loss,
            "lightly": VICRegLoss(),
            "plain": plain_vicreg,
        },
        "swav": {
            "tacit": our_swav,
            "lightly": lambda a, b: lightly_swav([COSINES * a, COSINES * b], []),
            "plain": plain_swav,
        },
    }[name]


@cache
def views(rows: int, width: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, rows, width, generator=generator)
    return a.requires_grad_(), b.requires_grad_()


@cache
def loss_of(name: str, library: str) -> Loss:
    torch.set_num_threads(1)
    return losses(name)[library]


def step(name: str, library: str, rows: int, width: int) -> None:
    """One forward and backward pass."""
    a, b = views(rows, width)
    a.grad = b.grad = None
    torch.autograd.backward(loss_of(name, library)(a, b))


def warm_up(name: str, library: str, rows: int, width: int) -> None:
    """Imports, kernels and inputs, which are no part of the peak."""
    step(name, library, 8, 16)
    step(name, library, 16, 8)
    views(rows, width)


LIBRARIES = ("tacit", "lightly", "plain")
CONTRASTIVE = [("nt_xent", rows, width) for width in (128, 2048) for rows in (256, 1024, 4096)]
CONTRASTIVE += [("nt_xent", 256, 8192), ("nt_xent", 1024, 8192)]
CONTRASTIVE += [(name, n, 128) for name in ("nt_xent_queue", "dcl", "dclw") for n in (256, 1024)]
CONTRASTIVE += [("nt_xent_queue", 4096, 128), ("dcl", 4096, 128), ("dclw", 1024, 2048)]
SLICED = [("sigreg", 256, 128), ("sigreg", 1024, 128), ("sigreg", 256, 2048)]
REDUNDANCY = [
    (name, rows, width)
    for name in ("barlow_twins", "vicreg")
    for rows, width in (
        (256, 128),
        (1024, 128),
        (4096, 128),
        (256, 2048),
        (1024, 2048),
        (4096, 2048),
        (256, 8192),
        (1024, 8192),
    )
]
CLUSTERING = [("swav", rows, width) for rows, width in ((256, 512), (1024, 3000), (4096, 3000))]
"""Width is that of the scores, the number of prototypes; the paper has 3000."""
QUICK = [("nt_xent", 256, 128), ("nt_xent", 1024, 128)] + [
    (name, rows, width)
    for name in ("barlow_twins", "vicreg")
    for rows, width in ((256, 128), (1024, 128), (256, 2048))
]


def cases() -> list[tuple[str, int, int]]:
    """Everything that is kept."""
    return CONTRASTIVE + SLICED + REDUNDANCY + CLUSTERING


def rounds(rows: int, width: int) -> int:
    """Fewer rounds for what takes seconds, so that the whole fits in minutes."""
    work = rows * width * max(rows, width)
    return 41 if work < 2e8 else 11 if work < 2e9 else 5 if work < 5e10 else 3


def measure(name: str, rows: int, width: int) -> dict[str, Any]:
    arguments = {library: (name, library, rows, width) for library in LIBRARIES}
    found = beside(
        {library: partial(step, *of) for library, of in arguments.items()},
        {library: partial(warm_up, *of) for library, of in arguments.items()},
        rounds(rows, width),
    )
    return {
        "loss": name,
        "rows": rows,
        "width": width,
        "rounds": rounds(rows, width),
        "value": {x: float(loss_of(name, x)(*views(rows, width)).detach()) for x in LIBRARIES},
        **found,
    }


HEADER = (
    f"{'loss':13}{'rows':>6}{'width':>6} |{'tacit':>9}{'lightly':>9}{'plain':>9} ms |"
    f"{'tacit':>8}{'lightly':>8}{'plain':>8} MB | x lightly: time, memory | x plain: time, memory"
)


def line(found: dict[str, Any]) -> str:
    times = "".join(f"{found['milliseconds'][x]:9.1f}" for x in LIBRARIES)
    sizes = "".join(f"{found['peak_mb'][x]:8.1f}" for x in LIBRARIES)
    ratios = " | ".join(
        f"{found['times_faster'][x]:10.1f}{found['times_smaller'][x]:12.1f}" for x in LIBRARIES[1:]
    )
    where = f"{found['loss']:13}{found['rows']:6}{found['width']:6}"
    return f"{where} |{times}    |{sizes}    | {ratios}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, seconds; not kept")
    parser.add_argument("--only", nargs="+", help="losses to measure; not kept")
    args = parser.parse_args()
    quick = args.quick
    torch.set_num_threads(1)
    print(HEADER)
    results = []
    for name, rows, width in QUICK if quick else cases():
        if args.only and name not in args.only:
            continue
        results.append(measure(name, rows, width))
        print(line(results[-1]), flush=True)
        views.cache_clear()
    if not quick and not args.only:
        write("losses", {"measured": "forward and backward, one thread", "results": results})


if __name__ == "__main__":
    main()
