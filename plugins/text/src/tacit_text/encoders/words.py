"""Words added up, words multiplied: CBOW, CMOW and both side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from tacit.contract import EncoderSpec, Encoding, Mask, Tokens
from tacit_text.encoders.pooling import masked_mean
from tacit_text.encoders.subword import Sentence, SubwordEncoder
from tacit_text.modality import Preprocessing
from tacit_text.tokenizers import ENGLISH, open_tokenizer


@dataclass(frozen=True, kw_only=True)
class WordsConfig:
    """Settings of word models.

    Args:
        kind: `cbow`: the mean of the words' vectors, blind to order. `cmow`: the product of the
            words' matrices, which is not. `hybrid`: both, one after the other.
        width: features of each part; with a matrix, the square of its side.
        tokenizer: see `tacit_text.tokenizers.open_tokenizer`.
        max_tokens: of a text.
        truncate: cut longer texts and count them, instead of refusing them.
        deviation: of the matrices' entries at the start, around the identity.

    Raises:
        ValueError: numbers below 1, or matrices whose width is no square.
    """

    kind: Literal["cbow", "cmow", "hybrid"] = "hybrid"
    width: int = 144
    tokenizer: str = ENGLISH
    max_tokens: int = 128
    truncate: bool = False
    deviation: float = 0.1

    def __post_init__(self) -> None:
        if min(self.width, self.max_tokens) < 1:
            raise ValueError("words: width and max_tokens: wanted at least 1")
        if self.kind != "cbow" and int(self.width**0.5) ** 2 != self.width:
            near = max(1, round(self.width**0.5)) ** 2
            raise ValueError(f"width: matrices want a square number; got {self.width}, near {near}")


class Words(SubwordEncoder):
    """Every word has a vector, or a matrix, and a text is their mean, or their product.

    Source: Mai, Galke & Scherp 2019 (arXiv 1902.06423), florianmai/word2mat. Words are those of a
    tokenizer, special tokens left out, so that `pooled` depends on the text alone. Differs: the
    papers train with negative sampling over windows; here any objective on pooled vectors does.
    """

    Config: ClassVar[type[WordsConfig]] = WordsConfig

    def __init__(self, config: WordsConfig | None = None) -> None:
        self.config = config = config or WordsConfig()
        tokenizer = open_tokenizer(
            config.tokenizer, longest=config.max_tokens, truncate=config.truncate
        )
        super().__init__(tokenizer, config.tokenizer)
        parts = 2 if config.kind == "hybrid" else 1
        self.words = nn.Embedding(len(tokenizer), config.width * parts)
        self.spec = EncoderSpec(
            modality="text",
            width=config.width * parts,
            tokens="dense",
            preprocessing=Preprocessing(
                tokenizer=config.tokenizer,
                vocabulary=len(tokenizer),
                rows=len(tokenizer),
                features=config.width * parts,
                max_tokens=config.max_tokens,
                truncate=config.truncate,
            ),
        )
        self._initialise()

    def _initialise(self) -> None:
        nn.init.normal_(self.words.weight, std=self.config.deviation)
        if self.config.kind != "cbow":
            side = int(self.config.width**0.5)
            with torch.no_grad():
                self.words.weight[:, -self.config.width :] += torch.eye(side).flatten()

    def table(self) -> Tensor:
        """The words' vectors, and matrices row by row."""
        return self.words.weight

    def forward(
        self, value: Any | Tokens, *, mask: Mask | None = None, taps: Sequence[int] = ()
    ) -> Encoding:
        """Encode `Texts`, `Subwords`, or tokens made by `tokenize`; masks and taps are refused."""
        self.check_mask(mask)
        if taps:
            raise ValueError("words: there are no layers to tap")
        tokens = value if isinstance(value, Tokens) else self.tokenize(value)
        assert isinstance(tokens.relations, Sentence)
        assert tokens.valid is not None, "tokens made by tokenize"
        width, parts = self.config.width, []
        if self.config.kind != "cmow":
            parts.append(masked_mean(tokens.values[..., :width], tokens.valid))
        if self.config.kind != "cbow":
            parts.append(product(tokens.values[..., -width:], tokens.valid))
        return Encoding(pooled=torch.cat(parts, dim=1), tokens=tokens.values, valid=tokens.valid)


def product(
    matrices: Float[Tensor, "batch tokens width"], valid: Tensor
) -> Float[Tensor, "batch width"]:
    """The product of the matrices of each row, in order; where not valid, the identity.

    In pairs, and pairs of pairs: as many steps as the number of tokens has binary digits.
    """
    side = int(matrices.shape[2] ** 0.5)
    one = torch.eye(side, dtype=matrices.dtype, device=matrices.device)
    each = torch.where(valid[..., None, None], matrices.unflatten(2, (side, side)), one)
    while each.shape[1] > 1:
        if each.shape[1] % 2:
            each = torch.cat([each, one.expand(each.shape[0], 1, side, side)], dim=1)
        each = each[:, 0::2] @ each[:, 1::2]
    return each[:, 0].flatten(1)
