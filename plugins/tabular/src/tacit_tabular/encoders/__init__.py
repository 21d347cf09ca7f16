"""Networks that embed rows."""

from tacit_tabular.encoders.mlp import Mlp, MlpConfig
from tacit_tabular.encoders.transformer import Transformer, TransformerConfig

__all__ = ["Mlp", "MlpConfig", "Transformer", "TransformerConfig"]
