"""What an encoder is taught while a decoder restores its texts: find noise, know its text: E2S2."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from tacit.contract import (
    Context,
    DataInfo,
    EncoderSpec,
    Losses,
    Mask,
    Objective,
    Requirements,
    Views,
)
from tacit.functional import masked_cross_entropy, nt_xent
from tacit.nn import RandomMask, SpanMask
from tacit.objectives.units import units_of
from tacit_text.encoders.subword import SubwordEncoder
from tacit_text.objectives.corruption import RandomSource
from tacit_text.objectives.denoising import Decoder, DenoisingConfig, build_decoder, rewriting
from tacit_text.objectives.detection import balanced
from tacit_text.objectives.rearranging import shuffled_near, without_repeats
from tacit_text.subwords import Subwords

KEPT, MOVED, REPLACED = range(3)
"""What a token of a noisy copy is."""


@dataclass(frozen=True, kw_only=True)
class EncoderTasksConfig:
    """Settings of a decoder's and its encoder's tasks.

    Args:
        ratio: share of the words that is hidden, in runs.
        length: words of a run. The paper draws it, 3 in the mean.
        shuffle: share of the tokens that changes places with both its neighbours.
        replace: share that is replaced by any tokens.
        noise: weight of telling what each token of the noisy copy is.
        contrast: weight of finding a copy's other copy.
        temperature: of that.
        decoder: its size.

    Raises:
        ValueError: numbers out of range, or tasks without anything to tell.
    """

    ratio: float = 0.15
    length: int = 3
    shuffle: float = 0.05
    replace: float = 0.05
    noise: float = 0.05
    contrast: float = 0.05
    temperature: float = 1.0
    decoder: DenoisingConfig = DenoisingConfig()

    def __post_init__(self) -> None:
        if not 0 < self.ratio < 1 or self.length < 1:
            raise ValueError(
                "encoder tasks: wanted a ratio in (0, 1) and a length of at least 1; got "
                f"{self.ratio} and {self.length}"
            )
        if not 0 <= self.shuffle <= 1 / 3 or not 0 <= self.replace < 1:
            raise ValueError(
                "encoder tasks: wanted shuffle in [0, 1/3] and replace in [0, 1); got "
                f"{self.shuffle} and {self.replace}"
            )
        if not self.shuffle and not self.replace:
            raise ValueError("encoder tasks: no noise to tell: set shuffle or replace above 0")
        if min(self.noise, self.contrast) < 0 or self.temperature <= 0:
            raise ValueError(
                "encoder tasks: wanted weights of at least 0 and a temperature above 0; got "
                f"{self.noise}, {self.contrast} and {self.temperature}"
            )


@dataclass(frozen=True, kw_only=True, eq=False)
class Damaged:
    """Two copies of texts.

    Args:
        masked: runs of words replaced by one mask each.
        noisy: the same with tokens out of place, and others in place of them.
        hidden: where the masks are.
        kinds: of the noisy copy's tokens, see `KEPT`.
    """

    masked: Subwords
    noisy: Subwords
    hidden: Bool[Tensor, "batch tokens"]
    kinds: Int[Tensor, "batch tokens"]


class EncoderTasks(Objective):
    """A decoder restores two damaged copies; the encoder tells noise, and copies of one text.

    One copy has runs of words hidden, one mask for each; the other has noise besides: runs of three
    tokens shuffled, tokens replaced. The encoder says of each token of the noisy copy whether it
    was kept, moved or replaced, and the pooled vectors of both copies of a text attract each other.

    Source: Zhong et al. 2022 (arXiv 2205.14912), WHU-ZQH/E2S2, fairseq-E2S2/criterions/
        cross_entropy.py and data/denoising_dataset.py. Differs: shares of noise are those of the
        paper's command, where the code replaces 15 % whatever it is told, and writes over masks
        too; moved tokens count, where the code leaves them out, as its loss ignores the number of
        the padding token and theirs is the same; masks and special tokens do not count; runs have
        one length; the decoder's weights are its own but for the word embeddings.
    """

    Config = EncoderTasksConfig
    requires = Requirements(
        capabilities=frozenset({"tokens:dense", "targets:codes", "mask:replace"}), most_views=1
    )

    def __init__(self, config: EncoderTasksConfig | None = None) -> None:
        super().__init__()
        self.config = config or EncoderTasksConfig()
        self.decoders, self.heads, self.sources = nn.ModuleDict(), nn.ModuleDict(), nn.ModuleDict()

    def build(self, specs: Mapping[str, EncoderSpec], data: DataInfo) -> None:
        """A decoder and a head for each encoder."""
        for name, spec in specs.items():
            self.decoders[name] = build_decoder(self.config.decoder, spec)
            self.sources[name] = RandomSource(spec)
            if self.config.noise:
                self.heads[name] = nn.Linear(spec.width, 3)

    def forward(self, views: Views, ctx: Context) -> Losses:
        """The decoder's loss, the mean of both copies', and the encoder's."""
        (view,) = views
        encoder, decoder = ctx.encoder(view.modality), self.decoders[view.modality]
        assert isinstance(encoder, SubwordEncoder), "specs ask for its preprocessing"
        assert isinstance(decoder, Decoder)
        subwords = encoder.subwords(view.value)
        copies, table = self._damaged(subwords, encoder, view.modality, ctx), encoder.table()
        mask, there = Mask(copies.hidden, "replace"), copies.masked.attended
        masked, noisy = (
            ctx.encode(replace(view, value=each), mask=mask)
            for each in (copies.masked, copies.noisy)
        )
        assert masked.tokens is not None, "requirements ask for tokens"
        assert noisy.tokens is not None, "requirements ask for tokens"
        restored = [
            rewriting(decoder, subwords, tokens, table, there)
            for tokens in (masked.tokens, noisy.tokens)
        ]
        losses = Losses(terms={"denoising": (restored[0] + restored[1]) / 2})
        if self.config.noise:
            losses = self._told(losses, self.heads[view.modality](noisy.tokens), copies)
        if self.config.contrast:
            found = nt_xent(masked.pooled, noisy.pooled, self.config.temperature).loss
            terms = {**losses.terms, "contrast": self.config.contrast * found}
            losses = Losses(terms=terms, metrics=losses.metrics)
        return losses

    def _told(
        self, losses: Losses, logits: Float[Tensor, "batch tokens kinds"], copies: Damaged
    ) -> Losses:
        asked = copies.noisy.content & ~copies.hidden
        loss = self.config.noise * masked_cross_entropy(logits, copies.kinds, asked)
        said = (logits.detach().argmax(-1) != KEPT).float() - 0.5
        found = balanced(said, (copies.kinds != KEPT) & asked, asked)
        return Losses(terms={**losses.terms, "noise": loss}, metrics=found)

    def _damaged(
        self, subwords: Subwords, encoder: SubwordEncoder, modality: str, ctx: Context
    ) -> Damaged:
        masked, hidden = without_repeats(
            subwords,
            self._hidden(subwords, encoder, ctx),
            pad=encoder.tokenizer.fast.pad_token_id,
        )
        free = masked.content & ~hidden
        ids = shuffled_near(masked.ids, free, self.config.shuffle, ctx.generator)
        moved = ids != masked.ids
        noisy, replaced = masked.with_ids(ids), torch.zeros_like(moved)
        if self.config.replace:
            rows, tokens = ids.shape
            chosen = RandomMask(ratio=self.config.replace)(
                rows, (tokens,), mode="replace", generator=ctx.generator, valid=free & ~moved
            )
            written = self.sources[modality](encoder, noisy, chosen, ctx).ids
            noisy, replaced = masked.with_ids(written), written != ids
        kinds = torch.where(replaced, REPLACED, torch.where(moved, MOVED, KEPT))
        return Damaged(masked=masked, noisy=noisy, hidden=hidden, kinds=kinds)

    def _hidden(
        self, subwords: Subwords, encoder: SubwordEncoder, ctx: Context
    ) -> Bool[Tensor, "batch tokens"]:
        """Runs of whole words."""
        rows, tokens = subwords.ids.shape
        words, word_of = units_of(encoder.tokenize(subwords))
        sampler = SpanMask(
            ratio=ctx.value("mask.ratio", self.config.ratio),
            length=min(self.config.length, tokens - 1),
        )
        mask = sampler(rows, (tokens,), mode="replace", generator=ctx.generator, valid=words)
        hidden: Tensor = mask.hidden.gather(1, word_of) & subwords.content
        return hidden
