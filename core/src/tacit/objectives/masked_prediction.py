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
from tacit.objectives.instances import counted

_LOSSES = {"mse": masked_mean_squared_error, "l1": masked_l1, "smooth_l1": masked_smooth_l1}


@dataclass(frozen=True, kw_only=True)
class MaskedPredictionConfig:
    """Settings of masked prediction; the defaults are MAE's.

    Args:
        mask: the sampler.
        mode: what becomes of hidden tokens in the encoder. Not `query`: there they enter with their
            content, which is what is to be predicted.
        decoder: from encoded tokens to predictions.
        normalise: standardise each token's target by its own mean and deviation.
        loss: the distance between prediction and target.

    Raises:
        ValueError: a linear decoder under `drop`: it has nothing to predict hidden tokens from.
    """

    mask: RandomMask = RandomMask(ratio=0.75)
    mode: Literal["drop", "replace"] = "drop"
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

    Tokens may be dense, on a grid or in rows of any length, padded or not, or packed; a transformer
    decoder and `drop` need dense ones.

    Source: MAE, He et al. 2022 (arXiv 2111.06377), facebookresearch/mae, models_mae.py; SimMIM, Xie
    et al. 2022 (arXiv 2111.09886), microsoft/SimMIM, models/simmim.py. Differs: see
    `tacit.nn.decoders.TransformerHead`; targets are on the encoder's own scale, where SimMIM's are
    normalised over the data set.
    """

    Config = MaskedPredictionConfig

    def __init__(self, config: MaskedPredictionConfig | None = None) -> None:
        super().__init__()
        self.config = config or MaskedPredictionConfig()
        self.decoder = nn.ModuleDict()
        self.specs: dict[str, EncoderSpec] = {}
        words = {"tokens", "targets", f"mask:{self.config.mode}"}
        if self.config.mode == "drop" or self.config.decoder.kind == "transformer":
            words.add("tokens:dense")
        self.requires = Requirements(capabilities=frozenset(words))

    def build(self, specs: Mapping[str, EncoderSpec], data: DataInfo) -> None:
        """A decoder for each modality.

        Raises:
            ValueError: an encoder whose targets are codes or too narrow to normalise, or a grid the
                mask does not fit.
        """
        for name, spec in specs.items():
            if spec.target_width is None:
                raise ValueError(
                    f"masked prediction needs features as targets; those of the {name} encoder are "
                    f"codes, of a vocabulary of {spec.vocabulary}"
                )
            if self.config.normalise and spec.target_width < 2:
                raise ValueError(
                    f"normalise: the {name} encoder's targets are 1 number wide and would all "
                    "become 0; set normalise=false"
                )
            if spec.grid is not None:
                self.config.mask.check(spec.grid, self.config.mode)
            self.specs[name] = spec
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
        mask = self._mask(self.specs[name], view, target, ctx)
        encoding = ctx.encode(view, mask=mask)
        predicted = self.decoder[name](encoding, mask)
        return _LOSSES[self.config.loss](predicted, target, counted(view, encoding, mask.hidden))

    def _mask(self, spec: EncoderSpec, view: View, target: Tensor, ctx: Context) -> Mask:
        mode, sampler, generator = self.config.mode, self.config.mask, ctx.generator
        if view.mask is not None:
            if view.mask.mode != mode:
                raise ValueError(
                    f"the {view.modality} views bring masks of mode {view.mask.mode!r}; the "
                    f"objective is set to {mode!r}: set the objective's mode, or the views' mask"
                )
            return view.mask
        if spec.tokens == "packed":
            return sampler.packed(target.shape[0], mode=mode, generator=generator)
        if spec.grid is not None:
            return sampler(target.shape[0], spec.grid, mode=mode, generator=generator)
        valid = ctx.encoder(view.modality).tokenize(view.value).valid  # rows of any length
        rows, tokens = target.shape[:2]
        return sampler(rows, (tokens,), mode=mode, generator=generator, valid=valid)
