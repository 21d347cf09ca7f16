"""Run by test_tokenizer_distillation.py in two processes: one learns as both do together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from tests.core.objectives.setting import BATCH, values
from tests.core.ranks import fork, together
from tests.core.toys import AttendingEncoder, ToyContext
from torch import Tensor, nn

from tacit.contract import DataInfo, View, Views
from tacit.nn import Ema, TransformerDecoder, build_teacher
from tacit.nn.redraw import redraw
from tacit.objectives import TokenizerDistillation, TokenizerDistillationConfig

SMALL = TransformerDecoder(width=8, depth=1, heads=2)


def learnt(rows: slice) -> tuple[Tensor, Tensor, Tensor]:
    """Loss, gradient and codebook of some rows, after one step of the codebook."""
    torch.manual_seed(0)
    encoder = AttendingEncoder()
    objective = TokenizerDistillation(
        TokenizerDistillationConfig(codes=4, width=3, decay=0.5, decoder=SMALL)
    )
    objective.build({"signal": encoder.spec}, DataInfo(instances=64))
    objective.tokenizer_of("signal").begin(torch.randn(4, 3))
    encoders = nn.ModuleDict({"signal": encoder})
    teacher = build_teacher(Ema(), encoders, {}, seed=0)
    redraw(teacher, 1)
    for module in (encoders, objective, teacher):
        module.double()
    view = View(value=values(dtype=torch.float64)[rows], modality="signal")
    for _ in range(2):
        ctx = ToyContext({"signal": encoder}, teachers={"before": teacher})
        total = objective(Views([view]), ctx).total()
        objective.after_step(ctx)
    trained = [*encoder.parameters(), *objective.parameters()]
    slopes = torch.autograd.grad(total, trained, allow_unused=True)
    flat = torch.cat([slope.flatten() for slope in slopes if slope is not None])
    return total.detach(), flat, objective.tokenizer_of("signal").centres


def split(rank: int, folder: Path) -> dict[str, Any]:
    with together(folder, rank, 2):
        half = BATCH // 2
        total, slope, centres = learnt(slice(rank * half, (rank + 1) * half))
        dist.all_reduce(slope)
    return {
        "value": float(total / WHOLE[0]),
        "gradient": float((slope / 2 - WHOLE[1]).norm() / WHOLE[1].norm()),
        "centres": float((centres - WHOLE[2]).abs().max()),
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    WHOLE = learnt(slice(0, BATCH))
    fork(split, 2)
