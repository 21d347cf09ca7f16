"""A transformer over the items of a bag, blind to their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from tacit.contract import Encoder, EncoderSpec, Encoding, Mask, Tokens
from tacit_tabular.bags import Bags, Code, normalised
from tacit_tabular.bags.codes import knots_of
from tacit_tabular.bags.modality import check_vocabulary
from tacit_tabular.encoders.bag_target import ItemTarget


@dataclass(frozen=True, kw_only=True)
class BagTransformerConfig:
    """Settings of the transformer.

    Args:
        codes: of the bags; a run takes them from its data.
        width: features of a token, a multiple of `heads`; the authors compare several.
        depth: layers; the authors have 10.
        heads: attention heads.
        dropout: within layers, in training alone; the authors have 0.1.

    Raises:
        ValueError: numbers below 1, or dropout outside [0, 1).
    """

    codes: tuple[Code, ...] = ()
    width: int = 64
    depth: int = 3
    heads: int = 4
    dropout: float = 0.0

    def __post_init__(self) -> None:
        for name in ("width", "depth", "heads"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: wanted at least 1; got {getattr(self, name)}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout: wanted at least 0 and below 1; got {self.dropout}")


class BagTransformer(Encoder):
    """Bags to one token an item, pooled by their mean; permuted items give permuted tokens.

    Tokens know no place (`positions` is False), so `pooled` is the same in any order, and padding
    is never looked at. Hidden items are replaced. They are not dropped, nor asked for under
    `query`: nothing would tell one missing item of a set from another, so there would be nothing to
    ask for; views of fewer items are `tabular/sub-bags`.

    Source: Bellamy et al. 2023 (arXiv 2312.11502), Labrador, section 3.2; DavidBellamy/labrador,
    lab_transformers/models/labrador/model.py and continuous_embedding_layer.py. Where we differ: a
    hidden item is one learned token, where the authors put a learned code and a learned value
    through the embedding, which is a constant too; norms come first; codes outside the vocabulary
    have a vector of their own.
    """

    Config = BagTransformerConfig

    def __init__(self, config: BagTransformerConfig) -> None:
        super().__init__()
        width = config.width
        self.embed = ItemEmbedding(config.codes, width)
        self.spec = EncoderSpec(
            modality="bag",
            width=width,
            tokens="dense",
            mask_modes=frozenset({"replace"}),
            layers=config.depth,
            positions=False,
            own_target=partial(ItemTarget, config.codes),
            preprocessing=config.codes,
        )
        self.hidden = nn.Parameter(torch.randn(width) * width**-0.5)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(
                width,
                config.heads,
                4 * width,
                config.dropout,
                "relu",
                batch_first=True,
                norm_first=True,
            )
            for _ in range(config.depth)
        )
        self.norm = nn.LayerNorm(width)

    def tokenize(self, value: Bags) -> Tokens:
        """One token an item."""
        return Tokens(values=self.embed(value), valid=value.valid)

    def forward(
        self, value: Bags | Tokens, *, mask: Mask | None = None, taps: Sequence[int] = ()
    ) -> Encoding:
        """Mix the items of every bag."""
        self.check_mask(mask)
        self.check_taps(taps)
        tokens = value if isinstance(value, Tokens) else self.tokenize(value)
        mixed, valid = tokens.values, tokens.valid
        if mask is not None:
            mixed = mask.replaced(mixed, self.hidden)
        unseen = None if valid is None else ~valid
        layers: dict[int, Tensor] = {}
        for number, block in enumerate(self.blocks, start=1):
            mixed = block(mixed, src_key_padding_mask=unseen)
            if number in taps:
                layers[number] = mixed
        mixed = self.norm(mixed)
        return Encoding(pooled=_mean(mixed, valid), tokens=mixed, valid=valid, layers=layers)


def _mean(
    tokens: Float[Tensor, "bags items width"], valid: Bool[Tensor, "bags items"] | None
) -> Float[Tensor, "bags width"]:
    if valid is None:
        return tokens.mean(1)
    there = valid[..., None]
    return tokens.where(there, 0.0).sum(1) / there.sum(1)


class ItemEmbedding(nn.Module):
    """A code and its value as one vector.

    Without codes it can be made, as a run does to look at an encoder's spec before it has data, but
    embeds nothing.

    Args:
        codes: with the distributions of their values.
        width: features of an item.
    """

    knots: Tensor

    def __init__(self, codes: tuple[Code, ...], width: int) -> None:
        super().__init__()
        self.codes = codes
        self.register_buffer("knots", knots_of(codes), persistent=False)
        self.code = nn.Embedding(len(codes) + 1, width)
        nn.init.normal_(self.code.weight, std=width**-0.5)
        self.value = nn.Linear(1, width)
        self.missing = nn.Parameter(torch.randn(width) * width**-0.5)
        self.both = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.LayerNorm(width))
        self.project = nn.Linear(2 * width, width)

    def forward(self, bags: Bags) -> Float[Tensor, "bags items width"]:
        """The vector of every item.

        Raises:
            ValueError: the encoder has no codes, or the bags have others.
        """
        if not self.codes:
            raise ValueError("codes: wanted at least one; a run takes them from its data")
        if bags.vocabulary is not self.codes:
            check_vocabulary(self.codes, bags.vocabulary)
        share = normalised(bags.codes, bags.values, self.knots)
        code = self.code(bags.codes + 1)  # the first row is for codes outside the vocabulary
        known = ~share.isnan()[..., None]
        number = self.value(share.nan_to_num(0.0).to(code.dtype)[..., None])
        value = self.both(torch.where(known, number, self.missing) + code)
        joined: Tensor = self.project(torch.cat([code, value], dim=-1))
        return joined
