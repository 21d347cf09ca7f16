"""Masked prediction across modalities: hidden tokens are told from what the others show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Bool
from torch import Tensor, nn

from tacit.contract import (
    Composition,
    Context,
    DataInfo,
    EncoderSpec,
    Encoding,
    Losses,
    MaskMode,
    Requirements,
    View,
    Views,
    unmet,
)
from tacit.nn import (
    CrossDecoder,
    CrossEntropy,
    DecoderConfig,
    InputTarget,
    MaskConfig,
    MultiBlockMask,
    OwnTarget,
    RandomMask,
    SubsetMask,
    Target,
    TokenLoss,
    build_target,
)
from tacit.nn.across import AcrossHead, Reader
from tacit.nn.features import Own
from tacit.nn.masks.sampler import check_ratio
from tacit.objectives.masked_prediction import MaskedPrediction, mean_of
from tacit.objectives.masked_settings import MaskedPredictionConfig, requirements
from tacit.objectives.members import check_complete, check_order

_CONTENT = frozenset({"targets", "targets:codes", "targets:own"})


@dataclass(frozen=True, kw_only=True)
class MaskedAcrossConfig(MaskedPredictionConfig):
    """Settings of masked prediction across modalities.

    Args:
        mask: as in `MaskedPredictionConfig`; of all modalities that `ratios` does not name.
        mode: as there. Hidden tokens are replaced if not said, which more encoders can do than drop
            them.
        target: as there. An `input` target is whatever the encoder says its tokens hold: features,
            which alone are normalised, codes, or what has a loss of its own.
        decoder: a `cross` one.
        loss: of features; that of codes is the cross-entropy.
        ratios: by modality, the share of tokens that is hidden: content that repeats itself bears
            more than content of which every token counts.
        predict: the modalities that are predicted; the others are only looked at, and need no
            tokens. All if empty.
        places: most tokens an instance has, where an encoder's tokens are packed; memory is taken
            for as many.

    Raises:
        ValueError: settings that contradict each other; says which to change.
    """

    mask: MaskConfig = RandomMask(ratio=0.6)
    mode: MaskMode = "replace"
    decoder: DecoderConfig = CrossDecoder()
    ratios: Mapping[str, float] = field(default_factory=dict)
    predict: tuple[str, ...] = ()
    places: int = 128

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.decoder, CrossDecoder):
            raise ValueError(
                "decoder: one modality is predicted with others in sight: wanted kind='cross'; got "
                f"{self.decoder.kind!r}"
            )
        if self.places < 1:
            raise ValueError(f"places: wanted at least 1; got {self.places}")
        if self.ratios and isinstance(self.mask, MultiBlockMask | SubsetMask):
            raise ValueError(f"ratios: a mask of kind {self.mask.kind!r} has no ratio to set")
        for ratio in self.ratios.values():
            check_ratio(ratio)


class MaskedAcross(MaskedPrediction):
    """Hides tokens of one modality and predicts them from the rest, and from the other modalities.

    Each other member of the instance is encoded whole; a decoder mixes the tokens it is to fill in
    and lets them look at those. Both encoders get gradient: that of what was hidden, and those of
    what helped. An instance that has only one of the modalities has no part in the loss.

    Tokens may be dense or packed; see `tacit.nn.across`. With one view of each modality, that view
    is hidden in part for its own prediction and shown whole for the others'.

    Source: Kwon et al. 2022 (arXiv 2208.02131), MaskVLM, section 3.1: joint modelling of masked
        signals, each reconstructed with the unmasked other one; the decoder is CropMAE's, Eymael et
        al. 2024 (arXiv 2403.17823) section 3.2. Differs: any modalities, any number of them (all
        others are looked at, one after the other); the decoder's tokens look at encoded tokens
        directly, where MaskVLM has a cross-modality encoder before its decoders; matching of pairs
        is left out, and its contrast is in `MaskedClip`.
    """

    Config = MaskedAcrossConfig

    def __init__(self, config: MaskedAcrossConfig | None = None) -> None:
        self.own = config or MaskedAcrossConfig()
        super().__init__(self.own)
        self.reader = nn.ModuleDict()
        needs = _of_predicted(self.own)
        if self.own.predict:  # of the others nothing is asked; `build` asks those
            needs = replace(needs, capabilities=frozenset(), any_of=())
        self.requires = needs

    def build(self, specs: Mapping[str, EncoderSpec], data: DataInfo) -> None:
        """A target, a decoder and a reader of the others for each modality that is predicted.

        Raises:
            ValueError: settings for modalities the data do not have, encoders that cannot be
                predicted, or what `MaskedPrediction.build` raises.
        """
        _check_known("predict", self.own.predict, specs)
        _check_known("ratios", self.own.ratios, specs)
        predicted = {name: specs[name] for name in self.own.predict or specs}
        _check_fit(_of_predicted(self.own), predicted)
        super().build(predicted, data)
        for name in predicted:
            others = {other: spec for other, spec in specs.items() if other != name}
            assert isinstance(self.own.decoder, CrossDecoder)
            self.reader[name] = Reader(others, self.own.decoder.width, places=self.own.places)

    def forward(self, views: Views, ctx: Context) -> Losses:
        """The error on hidden tokens of each modality, averaged over its views.

        Raises:
            ValueError: there is no modality to predict beside another, or not one instance that has
                two.
        """
        whole, present = _shown(views, ctx)
        predicted = [name for name in self.reader if name in whole and len(whole) > 1]
        if not predicted:
            raise ValueError(
                f"a batch with {', '.join(whole) or 'no modality'} alone has nothing to predict "
                "from another modality: give data in which instances have two"
            )
        both = {name: _with_another(name, present) for name in predicted}
        check_complete(list(both.values()))
        terms: dict[str, Tensor] = {}
        metrics: dict[str, Tensor] = {}
        for name in predicted:
            seen = self.reader[name](
                {other: encoding for other, encoding in whole.items() if other != name}, present
            )
            own = [replace(view, present=both[name]) for view in views.of(name)]
            errors = mean_of([self.errors(name, view, ctx, seen) for view in own])
            terms |= {f"{term}/{name}": value for term, value in errors.items()}
            found = self.target_of(name).metrics()
            metrics |= {f"{key}/{name}": value for key, value in found.items()}
        return Losses(terms=terms, metrics=metrics)

    def content(self, spec: EncoderSpec) -> Target:
        """What an encoder says its tokens hold, if that is to be predicted."""
        config = self.own.target
        if isinstance(config, InputTarget):
            if spec.vocabulary is not None:
                config = replace(config, normalise=False)
            elif spec.target_width is None:
                config = OwnTarget()
        return build_target(config, spec)

    def head(self, spec: EncoderSpec, out: int) -> nn.Module:
        """A decoder that looks at other modalities."""
        assert isinstance(self.own.decoder, CrossDecoder)
        return AcrossHead(self.own.decoder, spec, out, places=self.own.places)

    def mask_of(self, name: str) -> MaskConfig:
        """With the modality's own ratio."""
        mask = self.own.mask
        if name not in self.own.ratios or isinstance(mask, MultiBlockMask | SubsetMask):
            return mask
        return replace(mask, ratio=self.own.ratios[name])

    def loss_of(self, target: Target) -> TokenLoss | None:
        """By what the target is."""
        if isinstance(target, Own):
            return None
        return CrossEntropy() if target.codes else self.own.loss


def _of_predicted(config: MaskedAcrossConfig) -> Requirements:
    """What is asked of each encoder whose tokens are predicted, and of the data."""
    needs = requirements(config)
    words = needs.capabilities
    content: tuple[frozenset[str], ...] = ()
    if isinstance(config.target, InputTarget):
        words, content = words - _CONTENT, (_CONTENT,)
    if config.mode == "replace" and config.mask.packs:
        words -= {"tokens:dense"}  # packed ones are given rows
    return replace(needs, capabilities=words, any_of=content, modalities=2, views=1)


def _check_fit(needs: Requirements, predicted: Mapping[str, EncoderSpec]) -> None:
    asked = Requirements(capabilities=needs.capabilities, any_of=needs.any_of, views=0)
    if problems := unmet(asked, Composition(specs=predicted, roles={}, meta={})):
        raise ValueError(
            f"predict: {'; '.join(problems)}. Name in objective.predict the modalities whose "
            "encoders have this"
        )


def _check_known(
    what: str, named: Sequence[str] | Mapping[str, float], known: Mapping[str, EncoderSpec]
) -> None:
    if unknown := sorted(set(named) - set(known)):
        raise ValueError(f"{what}: wanted some of {', '.join(known)}; got {', '.join(unknown)}")


def _shown(
    views: Views, ctx: Context
) -> tuple[dict[str, Encoding], dict[str, Bool[Tensor, " batch"] | None]]:
    """The first view of each modality, whole, and which instances have it."""
    whole, present = {}, {}
    for name in views.modalities:
        own: Sequence[View] = views.of(name)
        check_order(own)
        whole[name], present[name] = ctx.encode(own[0]), own[0].present
    return whole, present


def _with_another(
    name: str, present: Mapping[str, Bool[Tensor, " batch"] | None]
) -> Bool[Tensor, " batch"] | None:
    """The instances that have a modality and another; None: all."""
    own, others = present[name], [there for other, there in present.items() if other != name]
    partial = [there for there in others if there is not None]
    if len(partial) < len(others):
        return own
    another = torch.stack(partial).any(0)
    return another if own is None else own & another
