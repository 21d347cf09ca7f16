"""What objectives are made of: heads, decoders, mask samplers, teachers and state."""

from tacit.nn.decoders import (
    CrossDecoder,
    DecoderConfig,
    LinearDecoder,
    OwnDecoder,
    TransformerDecoder,
    build_decoder,
)
from tacit.nn.fill import Fill, fill_hidden
from tacit.nn.heads import Mlp, MlpConfig
from tacit.nn.masks import Hiding, MaskConfig, MaskSampler, RandomMask
from tacit.nn.norm import GlobalBatchNorm, synchronise_batch_norm
from tacit.nn.positions import grid_positions
from tacit.nn.prototypes import Centre, PrototypeHead, PrototypeHeadConfig, Prototypes
from tacit.nn.state import EmbeddingQueue, SampleState
from tacit.nn.targets import (
    InputTarget,
    LatentTarget,
    OwnTarget,
    PositionTarget,
    Target,
    TargetConfig,
    TokenisedTarget,
    build_target,
)
from tacit.nn.teacher import (
    Ema,
    Frozen,
    PreviousStage,
    RandomInit,
    Teacher,
    TeacherPolicy,
    build_teacher,
)
from tacit.nn.token_losses import (
    ContrastWithin,
    CrossEntropy,
    MeanAbsolute,
    MeanSquared,
    ScaledCosine,
    SmoothAbsolute,
    TokenLoss,
    token_error,
)

__all__ = [
    "Centre",
    "ContrastWithin",
    "CrossDecoder",
    "CrossEntropy",
    "DecoderConfig",
    "Ema",
    "EmbeddingQueue",
    "Fill",
    "Frozen",
    "GlobalBatchNorm",
    "Hiding",
    "InputTarget",
    "LatentTarget",
    "LinearDecoder",
    "MaskConfig",
    "MaskSampler",
    "MeanAbsolute",
    "MeanSquared",
    "Mlp",
    "MlpConfig",
    "OwnDecoder",
    "OwnTarget",
    "PositionTarget",
    "PreviousStage",
    "PrototypeHead",
    "PrototypeHeadConfig",
    "Prototypes",
    "RandomInit",
    "RandomMask",
    "SampleState",
    "ScaledCosine",
    "SmoothAbsolute",
    "Target",
    "TargetConfig",
    "Teacher",
    "TeacherPolicy",
    "TokenLoss",
    "TokenisedTarget",
    "TransformerDecoder",
    "build_decoder",
    "build_target",
    "build_teacher",
    "fill_hidden",
    "grid_positions",
    "synchronise_batch_norm",
    "token_error",
]
