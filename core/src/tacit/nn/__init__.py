"""What objectives are made of: heads, decoders, mask samplers, teachers and state."""

from tacit.nn.decoders import (
    DecoderConfig,
    LinearDecoder,
    TransformerDecoder,
    build_decoder,
)
from tacit.nn.heads import Mlp, MlpConfig
from tacit.nn.masks import RandomMask
from tacit.nn.norm import GlobalBatchNorm, synchronise_batch_norm
from tacit.nn.positions import grid_positions
from tacit.nn.prototypes import Centre, PrototypeHead, PrototypeHeadConfig, Prototypes
from tacit.nn.state import EmbeddingQueue, SampleState
from tacit.nn.teacher import (
    Ema,
    Frozen,
    PastCheckpoint,
    PreviousStage,
    RandomInit,
    Teacher,
    TeacherPolicy,
    build_teacher,
)

__all__ = [
    "Centre",
    "DecoderConfig",
    "Ema",
    "EmbeddingQueue",
    "Frozen",
    "GlobalBatchNorm",
    "LinearDecoder",
    "Mlp",
    "MlpConfig",
    "PastCheckpoint",
    "PreviousStage",
    "PrototypeHead",
    "PrototypeHeadConfig",
    "Prototypes",
    "RandomInit",
    "RandomMask",
    "SampleState",
    "Teacher",
    "TeacherPolicy",
    "TransformerDecoder",
    "build_decoder",
    "build_teacher",
    "grid_positions",
    "synchronise_batch_norm",
]
