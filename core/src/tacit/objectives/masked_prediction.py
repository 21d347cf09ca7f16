"""Masked prediction: hide tokens, predict what was there. MAE and SimMIM are configurations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from tacit.contract import (
    Context,
    DataInfo,
    EncoderSpec,
    Losses,
    Mask,
    MaskMode,
    Objective,
    Requirements,
    View,
    Views,
)
from tacit.functional import (
    masked_l1,
    masked_mean_squared_error,
    masked_smooth_l1,
    normalise_tokens,
)
from tacit.nn import DecoderConfig, RandomMask, TransformerDecoder, build_decoder

_LOSSES = {"mse": masked_mean_squared_error, "l1": masked_l1, "smooth_l1": masked_smooth_l1}


@dataclass(frozen=True, kw_only=True)
class MaskedPredictionConfig:
    """Settings of masked prediction; the defaults are MAE's.

    Args:
        mask: the sampler.
        mode: what becomes of hidden tokens in the encoder.
        decoder: from encoded tokens to predictions.
        normalise: standardise each token's target by its own mean and deviation.
        loss: the distance between prediction and target.

    Raises:
        ValueError: a linear decoder under `drop`: it has nothing to predict hidden tokens from.
    """

    mask: RandomMask = RandomMask(ratio=0.75)
    mode: MaskMode = "drop"
    decoder: DecoderConfig = TransformerDecoder()
    normalise: bool = True
    loss: Literal["mse", "l1", "smooth_l1"] = "mse"

    def __post_init__(self) -> None:
        if self.mode == "drop" and self.decoder.kind == "linear":
            raise ValueError(
                "decoder: a linear one cannot predict tokens that were dropped; "
                "use kind='transformer', or mode='replace'"
            )


class MaskedPrediction(Objective):
    """Hides tokens of each view and predicts their raw content.

    A view that carries a mask keeps it; else the sampler draws one. The loss is the mean over
    hidden tokens alone.

    Source: MAE, He et al. 2022 (arXiv 2111.06377), facebookresearch/mae; SimMIM, Xie et al. 2022
    (arXiv 2111.09886), microsoft/SimMIM. Differs: see `tacit.nn.TransformerHead`.
    """

    Config = MaskedPredictionConfig

    def __init__(self, config: MaskedPredictionConfig | None = None) -> None:
        super().__init__()
        self.config = config or MaskedPredictionConfig()
        self.decoder = nn.ModuleDict()
        self.grids: dict[str, tuple[int, ...]] = {}
        words = {"tokens:dense", "targets", f"mask:{self.config.mode}"}
        self.requires = Requirements(capabilities=frozenset(words))

    def build(self, specs: Mapping[str, EncoderSpec], data: DataInfo) -> None:
        """A decoder for each modality.

        Raises:
            ValueError: an encoder without a grid of tokens, or one the mask's blocks do not fit.
        """
        for name, spec in specs.items():
            if spec.grid is None or spec.target_width is None:
                raise ValueError(
                    f"masked prediction needs tokens on a fixed grid with features as targets; the "
                    f"{name} encoder has grid={spec.grid}, target_width={spec.target_width}"
                )
            self.config.mask.check(spec.grid)
            self.grids[name] = spec.grid
            self.decoder[name] = build_decoder(self.config.decoder, spec, spec.target_width)

    def forward(self, views: Views, ctx: Context) -> Losses:
        """The error on hidden tokens, averaged over the views of each modality."""
        terms: dict[str, Tensor] = {}
        for name in views.modalities:
            errors = [self._error(name, view, ctx) for view in views.of(name)]
            suffix = f"/{name}" if len(views.modalities) > 1 else ""
            terms[f"reconstruction{suffix}"] = torch.stack(errors).mean()
        return Losses(terms=terms)

    def _error(self, name: str, view: View, ctx: Context) -> Tensor:
        with torch.no_grad():
            target = ctx.encoder(name).token_targets(view.value)
            if self.config.normalise:
                target = normalise_tokens(target)
        mask = self._mask(name, view, target, ctx)
        predicted = self.decoder[name](ctx.encode(view, mask=mask))
        return _LOSSES[self.config.loss](predicted, target.to(predicted.dtype), mask.hidden)

    def _mask(self, name: str, view: View, target: Tensor, ctx: Context) -> Mask:
        if view.mask is not None:
            return view.mask
        rows = target.shape[0]
        return self.config.mask(
            rows, self.grids[name], mode=self.config.mode, generator=ctx.generator
        )
