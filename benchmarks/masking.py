"""What dropping hidden tokens saves: a step of MAE at 75 % beside the same with tokens replaced.

The same encoder, decoder, mask and images; a step is views' masks, forward, backward and AdamW, as
the learner makes it. Encoders are the default one of `tacit_vision` at 8 x 8 tokens, and a larger
one at 14 x 14, where attention counts for more. One thread, CPU time, cases interleaved; memory is
the peak above what a first step leaves behind, in a fresh process each.

    OMP_NUM_THREADS=1 python benchmarks/masking.py
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from _measure import compare, peak_memory, write

from tacit.contract import Batch, MaskMode
from tacit.methods import Learner
from tacit.nn import RandomMask
from tacit.objectives import MaskedPrediction, MaskedPredictionConfig
from tacit_vision.encoders import ViT, ViTConfig
from tacit_vision.modality import Image
from tacit_vision.views import Masked

ROUNDS, BATCH, RATIO = 5, 32, 0.75


@dataclass(frozen=True)
class Size:
    """An encoder and the images it takes."""

    size: int
    patch: int
    width: int
    depth: int


SIZES = {
    "8 x 8 tokens, 6 blocks of 128": Size(32, 4, 128, 6),
    "14 x 14 tokens, 8 blocks of 192": Size(112, 8, 192, 8),
}
CASES: tuple[MaskMode, ...] = ("drop", "replace")


def step_of(size: Size, mode: MaskMode) -> Callable[[], None]:
    """One training step of a fresh learner."""
    torch.manual_seed(0)
    config = MaskedPredictionConfig(mask=RandomMask(ratio=RATIO), mode=mode)
    encoder = ViT(ViTConfig(size=size.size, patch=size.patch, width=size.width, depth=size.depth))
    learner = Learner(
        encoders={"image": encoder},
        objective=MaskedPrediction(config),
        augmentations={"image": Masked()},
        modalities={"image": Image()},
    )
    optimizer = torch.optim.AdamW(learner.parameters(), fused=True)
    images = torch.randint(0, 256, (BATCH, 3, size.size, size.size), dtype=torch.uint8)
    batch = Batch(values={"image": images}, index=torch.arange(BATCH))

    def step() -> None:
        learner(batch).total().backward()
        optimizer.step()
        optimizer.zero_grad()
        learner.after_step()

    return step


_STEPS: dict[tuple[Size, MaskMode], Callable[[], None]] = {}


def run(size: Size, case: MaskMode) -> None:
    """A step; the learner is made on the first call."""
    if (size, case) not in _STEPS:
        _STEPS[size, case] = step_of(size, case)
    _STEPS[size, case]()


def main() -> None:
    """Measure and keep."""
    torch.set_num_threads(1)
    parts = {}
    for name, size in SIZES.items():
        seconds = compare({case: partial(run, size, case) for case in CASES}, ROUNDS)
        rows = {}
        for case in CASES:
            again = partial(run, size, case)
            rows[case] = {
                "ms per step": 1000 * seconds[case],
                "relative time": seconds[case] / seconds["drop"],
                "peak MiB": peak_memory(again, warm_up=again) / 2**20,
            }
        parts[name] = {"batch": BATCH, "cases": rows}
    about = f"MAE hiding {RATIO:.0%} of the tokens, dropped before the encoder or replaced in it"
    print(write("masking", {"about": about, **parts}))


if __name__ == "__main__":
    main()
