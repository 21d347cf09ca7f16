"""Every target of masked prediction, by its settings."""

from __future__ import annotations

from typing import TypeAlias

from tacit.contract import EncoderSpec
from tacit.nn.codes import (
    CodebookTarget,
    CodeTarget,
    KMeansTarget,
    RandomProjectionTarget,
    build_codes,
)
from tacit.nn.features import (
    InputTarget,
    LatentTarget,
    Own,
    OwnTarget,
    Position,
    PositionTarget,
    Tokenised,
    TokenisedTarget,
    build_features,
)
from tacit.nn.quantised import Quantised, QuantisedTarget
from tacit.nn.target import Target
from tacit.nn.tokenizer import TaughtCodes, TaughtCodesTarget

TargetConfig: TypeAlias = (
    InputTarget
    | OwnTarget
    | TokenisedTarget
    | QuantisedTarget
    | PositionTarget
    | LatentTarget
    | TaughtCodesTarget
    | CodeTarget
)


def build_target(config: TargetConfig, spec: EncoderSpec) -> Target:
    """The target of a configuration, for one encoder."""
    match config:
        case InputTarget() | LatentTarget():
            return build_features(config, spec)
        case OwnTarget():
            return Own(spec)
        case TokenisedTarget():
            return Tokenised(spec)
        case QuantisedTarget():
            return Quantised(config, spec)
        case TaughtCodesTarget():
            return TaughtCodes(config, spec)
        case PositionTarget():
            return Position(spec)
        case RandomProjectionTarget() | KMeansTarget() | CodebookTarget():
            return build_codes(config, spec)
