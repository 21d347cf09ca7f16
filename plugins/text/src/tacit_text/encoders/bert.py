"""A small BERT that trains on two cores."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from tacit_text.encoders.pooling import Pool
from tacit_text.encoders.transformers import HuggingFace
from tacit_text.tokenizers import ENGLISH, open_tokenizer


@dataclass(frozen=True, kw_only=True)
class BertConfig:
    """Settings of a BERT with random weights.

    Args:
        tokenizer: `english` for the small one that comes with the package; for a corpus of your
            own train one (`tacit tokenizer`) and name its folder here.
        width: features of a token, a multiple of `heads`.
        depth: blocks, and layers that can be tapped.
        heads: attention heads.
        mlp_ratio: hidden features of a block's feed-forward part per feature.
        max_tokens: positions, special tokens included.
        truncate: cut longer texts and count them, instead of refusing them.
        dropout: of features and attention; SimCSE's views are made of it.
        pool: from tokens to one vector.

    Raises:
        ValueError: numbers below 1, heads that do not divide the width, or a dropout out of range.
    """

    tokenizer: str = ENGLISH
    width: int = 128
    depth: int = 4
    heads: int = 4
    mlp_ratio: float = 4.0
    max_tokens: int = 128
    truncate: bool = False
    dropout: float = 0.1
    pool: Pool = "mean"

    def __post_init__(self) -> None:
        for name in ("width", "depth", "heads", "mlp_ratio", "max_tokens"):
            if (number := getattr(self, name)) <= 0:
                raise ValueError(f"bert: {name}: wanted more than 0; got {number}")
        if self.width % self.heads:
            raise ValueError(f"bert: heads: {self.heads} do not divide the width {self.width}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"bert: dropout: wanted at least 0, below 1; got {self.dropout}")


class Bert(HuggingFace):
    """BERT of any size from scratch, as transformers has it, without its pooler.

    Source: Devlin et al. 2019 (arXiv 1810.04805) section 3; transformers `BertModel`. Differs: the
        deviation of the first weights is .02 at BERT's width of 768 and grows as the width shrinks,
        so that a block changes what enters it by the same share; with .02 at a width of 128 the
        blocks begin as next to nothing, and learn late.
    """

    Config: ClassVar[type[BertConfig]] = BertConfig

    def __init__(self, config: BertConfig | None = None) -> None:
        self.config = config = config or BertConfig()
        tokenizer = open_tokenizer(
            config.tokenizer, longest=config.max_tokens, truncate=config.truncate
        )
        network = bert_network(config, vocabulary=len(tokenizer))
        super().__init__(network, tokenizer, config.tokenizer, pool=config.pool)


def bert_network(config: BertConfig, *, vocabulary: int) -> Any:
    """A `BertModel` with random weights."""
    from transformers import BertConfig as Settings
    from transformers import BertModel

    settings = Settings(
        vocab_size=vocabulary,
        hidden_size=config.width,
        num_hidden_layers=config.depth,
        num_attention_heads=config.heads,
        intermediate_size=int(config.width * config.mlp_ratio),
        max_position_embeddings=config.max_tokens,
        hidden_dropout_prob=config.dropout,
        attention_probs_dropout_prob=config.dropout,
        type_vocab_size=1,
        initializer_range=first_deviation(config.width),
    )
    return BertModel(settings, add_pooling_layer=False)


def first_deviation(width: int) -> float:
    """The standard deviation of a BERT's first weights: .02 at 768, larger where it is narrower."""
    return 0.02 * math.sqrt(768 / width)
