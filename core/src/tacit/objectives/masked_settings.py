"""Settings of masked prediction, and what an encoder must offer for them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tacit.contract import MaskMode, Requirements
from tacit.nn import (
    ContrastWithin,
    CosineDecoder,
    CrossDecoder,
    CrossEntropy,
    DecoderConfig,
    Fill,
    InputTarget,
    LinearDecoder,
    MaskConfig,
    MeanSquared,
    MultiBlockMask,
    OwnDecoder,
    OwnTarget,
    PositionTarget,
    QuantisedTarget,
    RandomMask,
    TargetConfig,
    TokenisedTarget,
    TokenLoss,
    TransformerDecoder,
    TubeMask,
)


@dataclass(frozen=True, kw_only=True)
class MaskedPredictionConfig:
    """Settings of masked prediction; the defaults are MAE's.

    Args:
        mask: the sampler. A schedule `mask.ratio` moves its ratio, if it has one.
        mode: what becomes of hidden tokens in the encoder. Under `query` they enter with their
            content, so that only their position is left to be predicted.
        fill: what stands in for hidden tokens that are replaced.
        target: what is to be predicted.
        decoder: from encoded tokens to predictions.
        loss: how far off a prediction is; None where the target has a loss of its own.
        ask_all: whether all tokens are to be predicted and not the hidden ones alone.
        units: whether the mask is drawn over units instead of tokens, all tokens of a unit hidden
            together, where the encoder's tokens come in units (whole words of parts of them). The
            mask's ratio is then one of the units.
        penalty: weight of the mean square of what tokens were made of (`Tokens.energy`); wav2vec
            2.0 and HuBERT have 10 for encoders that do not normalise it on the way.

    Raises:
        ValueError: settings that contradict each other; says which to change.
    """

    mask: MaskConfig = RandomMask(ratio=0.75)
    mode: MaskMode = "drop"
    fill: Fill = Fill()
    target: TargetConfig = InputTarget(normalise=True)
    decoder: DecoderConfig = TransformerDecoder()
    loss: TokenLoss | None = MeanSquared()
    ask_all: bool = False
    units: bool = False
    penalty: float = 0.0

    def __post_init__(self) -> None:
        if self.penalty < 0:
            raise ValueError(f"penalty: wanted at least 0; got {self.penalty}")
        whole = LinearDecoder | CosineDecoder | OwnDecoder
        if self.mode == "drop" and isinstance(self.decoder, whole):
            raise ValueError(
                f"decoder: a {self.decoder.kind} one cannot predict tokens that were dropped; "
                "use kind='transformer', or mode='replace'"
            )
        if isinstance(self.decoder, CosineDecoder) and not isinstance(self.loss, CrossEntropy):
            raise ValueError(
                "decoder: a cosine one scores codes: wanted loss.kind='cross-entropy', or another "
                "decoder.kind"
            )
        if self.mode != "replace" and not self.fill.plain:
            raise ValueError(f"fill: has no effect under mode={self.mode!r}; set mode='replace'")
        if self.mode == "query" and not isinstance(self.target, PositionTarget):
            raise ValueError(
                "mode: under 'query' hidden tokens enter with their content, which would be the "
                "answer; set target.kind='position', or mode='replace'"
            )
        if isinstance(self.target, OwnTarget) != (self.loss is None):
            raise ValueError(
                "loss: an own target has its own: wanted loss='none' with target.kind='own', and "
                f"a kind of loss with any other; got {self.loss} with {self.target.kind!r}"
            )
        learns = isinstance(self.target, TokenisedTarget | QuantisedTarget)
        if learns and not isinstance(self.loss, ContrastWithin):
            raise ValueError(
                f"loss: a {self.target.kind} target learns too, and any loss but a contrast would "
                "make all tokens alike: set loss.kind='contrast'"
            )


def requirements(config: MaskedPredictionConfig) -> Requirements:
    """What settings need of encoders, views and batches."""
    words = {"tokens", f"mask:{config.mode}"}
    if config.mode == "drop" or isinstance(config.decoder, TransformerDecoder):
        words.add("tokens:dense")
    if isinstance(config.mask, MultiBlockMask):
        words.add("tokens:dense")
    if isinstance(config.mask, TubeMask):
        words |= {"tokens:dense", "tokens:grid"}
    if isinstance(config.decoder, OwnDecoder):
        words.add("decoder")
    if config.penalty:
        words.add("latents")
    needs = config.target.needs
    asked = needs.capabilities
    if isinstance(config.target, InputTarget) and isinstance(config.loss, CrossEntropy):
        asked = asked - {"targets"} | {"targets:codes"}
    return replace(
        needs,
        capabilities=asked | words,
        views=2 if isinstance(config.decoder, CrossDecoder) else 1,
        batch=2 if config.fill.donor else 1,
    )
