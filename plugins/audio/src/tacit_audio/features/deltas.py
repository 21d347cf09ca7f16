"""How features change from frame to frame."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def deltas(
    values: Float[Tensor, "batch time features"],
    valid: Bool[Tensor, "batch time"] | None,
    reach: int = 2,
) -> Float[Tensor, "batch time features"]:
    """The slope of every feature over the frames within reach; a clip's ends go on as they are.

    Source: HTK book, section 5.9; equal to `torchaudio.functional.compute_deltas` on clips of one
    length, see the tests.
    """
    time = values.shape[1]
    place = torch.arange(time, device=values.device).expand(len(values), -1)
    last = torch.full((len(values), 1), time - 1, device=values.device)
    if valid is not None:
        last = valid.sum(1, keepdim=True).clamp(min=1) - 1
    slope = torch.zeros_like(values)
    for step in range(1, reach + 1):
        ahead, behind = (place + step).minimum(last), (place - step).clamp(min=0)
        slope = slope + step * (_at(values, ahead) - _at(values, behind))
    return slope / (2 * sum(step * step for step in range(1, reach + 1)))


def _at(
    values: Float[Tensor, "batch time features"], place: Tensor
) -> Float[Tensor, "batch time features"]:
    return values.gather(1, place[..., None].expand_as(values))
