"""timm's vision transformer, run in steps, so that masks come between them.

Source: `VisionTransformer.forward_features` and `_pos_embed`, timm/models/vision_transformer.py.
The steps are the same; where we differ: patches of another size than the configured one get
resampled positions without `dynamic_img_size`, and layers are tapped.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from timm.layers.patch_embed import PatchEmbed
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor

from tacit_vision.encoders.positions import Grid, resample


def is_plain_vit(network: Any) -> bool:
    """Whether tokens are patches, mixed by blocks one can run one by one.

    Subclasses (distilled, hybrid, of other position schemes) may change any step, so they pool
    only.
    """
    return type(network) is VisionTransformer and type(network.patch_embed) is PatchEmbed


def enter(
    network: Any, patches: Float[Tensor, "batch tokens width"], grid: Grid | None
) -> Float[Tensor, "batch length width"]:
    """Class and register tokens in front of the patches, and positions on them.

    Args:
        network: a plain vision transformer.
        patches: embedded patches.
        grid: theirs, if it is not the network's.

    Raises:
        ValueError: not the number of patches of the grid.
    """
    own = Grid(*network.patch_embed.grid_size)
    grid = grid or own
    if grid.rows * grid.columns != patches.shape[1]:
        raise ValueError(
            f"timm: wanted tokens made by tokenize, {own.rows} x {own.columns} or with their "
            f"Grid as relations; got {patches.shape[1]} tokens with {grid}"
        )
    prefix = [
        token.expand(patches.shape[0], -1, -1)
        for token in (network.cls_token, network.reg_token)
        if token is not None
    ]
    if network.pos_embed is None:
        return torch.cat([*prefix, patches], dim=1)
    if network.no_embed_class:
        patches = patches + resample(network.pos_embed, own, grid)
        return torch.cat([*prefix, patches], dim=1) if prefix else patches
    positions = resample(network.pos_embed, own, grid, network.num_prefix_tokens)
    return (torch.cat([*prefix, patches], dim=1) if prefix else patches) + positions


def mix(
    network: Any, values: Float[Tensor, "batch length width"], taps: tuple[int, ...]
) -> tuple[Float[Tensor, "batch length width"], dict[int, Tensor]]:
    """The network's blocks and final norm, and the blocks' outputs that are tapped."""
    layers: dict[int, Tensor] = {}
    values = network.norm_pre(values)
    for number, block in enumerate(network.blocks, start=1):
        values = block(values)
        if number in taps:
            layers[number] = values
    return network.norm(values), layers
