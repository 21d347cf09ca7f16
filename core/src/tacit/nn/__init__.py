"""What objectives are made of: heads, decoders, mask samplers, teachers and state."""

from tacit.nn.balance import Balance, BalanceConfig, Fixed, MinNorm, Uncertainty
from tacit.nn.codes import CodebookTarget, KMeansTarget, RandomProjectionTarget
from tacit.nn.cosine_head import CosineDecoder
from tacit.nn.decoders import (
    CrossDecoder,
    DecoderConfig,
    LinearDecoder,
    OwnDecoder,
    TransformerDecoder,
    build_decoder,
)
from tacit.nn.features import (
    InputTarget,
    LatentTarget,
    OwnTarget,
    PositionTarget,
    TokenisedTarget,
)
from tacit.nn.fill import Fill, fill_hidden
from tacit.nn.heads import Mlp, MlpConfig
from tacit.nn.instance_heads import HeadKind, InstanceHead, build_head, head_needs
from tacit.nn.k_means import k_means, nearest
from tacit.nn.masks import (
    BlockMask,
    DisjointMask,
    Hiding,
    MaskConfig,
    MaskSampler,
    MultiBlockMask,
    RandomMask,
    SpanMask,
    SubsetMask,
    TubeMask,
)
from tacit.nn.norm import GlobalBatchNorm, synchronise_batch_norm
from tacit.nn.orders import far_orders
from tacit.nn.picked import Picked, pick
from tacit.nn.positions import grid_positions
from tacit.nn.prototypes import Centre, PrototypeHead, PrototypeHeadConfig, Prototypes
from tacit.nn.quantised import QuantisedTarget
from tacit.nn.state import EmbeddingQueue, SampleState
from tacit.nn.target import Target
from tacit.nn.targets import TargetConfig, build_target
from tacit.nn.tasks import Numbers, WhichOf
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
from tacit.nn.tokenizer import TaughtCodesTarget

__all__ = [
    "Balance",
    "BalanceConfig",
    "BlockMask",
    "Centre",
    "CodebookTarget",
    "ContrastWithin",
    "CosineDecoder",
    "CrossDecoder",
    "CrossEntropy",
    "DecoderConfig",
    "DisjointMask",
    "Ema",
    "EmbeddingQueue",
    "Fill",
    "Fixed",
    "Frozen",
    "GlobalBatchNorm",
    "HeadKind",
    "Hiding",
    "InputTarget",
    "InstanceHead",
    "KMeansTarget",
    "LatentTarget",
    "LinearDecoder",
    "MaskConfig",
    "MaskSampler",
    "MeanAbsolute",
    "MeanSquared",
    "MinNorm",
    "Mlp",
    "MlpConfig",
    "MultiBlockMask",
    "Numbers",
    "OwnDecoder",
    "OwnTarget",
    "PastCheckpoint",
    "Picked",
    "PositionTarget",
    "PreviousStage",
    "PrototypeHead",
    "PrototypeHeadConfig",
    "Prototypes",
    "QuantisedTarget",
    "RandomInit",
    "RandomMask",
    "RandomProjectionTarget",
    "SampleState",
    "ScaledCosine",
    "SmoothAbsolute",
    "SpanMask",
    "SubsetMask",
    "Target",
    "TargetConfig",
    "TaughtCodesTarget",
    "Teacher",
    "TeacherPolicy",
    "TokenLoss",
    "TokenisedTarget",
    "TransformerDecoder",
    "TubeMask",
    "Uncertainty",
    "WhichOf",
    "build_decoder",
    "build_head",
    "build_target",
    "build_teacher",
    "far_orders",
    "fill_hidden",
    "grid_positions",
    "head_needs",
    "k_means",
    "nearest",
    "pick",
    "synchronise_batch_norm",
    "token_error",
]
