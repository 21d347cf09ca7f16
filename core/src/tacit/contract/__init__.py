"""The contract: what encoders, augmentations, objectives and modalities are to each other."""

from tacit.contract.augmentation import Augmentation, Encode, ModelAugmentation, Scope
from tacit.contract.batch import Batch, View, Views, move
from tacit.contract.encoder import (
    Encoder,
    EncoderSpec,
    Encoding,
    PooledEncoder,
    TokenForm,
    Tokens,
)
from tacit.contract.mask import MASK_MODES, Mask, MaskMode
from tacit.contract.modality import Modality
from tacit.contract.objective import Context, DataInfo, Losses, Objective
from tacit.contract.plan import Alternate, OneStep, PerLoss, UpdatePlan, Updater
from tacit.contract.requirements import Composition, Requirements, unmet
from tacit.contract.seeds import derive
from tacit.contract.spans import Places, Spans
from tacit.contract.target import TokenTarget
from tacit.contract.task import Task

__all__ = [
    "MASK_MODES",
    "Alternate",
    "Augmentation",
    "Batch",
    "Composition",
    "Context",
    "DataInfo",
    "Encode",
    "Encoder",
    "EncoderSpec",
    "Encoding",
    "Losses",
    "Mask",
    "MaskMode",
    "Modality",
    "ModelAugmentation",
    "Objective",
    "OneStep",
    "PerLoss",
    "Places",
    "PooledEncoder",
    "Requirements",
    "Scope",
    "Spans",
    "Task",
    "TokenForm",
    "TokenTarget",
    "Tokens",
    "UpdatePlan",
    "Updater",
    "View",
    "Views",
    "derive",
    "move",
    "unmet",
]
