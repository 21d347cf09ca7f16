"""Some tokens are exchanged: the encoder says which ones, or what was there before.

=========  ==========  ==============  =====================================================
method     source      predict         paper
=========  ==========  ==============  =====================================================
RTS        random      which           Di Liello et al. 2022, arXiv:2210.13536
C-RTS      cluster     which           likewise
SLM        random      original        likewise
ELECTRA    generator   which           Clark et al. 2020, arXiv:2003.10555
=========  ==========  ==============  =====================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from tacit.contract import (
    Context,
    DataInfo,
    EncoderSpec,
    Losses,
    Mask,
    Objective,
    Requirements,
    View,
    Views,
)
from tacit.functional import masked_cross_entropy
from tacit.functional.collectives import global_mean
from tacit.nn import OwnDecoder, RandomMask, build_decoder, pick
from tacit_text.encoders.subword import SubwordEncoder
from tacit_text.objectives.corruption import Corrupted, RandomSource, RandomTokens
from tacit_text.objectives.generator import GeneratorSource
from tacit_text.objectives.sources import Corruption, build_source


@dataclass(frozen=True, kw_only=True)
class TokenSwapConfig:
    """Settings of token replacement; the defaults are RTS's.

    Args:
        ratio: share of the tokens that is chosen. A schedule `mask.ratio` moves it.
        source: where other tokens come from.
        predict: `which` tokens are not the original, of all tokens; or the `original` of the
            chosen ones, by a head over the vocabulary.
        weight: of the loss. ELECTRA weighs its detection 50 times its generator's loss.

    Raises:
        ValueError: a ratio that is no share.
    """

    ratio: float = 0.15
    source: Corruption = RandomTokens()
    predict: Literal["which", "original"] = "which"
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.ratio < 1:
            raise ValueError(f"ratio: wanted more than 0 and less than 1; got {self.ratio}")


class TokenSwap(Objective):
    """Replaces tokens and has the encoder find them, or say what they were.

    A token counts as replaced where it differs from the original, so that a source that happens to
    draw the original is not held against the encoder.

    Source: see the module. Differs: the share is one of each text's tokens, where the papers choose
        every token with a probability; no text is then left whole.
    """

    Config = TokenSwapConfig
    requires = Requirements(
        capabilities=frozenset({"tokens:dense", "targets:codes", "decoder"}), most_views=1
    )

    def __init__(self, config: TokenSwapConfig | None = None) -> None:
        super().__init__()
        self.config = config or TokenSwapConfig()
        self.sources, self.heads = nn.ModuleDict(), nn.ModuleDict()
        self._seen: dict[str, Tensor] = {}

    def build(self, specs: Mapping[str, EncoderSpec], data: DataInfo) -> None:
        """A source and a head for each encoder."""
        for name, spec in specs.items():
            self.sources[name] = build_source(self.config.source, spec)
            if self.config.predict == "original":
                assert spec.vocabulary is not None, "requirements ask for targets"
                self.heads[name] = build_decoder(OwnDecoder(remask=False), spec, spec.vocabulary)
            else:
                self.heads[name] = detector(spec.width)

    def forward(self, views: Views, ctx: Context) -> Losses:
        """The loss on each view."""
        (view,) = views
        encoder = ctx.encoder(view.modality)
        assert isinstance(encoder, SubwordEncoder), "specs ask for its preprocessing"
        subwords = encoder.subwords(view.value)
        ratio = ctx.value("mask.ratio", self.config.ratio)
        mask = RandomMask(ratio=ratio)(
            subwords.ids.shape[0],
            (subwords.ids.shape[1],),
            mode="replace",
            generator=ctx.generator,
            valid=subwords.content,
        )
        corrupted: Corrupted = self.sources[view.modality](encoder, subwords, mask, ctx)
        changed = replace(view, value=subwords.with_ids(corrupted.ids))
        metrics: dict[str, Tensor] = {}
        if self.config.predict == "original":
            loss = self._original(changed, subwords.ids, mask, ctx)
        else:
            loss, metrics = self._which(changed, subwords.ids, subwords.content, ctx)
        terms = {"replacement": self.config.weight * loss, **corrupted.losses}
        return Losses(terms=terms, metrics=metrics)

    def _original(self, view: View, ids: Tensor, mask: Mask, ctx: Context) -> Tensor:
        encoding = ctx.encode(view)
        assert encoding.tokens is not None, "requirements ask for tokens"
        tokens = ctx.encoder(view.modality).tokenize(view.value)
        asked = pick(mask.hidden, mask.most)
        encoding = replace(encoding, tokens=asked.of(encoding.tokens))
        logits = self.heads[view.modality](encoding, mask, tokens)
        return masked_cross_entropy(logits, asked.of(ids), asked.there)

    def _which(
        self, view: View, ids: Tensor, content: Bool[Tensor, "batch tokens"], ctx: Context
    ) -> tuple[Tensor, dict[str, Tensor]]:
        tokens = ctx.encode(view).tokens
        assert tokens is not None, "requirements ask for tokens"
        logits = self.heads[view.modality](tokens).squeeze(-1).float()
        replaced = (view.value.ids != ids) & content
        source = self.sources[view.modality]
        assert isinstance(source, RandomSource | GeneratorSource)
        if self.training:
            source.learn(ids, view.value.ids, 1 - logits.detach().sigmoid(), replaced)
        return detection(logits, replaced, content), balanced(logits.detach(), replaced, content)


def detector(width: int) -> nn.Module:
    """One score for each token: above 0 where it is taken for a wrong one."""
    return nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, 1))


def detection(
    logits: Float[Tensor, "batch tokens"],
    wrong: Bool[Tensor, "batch tokens"],
    asked: Bool[Tensor, "batch tokens"],
) -> Float[Tensor, ""]:
    """The binary cross-entropy of which tokens are wrong, the mean over those asked for."""
    each = functional.binary_cross_entropy_with_logits(
        logits, wrong.to(logits.dtype), reduction="none"
    )
    return global_mean((each * asked).sum(), asked.sum())


@torch.no_grad()
def balanced(
    logits: Float[Tensor, "batch tokens"],
    replaced: Bool[Tensor, "batch tokens"],
    content: Bool[Tensor, "batch tokens"],
) -> dict[str, Tensor]:
    """The mean of the shares found among replaced and among original tokens: chance is 0.5."""
    found, original = (logits > 0) & replaced, ~replaced & content
    left = (logits <= 0) & original
    hits = found.sum() / replaced.sum().clamp(min=1)
    rejections = left.sum() / original.sum().clamp(min=1)
    return {"balanced_accuracy": (hits + rejections) / 2}
