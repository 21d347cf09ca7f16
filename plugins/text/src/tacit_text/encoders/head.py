"""The head of masked language models: from tokens to their place in the vocabulary."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from tacit.contract import Tokens
from tacit_text.encoders.subword import Sentence


class TiedHead(nn.Module):
    """Bias, GELU, layer norm, and the word embeddings as the last layer.

    Together with the linear map that masked prediction puts before an encoder's own decoder it is
    BERT's head. The embeddings are the encoder's own, at every step, and not copied here.

    Args:
        width: of the tokens that come in.
        features: of the word embeddings; a linear layer goes between where they differ.
        vocabulary: tokens.
        eps: of the layer norm.

    Source: Devlin et al. 2019 (arXiv 1810.04805) appendix A.2; transformers `BertLMPredictionHead`.
    """

    tokenwise = True

    def __init__(self, *, width: int, features: int, vocabulary: int, eps: float = 1e-12) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(width))
        self.narrow = nn.Identity() if width == features else nn.Linear(width, features)
        self.norm = nn.LayerNorm(features, eps=eps)
        self.prior = nn.Parameter(torch.zeros(vocabulary))

    def forward(self, tokens: Tokens) -> Float[Tensor, "batch tokens vocabulary"]:
        """A score for every token of the vocabulary."""
        assert isinstance(tokens.relations, Sentence), "tokens of an encoder of text"
        x = self.norm(self.narrow(functional.gelu(tokens.values + self.bias)))
        return functional.linear(x, tokens.relations.table, self.prior)
