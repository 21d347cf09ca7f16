"""A small masked language model that makes wrong tokens a larger encoder is to find."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from tacit.contract import Context, EncoderSpec, Mask, Tokens
from tacit.functional import masked_cross_entropy
from tacit.nn import OwnDecoder, Picked, build_decoder, pick
from tacit_text.encoders.bert import BertConfig, bert_network
from tacit_text.encoders.head import TiedHead
from tacit_text.encoders.subword import Sentence, SubwordEncoder
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
        share: whether its word embeddings are the encoder's, behind a linear map, as in ELECTRA:
            what it learns of words is then the encoder's too.
    """

    kind: ClassVar[str] = "generator"
    width: int = 64
    depth: int = 2
    heads: int = 2
    weight: float = 1.0
    share: bool = True


class GeneratorSource(nn.Module):
    """A small BERT that is trained to fill in the chosen places, and sampled from.

    No gradient goes through the samples.

    Source: Clark et al. 2020 (arXiv 2003.10555) sections 2 and 3.2, google-research/electra.
        Differs: positions are embedded by each network for itself.
    """

    narrow: nn.Linear | None

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
        self.weight, self.vocabulary = config.weight, len(tokenizer)
        self.hide = tokenizer.mask_id
        self.model = HuggingFace(network, tokenizer, known.tokenizer, pool="mean")
        spec, self.narrow = self.model.spec, None
        if config.share:
            network.embeddings.word_embeddings = None
            self.narrow = nn.Linear(known.features, config.width)
            head = partial(TiedHead, width=config.width, features=known.features)
            spec = replace(spec, decoder=lambda out: head(vocabulary=out))
        self.head = build_decoder(OwnDecoder(remask=False), spec, len(tokenizer))

    def forward(
        self,
        encoder: SubwordEncoder,
        subwords: Subwords,
        chosen: Mask,
        ctx: Context,
    ) -> Corrupted:
        """Samples of what might have been in the chosen places, and the generator's loss."""
        asked = pick(chosen.hidden, chosen.most)
        logits = self.guesses(encoder, subwords, chosen.hidden, asked)
        loss = masked_cross_entropy(logits, asked.of(subwords.ids), asked.there)
        written = self.written(subwords, logits, asked, ctx)
        return Corrupted(written, {"generator": self.weight * loss})

    def guesses(
        self,
        encoder: SubwordEncoder,
        subwords: Subwords,
        hidden: Bool[Tensor, "batch tokens"],
        asked: Picked,
    ) -> Float[Tensor, "batch picked vocabulary"]:
        """Scores of what the tokens asked for were, of texts some tokens of which are hidden."""
        shown = subwords.with_ids(subwords.ids.masked_fill(hidden, self.hide))
        tokens = self._tokens(encoder, shown)
        encoding = self.model(tokens)
        assert encoding.tokens is not None, "it is a network of tokens"
        logits: Tensor = self.head(
            replace(encoding, tokens=asked.of(encoding.tokens)), Mask(hidden, "replace"), tokens
        )
        return logits

    def _tokens(self, encoder: SubwordEncoder, shown: Subwords) -> Tokens:
        """Embedded by the encoder's table, where it is shared, and by its own where not."""
        if self.narrow is None:
            return self.model.tokenize(shown)
        table = encoder.table()[: self.vocabulary]  # rows beyond the tokenizer mean nothing
        return Tokens(
            values=self.narrow(functional.embedding(shown.ids, table)),
            valid=shown.content,
            relations=Sentence(attended=shown.attended, table=table),
        )

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
