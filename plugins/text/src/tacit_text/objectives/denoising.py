"""A text is written again from the one vector a damaged copy of it was encoded to: TSDAE."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from tacit.contract import Context, DataInfo, EncoderSpec, Losses, Objective, Requirements, Views
from tacit.functional import masked_cross_entropy
from tacit_text.encoders.bert import first_deviation
from tacit_text.encoders.subword import SubwordEncoder
from tacit_text.objectives.corruption import preprocessing_of
from tacit_text.subwords import Subwords


@dataclass(frozen=True, kw_only=True)
class DenoisingConfig:
    """Settings of the decoder, which is thrown away after training.

    Args:
        depth: its blocks. The paper's has as many as the encoder.
        heads: attention heads; must divide the encoder's width.
        dropout: of features and attention.

    Raises:
        ValueError: numbers below 1, or a dropout out of range.
    """

    depth: int = 2
    heads: int = 4
    dropout: float = 0.1

    def __post_init__(self) -> None:
        if min(self.depth, self.heads) < 1:
            raise ValueError("denoising: depth and heads: wanted at least 1")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout: wanted at least 0, below 1; got {self.dropout}")


class Decoder(nn.Module):
    """A transformer that sees what it has written so far, and what an encoder made of a text.

    Words are embedded by the encoder's table, which also scores the answers.

    Args:
        config: its size.
        width: of the encoder's tokens, words and pooled vector.
        vocabulary: rows of the table.
        positions: tokens of a text at most.

    Raises:
        ValueError: heads that do not divide the width.
    """

    def __init__(
        self, config: DenoisingConfig, *, width: int, vocabulary: int, positions: int
    ) -> None:
        from transformers import BertConfig, BertLMHeadModel

        super().__init__()
        if width % config.heads:
            raise ValueError(f"denoising: heads: {config.heads} do not divide the width {width}")
        settings = BertConfig(
            vocab_size=1,  # words come embedded, and are scored by the encoder's table
            hidden_size=width,
            num_hidden_layers=config.depth,
            num_attention_heads=config.heads,
            intermediate_size=4 * width,
            max_position_embeddings=positions,
            hidden_dropout_prob=config.dropout,
            attention_probs_dropout_prob=config.dropout,
            type_vocab_size=1,
            is_decoder=True,
            add_cross_attention=True,
            pad_token_id=0,
            initializer_range=first_deviation(width),
        )
        whole: Any = BertLMHeadModel(settings)
        self.blocks, self.transform = whole.bert, whole.cls.predictions.transform
        self.blocks.embeddings.word_embeddings = None
        self.prior = nn.Parameter(torch.zeros(vocabulary))

    def forward(
        self,
        ids: Int[Tensor, "batch tokens"],
        memory: Float[Tensor, "batch memory width"],
        table: Float[Tensor, "vocabulary width"],
        remembered: Bool[Tensor, "batch memory"] | None = None,
    ) -> Float[Tensor, "batch tokens vocabulary"]:
        """Scores of the token after each; `remembered` is False where the memory is padding."""
        answer = self.blocks(
            inputs_embeds=functional.embedding(ids, table),
            encoder_hidden_states=memory,
            encoder_attention_mask=None if remembered is None else remembered.long(),
            use_cache=False,
        ).last_hidden_state
        return functional.linear(self.transform(answer), table, self.prior)


class Denoising(Objective):
    """The decoder is given the pooled vector of the `noisy` view and writes the `target` view.

    Source: Wang et al. 2021 (arXiv 2104.06979) section 3; sentence-transformers
        `DenoisingAutoEncoderLoss`. Differs: decoder and encoder share their word embeddings alone,
        where the paper ties all their weights; so any encoder with a vocabulary will do.
    """

    Config = DenoisingConfig
    requires = Requirements(
        views=2, most_views=2, capabilities=frozenset({"tokens:dense", "targets:codes"})
    )

    def __init__(self, config: DenoisingConfig | None = None) -> None:
        super().__init__()
        self.config = config or DenoisingConfig()
        self.decoders = nn.ModuleDict()

    def build(self, specs: Mapping[str, EncoderSpec], data: DataInfo) -> None:
        """A decoder for each encoder."""
        for name, spec in specs.items():
            self.decoders[name] = build_decoder(self.config, spec)

    def forward(self, views: Views, ctx: Context) -> Losses:
        """The cross-entropy of every token of the target but the first."""
        (noisy,), (target,) = views.by_role("noisy"), views.by_role("target")
        encoder = ctx.encoder(noisy.modality)
        assert isinstance(encoder, SubwordEncoder), "specs ask for its preprocessing"
        subwords = encoder.subwords(target.value)
        decoder = self.decoders[noisy.modality]
        assert isinstance(decoder, Decoder)
        memory = ctx.encode(noisy).pooled[:, None]
        return Losses(terms={"denoising": rewriting(decoder, subwords, memory, encoder.table())})


def build_decoder(config: DenoisingConfig, spec: EncoderSpec) -> Decoder:
    """The decoder that writes what an encoder reads."""
    known = preprocessing_of(spec)
    return Decoder(config, width=spec.width, vocabulary=known.rows, positions=known.max_tokens)


def rewriting(
    decoder: Decoder,
    subwords: Subwords,
    memory: Float[Tensor, "batch memory width"],
    table: Float[Tensor, "vocabulary width"],
    remembered: Bool[Tensor, "batch memory"] | None = None,
) -> Float[Tensor, ""]:
    """The cross-entropy of every token but the first, given those before it and the memory."""
    logits = decoder(subwords.ids[:, :-1], memory, table, remembered)
    return masked_cross_entropy(logits, subwords.ids[:, 1:], subwords.attended[:, 1:])
