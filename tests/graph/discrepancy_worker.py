"""Run by test_discrepancy.py in two processes: D-SLA's losses, split and whole.

Gradients of the head and of what embeddings are made of, averaged over the processes, are set
beside those of one process. Candidates without edits are spread unevenly.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.distributed as dist
from tests.core.ranks import fork, together
from torch import Tensor

from tacit.contract import DataInfo, EncoderSpec
from tacit_graph.objectives import Discrepancy

SIZE, WIDTH = 8, 5


def gradients(rows: slice) -> dict[str, Tensor]:
    """The loss, and its gradients for a linear map that makes embeddings and for the head."""
    torch.manual_seed(0)
    objective = Discrepancy()
    spec = EncoderSpec(modality="graph", width=WIDTH)
    objective.build({"graph": spec}, DataInfo())
    objective.double()
    raw = torch.randn(SIZE, 4, WIDTH, dtype=torch.float64)
    weight = torch.randn(WIDTH, WIDTH, dtype=torch.float64, requires_grad=True)
    edits = torch.randint(1, 6, (SIZE, 3))
    edits[:3, 1] = edits[1] = 0
    total = objective.compare("graph", raw[rows] @ weight, edits[rows], 2).total()
    head = dict(objective.score["graph"].named_parameters())
    del head["4.bias"]  # moves all scores alike: its gradient is 0
    slopes = torch.autograd.grad(total, [weight, *head.values()])
    return {"loss": total.detach(), **dict(zip(["candidates", *head], slopes, strict=True))}


def compare(rank: int, folder: Path) -> dict[str, float]:
    """How far each, averaged over two processes, is from that of one."""
    half = SIZE // 2
    answers = {}
    with together(folder, rank, 2):
        for key, slope in gradients(slice(rank * half, (rank + 1) * half)).items():
            dist.all_reduce(slope)
            wanted = REFERENCE[key]
            answers[key] = float((slope / 2 - wanted).abs().max() / wanted.abs().max())
    return answers


if __name__ == "__main__":
    torch.set_num_threads(1)
    REFERENCE = gradients(slice(0, SIZE))
    fork(compare, 2)
