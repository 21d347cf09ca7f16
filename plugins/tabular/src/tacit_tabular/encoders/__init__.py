"""Networks that embed rows, and problems made of rows."""

from tacit_tabular.encoders.in_context import InContext, InContextConfig
from tacit_tabular.encoders.mlp import Mlp, MlpConfig
from tacit_tabular.encoders.resnet import ResNet, ResNetConfig
from tacit_tabular.encoders.riemann import Riemann
from tacit_tabular.encoders.target import CellTarget
from tacit_tabular.encoders.transformer import Transformer, TransformerConfig

__all__ = [
    "CellTarget",
    "InContext",
    "InContextConfig",
    "Mlp",
    "MlpConfig",
    "ResNet",
    "ResNetConfig",
    "Riemann",
    "Transformer",
    "TransformerConfig",
]
