"""CAE: predict the latents of what is hidden, and its content from those alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor, nn

from tacit.contract import Context, DataInfo, EncoderSpec, Encoding, Mask, View
from tacit.functional import masked_mean_squared_error
from tacit.nn import BlockMask, MaskConfig, TransformerDecoder
from tacit.nn.regressor import LatentRegressor
from tacit.objectives.instances import counted
from tacit.objectives.masked_prediction import MaskedPrediction
from tacit.objectives.masked_settings import MaskedPredictionConfig


@dataclass(frozen=True, kw_only=True)
class ContextAutoencoderConfig(MaskedPredictionConfig):
    """Settings of CAE: those of masked prediction, and what lies between encoder and decoder.

    Args:
        regressor: its depth and heads; it has the encoder's width.
        alignment: weight of the distance between predicted and true latents; the paper's is 2.

    Raises:
        ValueError: another mode than `drop`, another decoder than a transformer, or a negative
            weight.
    """

    mask: MaskConfig = BlockMask(ratio=0.5)
    regressor: TransformerDecoder = TransformerDecoder(depth=2)
    alignment: float = 2.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.mode != "drop" or type(self.decoder) is not TransformerDecoder or self.ask_all:
            raise ValueError(
                "CAE: wanted mode='drop', decoder.kind='transformer' and ask_all=false; got "
                f"{self.mode!r}, {self.decoder.kind!r} and {self.ask_all}"
            )
        if self.alignment < 0:
            raise ValueError(f"alignment: wanted at least 0; got {self.alignment}")


class ContextAutoencoder(MaskedPrediction):
    """Encoder of what is seen, regressor of the latents of what is not, decoder of those alone.

    What is seen does not reach the decoder, so that the encoder need not prepare the answer. The
    predicted latents are pulled towards those the encoder itself gives the hidden tokens, which
    get no gradient.

    Source: Chen et al. 2022 (arXiv 2202.03026) section 3, Atten4Vis/CAE. Differs: the target is the
    normalised content, or codes of `tacit.nn.codes`, where the authors have a trained tokeniser's.
    """

    Config = ContextAutoencoderConfig

    def __init__(self, config: ContextAutoencoderConfig | None = None) -> None:
        self.own = config or ContextAutoencoderConfig()
        super().__init__(self.own)
        self.regressor = nn.ModuleDict()
        words = self.requires.capabilities | {"tokens:grid"}
        self.requires = replace(self.requires, capabilities=words)

    def build(self, specs: Mapping[str, EncoderSpec], data: DataInfo) -> None:
        """A regressor beside target and decoder of each modality."""
        super().build(specs, data)
        for name, spec in specs.items():
            self.regressor[name] = LatentRegressor(self.own.regressor, spec)

    def errors(
        self, name: str, view: View, ctx: Context, reference: Encoding | None
    ) -> dict[str, Tensor]:
        """The error on the content of hidden tokens, and on their latents."""
        target = self.target_of(name)
        content = target(view, ctx)
        (hiding,) = self.hidings(self.specs[name], view, content, ctx)
        mask = hiding.mask
        assert mask.hidden_per_row is not None, "an encoder that drops asks for it"
        rest = Mask(~mask.hidden, "drop", mask.hidden.shape[1] - mask.hidden_per_row)
        seen = ctx.encode(view, mask=mask)
        with torch.no_grad():
            wanted = ctx.encode(view, mask=rest).tokens
        assert wanted is not None
        asked = counted(view, seen, hiding.asked)
        target.observe(asked)
        latents = self.regressor[name](seen, mask)
        predicted = self.decoder[name](_alone(latents, mask), Mask(mask.hidden, "replace"))
        counts = asked.gather(1, mask.hidden_index())
        return {
            "reconstruction": self.distance(target, predicted, content, asked, seen, ctx),
            "alignment": self.own.alignment * masked_mean_squared_error(latents, wanted, counts),
        }


def _alone(latents: Float[Tensor, "batch hidden width"], mask: Mask) -> Encoding:
    """Latents in their places, and padding, which nothing looks at, where tokens were seen."""
    index = mask.hidden_index()[..., None].expand_as(latents)
    tokens = latents.new_zeros(*mask.hidden.shape, latents.shape[2]).scatter(1, index, latents)
    return Encoding(pooled=latents.mean(1), tokens=tokens, valid=mask.hidden)
