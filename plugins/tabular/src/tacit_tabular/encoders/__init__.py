"""Networks that embed rows."""

from tacit_tabular.encoders.mlp import Mlp, MlpConfig
from tacit_tabular.encoders.resnet import ResNet, ResNetConfig
from tacit_tabular.encoders.target import CellTarget
from tacit_tabular.encoders.transformer import Transformer, TransformerConfig

__all__ = [
    "CellTarget",
    "Mlp",
    "MlpConfig",
    "ResNet",
    "ResNetConfig",
    "Transformer",
    "TransformerConfig",
]
