"""Every network of timm as an encoder.

Source: https://github.com/huggingface/pytorch-image-models (timm/models/vision_transformer.py,
timm/models/_factory.py and timm/models/_registry.py of 1.0.31 read).
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import timm
import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from tacit.contract import Encoder, EncoderSpec, Encoding, Mask, Tokens
from tacit_vision.encoders import masking
from tacit_vision.encoders.normalise import Normalise
from tacit_vision.encoders.positions import Grid
from tacit_vision.encoders.timm_tokens import enter, is_plain_vit, mix
from tacit_vision.modality import Preprocessing
from tacit_vision.pixels import patches


@dataclass(frozen=True, kw_only=True)
class TimmConfig:
    """Settings of a network of timm.

    Args:
        model: its name there (`resnet18`, `vit_small_patch16_224.dino`, `hf-hub:owner/name`,
            `local-dir:/folder`).
        pretrained: start from its published weights (downloaded) instead of random ones.
        size: side of the images in pixels. None: the network's own if it has a fixed one, and any
            size otherwise.
        channels: channels of the images.
        mean: subtracted from pixels in [0, 1]. None: the network's own; where `channels` is not
            the network's, the average of its numbers.
        std: divided by after that, likewise.
    """

    model: str
    pretrained: bool = False
    size: int | None = None
    channels: int = 3
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if self.size is not None and self.size < 1:
            raise ValueError(f"timm: size: wanted at least 1 pixel; got {self.size}")


class Timm(Encoder):
    """A network of timm without its classifier.

    All pool. Plain vision transformers (timm's class `VisionTransformer`) also have tokens, taps,
    token targets and the mask modes `drop` and `replace`, run through timm's own blocks. Their
    tokens are what timm's `forward_features` returns: after the final norm, except in networks that
    norm only the pooled vector (`fc_norm`).

    Args:
        config: settings; `model` has no default.

    Raises:
        ValueError: an unknown model, or a size the network cannot have.
    """

    Config: ClassVar[type[TimmConfig]] = TimmConfig
    shorthand: ClassVar[str] = "model"

    def __init__(self, config: TimmConfig) -> None:
        super().__init__()
        self.config = config
        self.network = _create(config)
        self.plain = is_plain_vit(self.network)
        preprocessing = _preprocessing(self.network, config)
        self.spec = _spec(self.network, preprocessing)
        self.normalise = Normalise(preprocessing)
        self.mask_token: nn.Parameter | None = None
        if self.plain:
            self.mask_token = nn.Parameter(torch.zeros(self.spec.width))
            nn.init.trunc_normal_(self.mask_token, std=0.02)

    def no_weight_decay(self) -> frozenset[str]:
        """What timm says of the network, and tokens that are learned as such."""
        named: set[str] = getattr(self.network, "no_weight_decay", set)()
        # timm also names what only some variants have, and leaves register tokens out.
        names = {f"network.{name}" for name in (*named, "reg_token")} | {"mask_token"}
        return frozenset(names & {name for name, _ in self.named_parameters()})

    def exports(self) -> Mapping[str, Callable[[Path], None]]:
        """`timm`: a folder that timm loads, see `tacit_vision.export`."""
        from tacit_vision.export import export_timm  # which imports the encoders

        return {"timm": partial(export_timm, self)}

    def tokenize(self, value: Shaped[Tensor, "batch channels height width"]) -> Tokens:
        """Embedded patches, without positions; `relations` is their `Grid` if not the spec's.

        Raises:
            ValueError: the network has no such tokens, other channels, or sides that are no
                multiple of the patch.
        """
        grid = self._grid_of(value)
        values = self.network.patch_embed(self._normalised(value))
        # Networks made for any size (dynamic_img_size) leave rows and columns apart.
        values = values.flatten(1, -2)
        return Tokens(values=values, relations=None if grid == self.spec.grid else grid)

    def forward(
        self,
        value: Tensor | Tokens,
        *,
        mask: Mask | None = None,
        taps: Sequence[int] = (),
    ) -> Encoding:
        """Encode images `(batch, channels, height, width)`, or tokens made by `tokenize`.

        Raises:
            ValueError: what the spec does not declare, a mask of another shape or one that hides
                every token.
        """
        self.check_mask(mask)
        self.check_taps(taps)
        if self.plain:
            return self._encode_tokens(value, mask, tuple(taps))
        if isinstance(value, Tokens):
            raise ValueError(f"timm: {self.config.model} only pools: it takes images, not tokens")
        return Encoding(pooled=self._pool(value))

    def _pool(self, value: Tensor) -> Float[Tensor, "batch width"]:
        pooled: Tensor = self.network(self._normalised(value))
        if pooled.ndim != 2 or pooled.shape[1] != self.spec.width:
            raise ValueError(
                f"timm: {self.config.model}: wanted (batch, {self.spec.width}) without its "
                f"classifier; got {tuple(pooled.shape)}: wrap it in a PooledEncoder that pools it"
            )
        return pooled

    def _encode_tokens(
        self, value: Tensor | Tokens, mask: Mask | None, taps: tuple[int, ...]
    ) -> Encoding:
        tokens = value if isinstance(value, Tokens) else self.tokenize(value)
        if mask is not None:
            mask.check(*tokens.values.shape[:2])
        kept = masking.visible_positions(mask)
        prefix = self.network.num_prefix_tokens
        entered = enter(
            self.network,
            masking.replace_hidden(tokens.values, mask, self.mask_token),
            tokens.relations,
        )
        mixed, layers = mix(self.network, masking.keep(entered, kept, prefix), taps)
        return Encoding(
            pooled=self.network.forward_head(mixed, pre_logits=True),
            tokens=mixed[:, prefix:],
            kept=kept,
            layers={tap: layer[:, prefix:] for tap, layer in layers.items()},
        )

    def token_targets(
        self, value: Shaped[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch tokens content"]:
        """Pixels of every patch in [0, 1], before the encoder's mean and std; see `patches`.

        Raises:
            ValueError: the network declares no targets.
        """
        self._grid_of(value)
        return patches(value, tuple(self.network.patch_embed.patch_size))

    def _normalised(self, value: Tensor) -> Tensor:
        normalised: Tensor = self.normalise(value, next(self.network.parameters()).dtype)
        return normalised

    def _grid_of(self, value: Tensor) -> Grid:
        if not self.plain:
            raise ValueError(
                f"timm: {self.config.model} only pools: it has no tokens that could be masked; "
                "take a plain vision transformer (vit_*), or an objective that pools"
            )
        return Grid(*_grid(self.network, *value.shape[-2:]))


def _create(config: TimmConfig) -> Any:
    """The network, made with a fixed size where timm gives it one."""
    if ":" not in config.model and not timm.is_model(config.model):
        close = difflib.get_close_matches(config.model, timm.list_models(), n=3)
        hint = f"did you mean {', '.join(close)}? " if close else ""
        raise ValueError(
            f"timm: wanted the name of a model; got {config.model!r}: "
            f"{hint}timm.list_models() names all"
        )
    arguments: dict[str, Any] = {"in_chans": config.channels, "num_classes": 0}
    if config.size is not None and _fixed(config.model):
        arguments["img_size"] = config.size
    try:
        network: Any = timm.create_model(config.model, pretrained=config.pretrained, **arguments)
    except (TypeError, AssertionError) as error:
        raise ValueError(
            f"timm: {config.model} cannot be made with {arguments}: {error}: "
            "leave size and channels at its own, or take another model"
        ) from error
    if is_plain_vit(network):
        # Views of another size (small crops) are embedded too; positions are resampled for them.
        network.patch_embed.strict_img_size = False
        _grid(network, *network.patch_embed.img_size)
    return network


def _fixed(model: str) -> bool:
    if ":" in model:
        # Not in the registry: what its own configuration says is known only once it is loaded.
        return True
    known = timm.get_pretrained_cfg(model)
    return known is not None and bool(known.fixed_input_size)


def _grid(network: Any, height: int, width: int) -> tuple[int, int]:
    down, across = network.patch_embed.patch_size
    if height % down or width % across:
        raise ValueError(
            f"timm: wanted sides that are multiples of the patch, {down} x {across}; "
            f"got {height} x {width}: change the views' or the encoder's size"
        )
    return height // down, width // across


def _preprocessing(network: Any, config: TimmConfig) -> Preprocessing:
    known = network.pretrained_cfg
    size = None if config.size is None else (config.size, config.size)
    if size is None and known.get("fixed_input_size"):
        size = tuple(known["input_size"][-2:])
    return Preprocessing(
        size=size,
        channels=config.channels,
        mean=config.mean or _per_channel(known["mean"], config.channels),
        std=config.std or _per_channel(known["std"], config.channels),
    )


def _per_channel(numbers: Sequence[float], channels: int) -> tuple[float, ...]:
    if len(numbers) == channels:
        return tuple(numbers)
    return (sum(numbers) / len(numbers),) * channels


def _spec(network: Any, preprocessing: Preprocessing) -> EncoderSpec:
    width = getattr(network, "head_hidden_size", network.num_features)
    if not is_plain_vit(network):
        return EncoderSpec(modality="image", width=width, preprocessing=preprocessing)
    down, across = network.patch_embed.patch_size
    return EncoderSpec(
        modality="image",
        width=width,
        tokens="dense",
        grid=tuple(network.patch_embed.grid_size),
        mask_modes=frozenset({"replace", "drop"}),
        layers=len(network.blocks),
        target_width=down * across * preprocessing.channels,
        preprocessing=preprocessing,
    )
