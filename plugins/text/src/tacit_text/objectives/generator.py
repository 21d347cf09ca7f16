"""A small masked language model that makes wrong tokens a larger encoder is to find."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from tacit.contract import Context, EncoderSpec, Mask
from tacit.functional import masked_cross_entropy
from tacit.nn import OwnDecoder, Picked, build_decoder, pick
from tacit_text.encoders.bert import BertConfig, bert_network
from tacit_text.encoders.subword import SubwordEncoder
from tacit_text.encoders.transformers import HuggingFace
from tacit_text.objectives.corruption import Corrupted, preprocessing_of
from tacit_text.subwords import Subwords
from tacit_text.tokenizers import open_tokenizer


@dataclass(frozen=True, kw_only=True)
class GeneratedTokens:
    """What a small masked language model fills in, sampled from its answer: ELECTRA.

    Args:
        width: of the generator, a multiple of `heads`. ELECTRA has a quarter to a half of the
            encoder's.
        depth: its blocks.
        heads: its attention heads.
        weight: of its own loss.
    """

    kind: ClassVar[str] = "generator"
    width: int = 64
    depth: int = 2
    heads: int = 2
    weight: float = 1.0


class GeneratorSource(nn.Module):
    """A small BERT that is trained to fill in the chosen places, and sampled from.

    No gradient goes through the samples. Its word embeddings are its own.

    Source: Clark et al. 2020 (arXiv 2003.10555) section 2, google-research/electra. Differs: word
        embeddings are not shared between generator and discriminator, which have other widths.
    """

    def __init__(self, config: GeneratedTokens, spec: EncoderSpec) -> None:
        super().__init__()
        known = preprocessing_of(spec)
        tokenizer = open_tokenizer(
            known.tokenizer, longest=known.max_tokens, truncate=known.truncate
        )
        if tokenizer.mask_id is None:
            raise ValueError("generator: it fills in masks, and the tokenizer has no mask token")
        size = BertConfig(
            width=config.width, depth=config.depth, heads=config.heads, max_tokens=known.max_tokens
        )
        network = bert_network(size, vocabulary=len(tokenizer))
        self.weight = config.weight
        self.model = HuggingFace(network, tokenizer, known.tokenizer, pool="mean")
        self.head = build_decoder(OwnDecoder(remask=False), self.model.spec, len(tokenizer))

    def forward(
        self,
        encoder: SubwordEncoder,
        subwords: Subwords,
        chosen: Mask,
        ctx: Context,
    ) -> Corrupted:
        """Samples of what might have been in the chosen places, and the generator's loss."""
        asked = pick(chosen.hidden, chosen.most)
        logits = self.guesses(subwords, chosen.hidden, asked)
        loss = masked_cross_entropy(logits, asked.of(subwords.ids), asked.there)
        written = self.written(subwords, logits, asked, ctx)
        return Corrupted(written, {"generator": self.weight * loss})

    def guesses(
        self, subwords: Subwords, hidden: Bool[Tensor, "batch tokens"], asked: Picked
    ) -> Float[Tensor, "batch picked vocabulary"]:
        """Scores of what the tokens asked for were, of texts some tokens of which are hidden."""
        mask = Mask(hidden, "replace")
        tokens = self.model.tokenize(subwords)
        encoding = self.model(tokens, mask=mask)
        assert encoding.tokens is not None, "it is a network of tokens"
        logits: Tensor = self.head(
            replace(encoding, tokens=asked.of(encoding.tokens)), mask, tokens
        )
        return logits

    @torch.no_grad()
    def written(
        self,
        subwords: Subwords,
        logits: Float[Tensor, "batch picked vocabulary"],
        asked: Picked,
        ctx: Context,
    ) -> Int[Tensor, "batch tokens"]:
        """The tokens, with samples of the scores in the places asked for."""
        noise = torch.rand(logits.shape, generator=ctx.generator, device=ctx.device)
        gumbel = -(-(noise.clamp(1e-9, 1 - 1e-7)).log()).log()
        return asked.into(subwords.ids, (logits.float() + gumbel).argmax(-1))

    def learn(
        self,
        original: Tensor,
        replaced: Tensor,
        fooled: Float[Tensor, "batch tokens"],
        asked: Tensor,
    ) -> None:
        """Nothing: it learns from what was there alone."""
