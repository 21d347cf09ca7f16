"""What the methods' training settings have in common."""

from __future__ import annotations

from collections.abc import Mapping

_COSINE = {"lr_factor": {"kind": "cosine", "start": 1.0, "warmup": 0.1}}


def training(
    lr: float = 1e-3,
    *,
    decay: float = 0.01,
    betas: tuple[float, float] | None = None,
    clip: float | None = None,
    schedules: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """AdamW with a warm-up and half a cosine: what small batches and small models like.

    Args:
        lr: the rate at its height.
        decay: weight decay.
        betas: of the moments; None: the optimiser's own.
        clip: largest norm of the gradient; None: any.
        schedules: of values besides the rate.
    """
    optimizer: dict[str, object] = {"kind": "adamw", "lr": lr, "weight_decay": decay}
    if betas is not None:
        optimizer["betas"] = betas
    settings: dict[str, object] = {
        "epochs": 100,
        "batch": 256,
        "optimizer": optimizer,
        "schedules": {**_COSINE, **(schedules or {})},
    }
    return settings if clip is None else {**settings, "clip": clip}
