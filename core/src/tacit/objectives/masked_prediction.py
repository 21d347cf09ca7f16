"""Masked prediction: hide tokens, predict what was there. Most masked methods are configurations.

=============  =========  ==============  ==============  ============  ==================
method         mask       mode            target          decoder       loss
=============  =========  ==============  ==============  ============  ==================
MAE            random     drop            input, normed   transformer   mse
SimMIM         random     replace         input           linear        l1
BERT           random     replace, fill   input (codes)   own           cross-entropy
GraphMAE       random     replace         input           own, remask   scaled-cosine
MP3            random     query           position        linear        cross-entropy
data2vec       block      replace         latent          linear        smooth-l1
wav2vec 2.0    span       replace         quantised       linear        contrast
HuBERT         span       replace         k-means         cosine        cross-entropy
=============  =========  ==============  ==============  ============  ==================
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from tacit.contract import (
    Context,
    DataInfo,
    EncoderSpec,
    Encoding,
    Losses,
    Mask,
    Objective,
    Tokens,
    View,
    Views,
)
from tacit.functional import global_mean
from tacit.nn import (
    ContrastWithin,
    CrossDecoder,
    Hiding,
    MaskConfig,
    MultiBlockMask,
    OwnDecoder,
    SubsetMask,
    Target,
    TokenLoss,
    build_decoder,
    build_target,
    fill_hidden,
    token_error,
)
from tacit.nn.features import Own
from tacit.nn.picked import Picked, pick
from tacit.nn.token_losses import check_loss
from tacit.objectives.instances import counted
from tacit.objectives.masked_settings import MaskedPredictionConfig, requirements
from tacit.objectives.units import spread, units_of


class MaskedPrediction(Objective):
    """Hides tokens of each view and predicts them.

    A view that carries a mask keeps it; else the sampler draws one. The loss is the mean over the
    tokens asked for alone, of all processes. With a `cross` decoder the first view of a modality is
    seen whole, and each of the others is predicted with it in sight.

    Tokens may be dense, on a grid or in rows of any length, padded or not, or packed; a transformer
    decoder and `drop` need dense ones.

    Source: MAE, He et al. 2022 (arXiv 2111.06377), facebookresearch/mae, models_mae.py; SimMIM, Xie
    et al. 2022 (arXiv 2111.09886), microsoft/SimMIM, models/simmim.py. Differs: see
    `tacit.nn.decoders.TransformerHead`; targets are on the encoder's own scale, where SimMIM's are
    normalised over the data set.
    """

    Config = MaskedPredictionConfig

    def __init__(self, config: MaskedPredictionConfig | None = None) -> None:
        super().__init__()
        self.config = config or MaskedPredictionConfig()
        self.decoder, self.target = nn.ModuleDict(), nn.ModuleDict()
        self.specs: dict[str, EncoderSpec] = {}
        self.requires = requirements(self.config)

    def build(self, specs: Mapping[str, EncoderSpec], data: DataInfo) -> None:
        """A target and a decoder for each modality.

        Raises:
            ValueError: a target and a loss that do not fit, or a grid the mask does not fit.
        """
        for name, spec in specs.items():
            target = self.content(spec)
            check_loss(self.loss_of(target), target, name)
            if spec.grid is not None:
                self.mask_of(name).check(spec.grid, self.config.mode)
            if spec.tokens == "packed" and not self.config.mask.packs:
                raise ValueError(
                    f"mask: the {name} encoder's tokens are packed and lie on no grid: wanted "
                    f"mask.kind='random' or 'block'; got {self.config.mask.kind!r}"
                )
            if spec.tokens == "packed" and getattr(self.config.loss, "distractors", None):
                raise ValueError(
                    f"distractors: the {name} encoder's tokens are packed: set loss.distractors="
                    "'none', for all hidden tokens of the instance"
                )
            self.specs[name] = spec
            self.target[name] = target
            self.decoder[name] = self.head(spec, target.width)

    def content(self, spec: EncoderSpec) -> Target:
        """What is predicted of an encoder's tokens."""
        return build_target(self.config.target, spec)

    def head(self, spec: EncoderSpec, out: int) -> nn.Module:
        """What predicts it."""
        return build_decoder(self.config.decoder, spec, out)

    def mask_of(self, name: str) -> MaskConfig:
        """The sampler of a modality's masks."""
        return self.config.mask

    def loss_of(self, target: Target) -> TokenLoss | None:
        """How far off a prediction of a target is; None: the target knows."""
        return self.config.loss

    def before_epoch(self, ctx: Context) -> None:
        """Targets that are made of the data read it."""
        for name in self.target:
            self.target_of(name).prepare(name, ctx)

    def after_step(self, ctx: Context) -> None:
        """Targets that follow what they saw do so."""
        for name in self.target:
            self.target_of(name).settle()

    def forward(self, views: Views, ctx: Context) -> Losses:
        """The error on the tokens asked for, averaged over the views of each modality."""
        terms: dict[str, Tensor] = {}
        metrics: dict[str, Tensor] = {}
        for name in views.modalities:
            own, reference = views.of(name), None
            if isinstance(self.config.decoder, CrossDecoder):
                reference, own = ctx.encode(own[0]), own[1:]
            errors = [self.errors(name, view, ctx, reference) for view in own]
            suffix = f"/{name}" if len(views.modalities) > 1 else ""
            terms |= {f"{term}{suffix}": value for term, value in mean_of(errors).items()}
            found = self.target_of(name).metrics()
            metrics |= {f"{key}{suffix}": value for key, value in found.items()}
        return Losses(terms=terms, metrics=metrics)

    def errors(
        self, name: str, view: View, ctx: Context, reference: Encoding | None
    ) -> dict[str, Tensor]:
        """The named errors on one view, averaged over all its masks."""
        target = self.target_of(name)
        content = target(view, ctx)
        errors = []
        for hiding in self.hidings(self.specs[name], view, content, ctx):
            encoding = self.encode(view, hiding.mask, ctx)
            error = self.error(name, view, hiding, content, encoding, ctx, reference)
            asked = self.asked(view, hiding, encoding)
            errors.append({"reconstruction": error, **target.penalties(asked)})
        return mean_of(errors) | self.effort(view, encoding, ctx)

    def effort(self, view: View, encoding: Encoding, ctx: Context) -> dict[str, Tensor]:
        """The mean square of what the tokens of a view were made of, if it is to be small."""
        if not self.config.penalty:
            return {}
        energy = ctx.tokenize(view).energy
        assert energy is not None, "requirements ask for latents"
        there = counted(view, encoding, torch.ones_like(energy, dtype=torch.bool))
        mean = global_mean(energy.where(there, 0.0).sum(), there.sum())
        return {"penalty": self.config.penalty * mean}

    def asked(self, view: View, hiding: Hiding, encoding: Encoding) -> Tensor:
        """The tokens a loss is taken on."""
        asked = torch.ones_like(hiding.asked) if self.config.ask_all else hiding.asked
        return counted(view, encoding, asked)

    def error(
        self,
        name: str,
        view: View,
        hiding: Hiding,
        content: Tensor,
        encoding: Encoding,
        ctx: Context,
        reference: Encoding | None = None,
    ) -> Tensor:
        """The error of what is predicted from one encoding under a mask."""
        target = self.target_of(name)
        asked = self.asked(view, hiding, encoding)
        target.observe(asked)
        decoder, rows = self.decoder[name], self._rows(asked)
        tokens = self._tokens(view, ctx, asked if rows is None else rows)
        if (picked := self._picked(decoder, hiding, asked)) is not None:
            assert encoding.tokens is not None, "requirements ask for tokens"
            encoding = replace(encoding, tokens=picked.of(encoding.tokens))
            content, asked = picked.of(content), picked.there
        predicted = decoder(encoding, hiding.mask, tokens, reference)
        if rows is not None:
            predicted = (
                predicted if len(predicted) == len(rows) else predicted.index_select(0, rows)
            )
            content = content.index_select(0, rows)
            asked = torch.ones_like(rows, dtype=torch.bool)
        target.judge(predicted.detach(), content.detach(), asked)
        return self.distance(target, predicted, content, asked, encoding, ctx)

    def _rows(self, asked: Tensor) -> Tensor | None:
        """Positions of the packed tokens asked for, where counting them makes no device wait."""
        if asked.ndim > 1 or asked.device.type != "cpu" or self.config.ask_all:
            return None
        if self.config.loss is None or isinstance(self.config.loss, ContrastWithin):
            return None  # as in `_picked`
        return asked.nonzero()[:, 0]

    def _picked(self, decoder: nn.Module, hiding: Hiding, asked: Tensor) -> Picked | None:
        """The tokens asked for, where they can be predicted without the others."""
        most, alone = hiding.mask.most, getattr(decoder, "tokenwise", False)
        if most is None or not alone or self.config.ask_all or asked.ndim == 1:
            return None
        if self.config.loss is None or isinstance(self.config.loss, ContrastWithin):
            return None  # it looks at all tokens of an instance, or is the target's own
        return pick(asked, most)

    def distance(
        self,
        target: Target,
        predicted: Tensor,
        content: Tensor,
        asked: Tensor,
        encoding: Encoding,
        ctx: Context,
    ) -> Tensor:
        """How far a prediction is off, by the loss set or the target's own."""
        if (loss := self.loss_of(target)) is None:
            assert isinstance(target, Own)
            return target.target.error(predicted, content, asked)
        return token_error(
            loss,
            predicted,
            content,
            asked,
            encoding.owner,
            alike=target.alike(),
            generator=ctx.generator,
        )

    def encode(self, view: View, mask: Mask, ctx: Context) -> Encoding:
        """The encoding under a mask, hidden tokens filled in as the settings say."""
        if self.config.fill.plain:
            return ctx.encode(view, mask=mask)
        tokens, mask = fill_hidden(ctx.tokenize(view), mask, self.config.fill, ctx.generator)
        encoding: Encoding = ctx.encoder(view.modality)(tokens, mask=mask)
        return encoding

    def hidings(
        self, spec: EncoderSpec, view: View, content: Tensor, ctx: Context
    ) -> tuple[Hiding, ...]:
        """What is hidden of a view, and what is asked for."""
        mode, generator = self.config.mode, ctx.generator
        if view.mask is not None:
            if view.mask.mode != mode:
                raise ValueError(
                    f"the {view.modality} views bring masks of mode {view.mask.mode!r}; the "
                    f"objective is set to {mode!r}: set the objective's mode, or the views' mask"
                )
            return (Hiding(view.mask, view.mask.hidden),)
        sampler = self._sampler(view.modality, ctx)
        if spec.tokens == "packed":
            mask = sampler.packed(content.shape[0], mode=mode, generator=generator)
            return (Hiding(mask, mask.hidden),)
        rows, tokens = content.shape[:2]
        if spec.grid is not None:
            return sampler.hidings(rows, spec.grid, mode=mode, generator=generator)
        cut = ctx.tokenize(view)  # rows of any length
        valid, units = units_of(cut) if self.config.units else (cut.valid, None)
        found = sampler.hidings(rows, (tokens,), mode=mode, generator=generator, valid=valid)
        return found if units is None else tuple(spread(each, cut, units) for each in found)

    def target_of(self, name: str) -> Target:
        """The target of a modality."""
        target = self.target[name]
        assert isinstance(target, Target)
        return target

    def _sampler(self, name: str, ctx: Context) -> MaskConfig:
        mask = self.mask_of(name)
        if isinstance(mask, MultiBlockMask | SubsetMask):
            return mask
        ratio = ctx.value("mask.ratio", mask.ratio)
        return mask if ratio == mask.ratio else replace(mask, ratio=ratio)

    def _tokens(self, view: View, ctx: Context, asked: Tensor) -> Tokens | None:
        """What a decoder of the encoder's own kind mixes by, such as neighbours."""
        if not isinstance(self.config.decoder, OwnDecoder):
            return None
        tokens = ctx.tokenize(view)
        return replace(tokens, values=tokens.values.detach(), asked=asked)


def mean_of(errors: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of each named error."""
    return {term: torch.stack([each[term] for each in errors]).mean() for term in errors[0]}
