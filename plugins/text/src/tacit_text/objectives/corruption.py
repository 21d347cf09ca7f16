"""Where wrong tokens come from: drawn at random, or from clusters; see also `generator`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from tacit.contract import Context, EncoderSpec, Mask
from tacit.functional import all_reduce_sum
from tacit.nn.k_means import k_means, nearest
from tacit_text.encoders.subword import SubwordEncoder
from tacit_text.modality import Preprocessing
from tacit_text.subwords import Subwords
from tacit_text.tokenizers import open_tokenizer


@dataclass(frozen=True, kw_only=True)
class RandomTokens:
    """Any token of the vocabulary, all equally likely: RTS, SLM."""

    kind: ClassVar[str] = "random"


@dataclass(frozen=True, kw_only=True)
class ClusterTokens:
    """A token of a cluster the encoder cannot well tell the original's from: C-RTS.

    Args:
        clusters: of the word embeddings.
        refresh: steps after which they are made anew.
        decay: share of what is known of the confusion of clusters that a step keeps.
    """

    kind: ClassVar[str] = "cluster"
    clusters: int = 64
    refresh: int = 200
    decay: float = 0.99


@dataclass(frozen=True, eq=False)
class Corrupted:
    """What stands in the chosen places.

    Args:
        ids: of all tokens, those of chosen places exchanged.
        losses: of whatever made them.
    """

    ids: Int[Tensor, "batch tokens"]
    losses: dict[str, Tensor]


class RandomSource(nn.Module):
    """Draws from the whole vocabulary but its special tokens.

    Source: Di Liello et al. 2022 (arXiv 2210.13536) section 3.1.
    """

    ordinary: Tensor

    def __init__(self, spec: EncoderSpec) -> None:
        super().__init__()
        self.register_buffer("ordinary", ordinary_tokens(spec))

    def forward(
        self,
        encoder: SubwordEncoder,
        subwords: Subwords,
        chosen: Mask,
        ctx: Context,
    ) -> Corrupted:
        """Other tokens in the chosen places; the draw may hit the original."""
        draw = torch.randint(
            self.ordinary.shape[0],
            chosen.hidden.shape,
            generator=ctx.generator,
            device=ctx.device,
        )
        return Corrupted(torch.where(chosen.hidden, self.ordinary[draw], subwords.ids), {})

    def learn(
        self,
        original: Tensor,
        replaced: Tensor,
        fooled: Float[Tensor, "batch tokens"],
        asked: Tensor,
    ) -> None:
        """Nothing to learn from."""


class ClusterSource(RandomSource):
    """Draws from clusters of word embeddings, those the encoder mixes up more often.

    Which cluster a replacement comes from is drawn in proportion to how often, of late, the encoder
    was fooled by replacements from that cluster for originals of this one.

    Source: Di Liello et al. 2022 (arXiv 2210.13536) section 3.2. Differs: clusters are those of the
        encoder's present word embeddings, by k-means, made anew as it learns, and confusion is a
        moving average.
    """

    confusion: Tensor
    cluster: Tensor
    order: Tensor
    first: Tensor
    count: Tensor

    def __init__(self, config: ClusterTokens, spec: EncoderSpec) -> None:
        super().__init__(spec)
        self.config = config
        tokens, clusters = int(self.ordinary.shape[0]), config.clusters
        if clusters > tokens:
            raise ValueError(f"clusters: wanted at most the {tokens} tokens; got {clusters}")
        vocabulary = spec.vocabulary
        assert vocabulary is not None
        self.register_buffer("confusion", torch.full((clusters, clusters), 0.5))
        self.register_buffer("cluster", torch.zeros(vocabulary, dtype=torch.long))
        self.register_buffer("order", torch.arange(tokens))
        self.register_buffer("first", torch.zeros(clusters, dtype=torch.long))
        self.register_buffer("count", torch.full((clusters,), tokens))

    @torch.no_grad()
    def arrange(self, encoder: SubwordEncoder) -> None:
        """Make the clusters anew of the present embeddings."""
        rows = encoder.table().detach()[self.ordinary].float()
        rows = nn.functional.normalize(rows, dim=1)
        centres = k_means(rows, self.config.clusters, seed=0, iterations=10)
        own = nearest(rows, centres)
        self.cluster[self.ordinary] = own
        self.order.copy_(own.argsort(stable=True))
        counted = torch.zeros_like(self.count).scatter_add_(0, own, torch.ones_like(own))
        self.count.copy_(counted)
        self.first.copy_(counted.cumsum(0) - counted)

    def forward(
        self,
        encoder: SubwordEncoder,
        subwords: Subwords,
        chosen: Mask,
        ctx: Context,
    ) -> Corrupted:
        """Tokens of confusable clusters in the chosen places."""
        if ctx.step % self.config.refresh == 0:
            self.arrange(encoder)
        likely = self.confusion * (self.count > 0)
        rows = likely[self.cluster[subwords.ids]].flatten(0, 1).cumsum(1)
        at = torch.rand(rows.shape[0], 1, generator=ctx.generator, device=ctx.device)
        drawn = torch.searchsorted(rows, at * rows[:, -1:]).view(chosen.hidden.shape)
        drawn = drawn.clamp(max=self.config.clusters - 1)
        inside = torch.rand(chosen.hidden.shape, generator=ctx.generator, device=ctx.device)
        place = self.first[drawn] + (inside * self.count[drawn]).long()
        place = place.clamp(max=self.order.shape[0] - 1)
        written = torch.where(chosen.hidden, self.ordinary[self.order[place]], subwords.ids)
        return Corrupted(written, {})

    @torch.no_grad()
    def learn(
        self,
        original: Tensor,
        replaced: Tensor,
        fooled: Float[Tensor, "batch tokens"],
        asked: Tensor,
    ) -> None:
        """Take in how far the encoder took replacements for originals."""
        pair = self.cluster[original] * self.config.clusters + self.cluster[replaced]
        shape = (self.config.clusters**2,)
        flat, weight = pair.flatten(), asked.flatten().float()
        total = fooled.new_zeros(shape).scatter_add_(0, flat, weight)
        wrong = fooled.new_zeros(shape).scatter_add_(0, flat, weight * fooled.flatten())
        total, wrong = all_reduce_sum(total), all_reduce_sum(wrong)
        seen = (total > 0).view_as(self.confusion)
        rate = (wrong / total.clamp(min=1)).view_as(self.confusion)
        moved = self.confusion * self.config.decay + rate * (1 - self.config.decay)
        self.confusion.copy_(torch.where(seen, moved, self.confusion).clamp(min=1e-3))


def ordinary_tokens(spec: EncoderSpec) -> Int[Tensor, " ordinary"]:
    """The vocabulary without its special tokens."""
    known = preprocessing_of(spec)
    tokenizer = open_tokenizer(known.tokenizer, longest=known.max_tokens)
    special = set(tokenizer.special)
    return torch.tensor([i for i in range(len(tokenizer)) if i not in special])


def preprocessing_of(spec: EncoderSpec) -> Preprocessing:
    """What an encoder does to strings.

    Raises:
        ValueError: it is none of this package's.
    """
    if not isinstance(spec.preprocessing, Preprocessing):
        raise ValueError(
            "token replacement needs an encoder with a vocabulary: wanted one with "
            f"tacit_text.modality.Preprocessing; got {spec.preprocessing!r}"
        )
    return spec.preprocessing
