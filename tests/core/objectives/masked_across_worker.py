"""Run by test_cross_modal_distributed.py in two processes: masked prediction, split and whole."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.distributed as dist
from tests.core.objectives.setting import BATCH, values
from tests.core.objectives.test_masked_across import Packed, made, packed
from tests.core.ranks import fork, together
from tests.core.toys import TokenEncoder

from tacit.contract import Mask, View, Views

HALF = BATCH // 2


def seen(rows: slice) -> Views:
    """Rows hide unlike numbers of tokens, by their content, and some lack a member."""
    every = []
    for i, name in enumerate("abc"):
        value = values(seed=i, dtype=torch.float64)[rows]
        hidden = value[..., 0] > 0.3 * i - 0.2
        mask = Mask(packed(hidden, value) if name == "c" else hidden, "replace")
        there = torch.arange(BATCH)[rows] % (i + 2) != 1
        every.append(View(value=value, modality=name, mask=mask, present=there))
    return Views(every)


def gradients(views: Views) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    encoders = {n: TokenEncoder(modality=n) for n in "ab"} | {"c": Packed("c")}
    setting = made(encoders=encoders)
    setting.objective.double()
    setting.encoders.double()
    setting.losses(views).total().backward()
    named = {
        **dict(setting.encoders.named_parameters()),
        **dict(setting.objective.named_parameters()),
    }
    return {name: p.grad for name, p in named.items() if p.grad is not None}


def compare(rank: int, folder: Path) -> dict[str, float]:
    """How far each gradient, averaged over two processes, is from that of one."""
    answers = {}
    largest = max(float(slope.abs().max()) for slope in WHOLE.values())
    with together(folder, rank, 2):
        for name, slope in gradients(seen(slice(rank * HALF, (rank + 1) * HALF))).items():
            dist.all_reduce(slope)
            answers[name] = float((slope / 2 - WHOLE[name]).abs().max()) / largest
    return answers


if __name__ == "__main__":
    torch.set_num_threads(1)
    WHOLE = gradients(seen(slice(0, BATCH)))
    fork(compare, 2)
