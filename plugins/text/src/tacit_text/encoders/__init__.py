"""Networks that embed text."""

from tacit_text.encoders.bert import Bert, BertConfig
from tacit_text.encoders.pooling import Pool
from tacit_text.encoders.subword import SubwordEncoder
from tacit_text.encoders.transformers import Transformers, TransformersConfig
from tacit_text.encoders.words import Words, WordsConfig

__all__ = [
    "Bert",
    "BertConfig",
    "Pool",
    "SubwordEncoder",
    "Transformers",
    "TransformersConfig",
    "Words",
    "WordsConfig",
]
