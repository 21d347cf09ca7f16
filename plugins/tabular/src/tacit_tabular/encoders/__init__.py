"""Networks that embed rows, problems made of rows, and bags."""

from tacit_tabular.encoders.bag_target import ItemTarget
from tacit_tabular.encoders.bag_transformer import BagTransformer, BagTransformerConfig
from tacit_tabular.encoders.in_context import InContext, InContextConfig
from tacit_tabular.encoders.mlp import Mlp, MlpConfig
from tacit_tabular.encoders.resnet import ResNet, ResNetConfig
from tacit_tabular.encoders.riemann import Riemann
from tacit_tabular.encoders.target import CellTarget
from tacit_tabular.encoders.transformer import Transformer, TransformerConfig

__all__ = [
    "BagTransformer",
    "BagTransformerConfig",
    "CellTarget",
    "InContext",
    "InContextConfig",
    "ItemTarget",
    "Mlp",
    "MlpConfig",
    "ResNet",
    "ResNetConfig",
    "Riemann",
    "Transformer",
    "TransformerConfig",
]
