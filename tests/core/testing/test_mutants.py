"""Planted faults of correct parts: each is caught by the check whose claim it breaks."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from tests.core.testing.parts import (
    Centred,
    CentredConfig,
    Jitter,
    Mixing,
    Ragged,
    RaggedNet,
    RowsSource,
    method,
    ragged,
    rows,
)
from torch import Generator, Tensor

from tacit.contract import (
    Batch,
    Context,
    Encoding,
    Losses,
    Mask,
    Modality,
    Requirements,
    Tokens,
    View,
    Views,
)
from tacit.data import Source
from tacit.evaluation.probes import LinearProbe, Sample
from tacit.methods import Method, Stage
from tacit.objectives import Clip, ClipConfig
from tacit.objectives.members import Members
from tacit.testing import (
    AUGMENTATIONS,
    ENCODERS,
    METHODS,
    MODALITIES,
    PROBES,
    SOURCES,
    AugmentationSubject,
    Case,
    Check,
    EncoderSubject,
    MethodSubject,
    ModalitySubject,
    ProbeSubject,
    SourceSubject,
)
from tacit.testing.augmentations import same

OFFERED = frozenset({"views:two-views", "teacher"})


# -- methods ---------------------------------------------------------------------------------


class GradientToTheTeacher(Centred):
    def taught(self, view: View, ctx: Context) -> Tensor:
        head = ctx.part("projector", which="teacher").requires_grad_(True)
        answer: Tensor = head.get_submodule(view.modality)(ctx.encode(view, which="teacher").pooled)
        return answer


class NoGradient(Centred):
    def forward(self, views: Views, ctx: Context) -> Losses:
        with torch.no_grad():
            pooled = ctx.encode(views[0]).pooled
        own = self.projector[views[0].modality](pooled)
        self.seen = own.mean(0).detach()
        return Losses(terms={"size": own.square().mean()})


class HiddenRandomness(Centred):
    def forward(self, views: Views, ctx: Context) -> Losses:
        losses = super().forward(views, ctx)
        return Losses(terms={name: term * random.random() for name, term in losses.terms.items()})


class TorchsRandomness(Centred):
    def taught(self, view: View, ctx: Context) -> Tensor:
        answer = super().taught(view, ctx)
        return answer + 0.1 * torch.randn(answer.shape)


class StateNotSaved(Centred):
    steps = 0

    def forward(self, views: Views, ctx: Context) -> Losses:
        losses = super().forward(views, ctx)
        return Losses(terms={k: term * 0.9**self.steps for k, term in losses.terms.items()})

    def after_step(self, ctx: Context) -> None:
        super().after_step(ctx)
        self.steps += 1


class LabelUsed(Centred):
    def forward(self, views: Views, ctx: Context) -> Losses:
        own = self.projector[views[0].modality](ctx.encode(views[0]).pooled)
        self.seen = own.mean(0).detach()
        label = ctx._batch.label  # type: ignore[attr-defined]
        return Losses(terms={"label": torch.nn.functional.cross_entropy(own, label)})


class StatisticsOfAProcess(Centred):
    def gathered(self, rows: Tensor) -> Tensor:
        return rows


class LossUpwards(Centred):
    def forward(self, views: Views, ctx: Context) -> Losses:
        losses = super().forward(views, ctx)
        term = losses.terms["agreement"]
        return Losses(terms={"agreement": 2 * term.detach() - term})


class NeedsNotDeclared(Centred):
    """Says that one view is enough."""

    requires = Requirements(teachers=frozenset({"teacher"}))


class TokensNotDeclared(Centred):
    def forward(self, views: Views, ctx: Context) -> Losses:
        tokens = ctx.encode(views[0]).tokens
        assert tokens is not None
        self.seen = torch.zeros(8)
        return Losses(terms={"size": (1 - tokens.std()).square()})


class TeacherNotDeclared(Centred):
    requires = replace(Centred.requires, teachers=frozenset({"mentor"}))


class Overflows(Centred):
    def forward(self, views: Views, ctx: Context) -> Losses:
        losses = super().forward(views, ctx)
        one = ctx.encode(views[0]).pooled.detach().std(0, correction=len(views[0].value) - 2)
        return Losses(terms={**losses.terms, "more": losses.terms["spread"] / (0 * one.sum())})


@dataclass
class Thawed:
    """Settings that can be changed."""


# -- encoders --------------------------------------------------------------------------------


class FastAndWrong(RaggedNet):
    def mean(self, x: Tensor, valid: Tensor) -> Tensor:
        return x.mean(1) if torch.compiler.is_compiling() else super().mean(x, valid)


class PaddingInTheMean(RaggedNet):
    def mean(self, x: Tensor, valid: Tensor) -> Tensor:
        return x.mean(1)


class MaskIgnored(RaggedNet):
    def hide(self, x: Tensor, mask: Mask | None) -> Tensor:
        return x


class MaskLeaks(RaggedNet):
    def hide(self, x: Tensor, mask: Mask | None) -> Tensor:
        return x if mask is None else x + super().hide(x, mask)


class EveryMaskTaken(RaggedNet):
    def check_mask(self, mask: Mask | None) -> None:
        return


class ScaleNotSaved(RaggedNet):
    def __init__(self) -> None:
        super().__init__()
        scale = self.get_buffer("scale")
        del self.scale
        self.register_buffer("scale", scale, persistent=False)


class RandomInEvaluation(RaggedNet):
    def forward(
        self, value: Ragged | Tokens, *, mask: Mask | None = None, taps: Sequence[int] = ()
    ) -> Encoding:
        answer = super().forward(value, mask=mask, taps=taps)
        return replace(answer, pooled=torch.nn.functional.dropout(answer.pooled))


class OrderMatters(RaggedNet):
    def mean(self, x: Tensor, valid: Tensor) -> Tensor:
        return super().mean(x * torch.linspace(1, 2, x.shape[1])[:, None], valid)


class WidthDeclaredWrongly(RaggedNet):
    def __init__(self) -> None:
        super().__init__()
        self.spec = replace(self.spec, width=9)


class TargetsDeclaredWrongly(RaggedNet):
    def __init__(self) -> None:
        super().__init__()
        self.spec = replace(self.spec, target_width=7)


# -- augmentations ---------------------------------------------------------------------------


class GlobalNoise(Jitter):
    def __call__(self, value: Tensor, generator: Generator) -> tuple[View, ...]:
        return super().__call__(value + torch.randn(value.shape), generator)


class ChangesInPlace(Jitter):
    def __call__(self, value: Tensor, generator: Generator) -> tuple[View, ...]:
        return super().__call__(value.mul_(2), generator)


class WrongRecord(Jitter):
    """Shuffles, and does not say so."""

    def views(self, value: Tensor, generator: Generator) -> Iterator[View]:
        for view in super().views(value, generator):
            yield replace(view, source=None)


class RecordIncomplete(Jitter):
    def views(self, value: Tensor, generator: Generator) -> Iterator[View]:
        for view in super().views(value, generator):
            yield replace(view, meta={})


class SeesTheBatch(Jitter):
    def __call__(self, value: Tensor, generator: Generator) -> tuple[View, ...]:
        return super().__call__(value - value.mean(0), generator)


class OneViewTooFew(Jitter):
    def __call__(self, value: Tensor, generator: Generator) -> tuple[View, ...]:
        return super().__call__(value, generator)[:1]


class HoldsAFunction(Jitter):
    def __init__(self) -> None:
        self.change: Callable[[Tensor], Tensor] = lambda value: value


# -- modalities, sources and probes ----------------------------------------------------------


class SizeOfOne(Mixing):
    def size(self, value: Any) -> int:
        return 1


class MixedTheWrongWay(Mixing):
    def mix(self, value: Any, other: Any, *, order: Tensor, share: Tensor) -> Any:
        return super().mix(value, other, order=order, share=1 - share)


class JoinedBackwards(Mixing):
    def concatenate(self, values: Sequence[Any]) -> Any:
        return torch.cat(list(values)[::-1])


class SortedBatches(RowsSource):
    def fetch(self, indices: Sequence[int]) -> Batch:
        return super().fetch(sorted(indices))


class RandomReads(RowsSource):
    def fetch(self, indices: Sequence[int]) -> Batch:
        batch = super().fetch(indices)
        noisy = batch.values["row"] + torch.randn(len(indices), 5)
        return replace(batch, values={"row": noisy})


@dataclass(frozen=True, kw_only=True)
class Unsteady(LinearProbe):
    """Adds chance of its own."""

    def __call__(self, sample: Sample, generator: Generator) -> Mapping[str, float]:
        scores = super().__call__(sample, generator)
        return {name: score + float(torch.rand(())) for name, score in scores.items()}


def of_method(objective: type[Centred], config: Any = None) -> MethodSubject:
    config = CentredConfig() if config is None else config
    return MethodSubject(make=lambda: method(objective, config), requires=OFFERED)


class OneSided(Clip):
    """Learns the first modality alone."""

    def members(self, views: Views, ctx: Context) -> Members:
        found = super().members(views, ctx)
        still = tuple(view.detach() for view in found.views)
        return replace(found, views=still) if found.modality == "echo" else found


def of_pairs(objective: type[Clip]) -> MethodSubject:
    stage = Stage(views="plain", objective=objective, config=ClipConfig())
    made = Method(name="toy/pairs", summary="A toy", source="none", stages=(stage,))
    return MethodSubject(make=lambda: made, requires=frozenset({"views:plain", "pairs"}))


def of_encoder(make: type[RaggedNet]) -> EncoderSubject:
    words = frozenset({"tokens", "tokens:dense", "targets", "mask:replace", "positions:none"})
    return EncoderSubject(make=make, values=ragged, declared=words)


def of_augmentation(make: type[Jitter]) -> AugmentationSubject:
    return AugmentationSubject(make=make, values=rows)


def of_modality(made: Modality) -> ModalitySubject:
    return ModalitySubject(modality=made, source=RowsSource(), provides=frozenset({"mix"}))


def of_source(make: type[Source]) -> SourceSubject:
    return SourceSubject(make=make)


WHOLE: dict[str, tuple[tuple[Check, ...], Any]] = {
    "method": (METHODS, of_method(Centred)),
    "method of pairs": (METHODS, of_pairs(Clip)),
    "encoder": (ENCODERS, of_encoder(RaggedNet)),
    "augmentation": (AUGMENTATIONS, of_augmentation(Jitter)),
    "modality": (MODALITIES, of_modality(Mixing())),
    "source": (SOURCES, of_source(RowsSource)),
    "probe": (PROBES, ProbeSubject(make=LinearProbe)),
}

MUTANTS: dict[str, tuple[tuple[Check, ...], Any, str]] = {
    "gradient to the teacher": (
        METHODS, of_method(GradientToTheTeacher), "teachers-get-no-gradient"),
    "no gradient to the encoder": (METHODS, of_method(NoGradient), "gradient-reaches-the-encoder"),
    "no gradient to one encoder of a pair": (
        METHODS, of_pairs(OneSided), "gradient-reaches-the-encoder"),
    "python's global generator": (
        METHODS, of_method(HiddenRandomness), "the-seed-is-all-its-randomness"),
    "torch's global generator": (
        METHODS, of_method(TorchsRandomness), "the-seed-is-all-its-randomness"),
    "state not saved": (METHODS, of_method(StateNotSaved), "resuming-changes-nothing"),
    "label used": (METHODS, of_method(LabelUsed), "labels-are-not-used"),
    "statistics of one process": (
        METHODS, of_method(StatisticsOfAProcess), "two-processes-train-as-one"),
    "loss made larger": (METHODS, of_method(LossUpwards), "the-loss-falls"),
    "views not declared": (METHODS, of_method(NeedsNotDeclared), "too-few-views-are-refused"),
    "tokens not declared": (
        METHODS, of_method(TokensNotDeclared), "an-encoder-without-tokens-is-refused-or-trains"),
    "teacher without a policy": (
        METHODS, of_method(TeacherNotDeclared), "teachers-it-reads-are-set-up"),
    "not finite": (METHODS, of_method(Overflows), "the-smallest-batch-trains"),
    "settings not frozen": (METHODS, of_method(Centred, Thawed()), "settings-are-frozen"),
    "padding in the mean": (
        ENCODERS, of_encoder(PaddingInTheMean), "an-instance-is-the-same-alone"),
    "mask ignored": (ENCODERS, of_encoder(MaskIgnored), "a-mask-changes-the-answer"),
    "mask that leaks": (ENCODERS, of_encoder(MaskLeaks), "hidden-tokens-are-hidden"),
    "every mask taken": (ENCODERS, of_encoder(EveryMaskTaken), "other-mask-modes-are-refused"),
    "buffer not saved": (ENCODERS, of_encoder(ScaleNotSaved), "state-goes-round"),
    "random in evaluation": (ENCODERS, of_encoder(RandomInEvaluation), "evaluation-is-not-random"),
    "another path when compiled": (ENCODERS, of_encoder(FastAndWrong), "it-compiles"),
    "order matters": (ENCODERS, of_encoder(OrderMatters), "tokens-without-places-have-no-order"),
    "width": (ENCODERS, of_encoder(WidthDeclaredWrongly), "shapes-are-those-declared"),
    "target width": (ENCODERS, of_encoder(TargetsDeclaredWrongly), "targets-are-those-declared"),
    "hidden global generator": (
        AUGMENTATIONS, of_augmentation(GlobalNoise), "the-generator-is-all-its-randomness"),
    "changed in place": (
        AUGMENTATIONS, of_augmentation(ChangesInPlace), "a-value-is-not-changed-in-place"),
    "wrong record": (
        AUGMENTATIONS, of_augmentation(WrongRecord), "instances-do-not-see-each-other"),
    "record incomplete": (
        AUGMENTATIONS, of_augmentation(RecordIncomplete), "what-was-done-is-recorded"),
    "sees the batch": (
        AUGMENTATIONS, of_augmentation(SeesTheBatch), "instances-do-not-see-each-other"),
    "a view too few": (
        AUGMENTATIONS, of_augmentation(OneViewTooFew), "views-have-the-roles-declared"),
    "does not pickle": (
        AUGMENTATIONS, of_augmentation(HoldsAFunction), "it-goes-to-worker-processes"),
    "size": (MODALITIES, of_modality(SizeOfOne()), "sizes-count-instances"),
    "mix": (MODALITIES, of_modality(MixedTheWrongWay()), "mixing-is-as-declared"),
    "order of joining": (
        MODALITIES, of_modality(JoinedBackwards()), "joined-values-hold-all-instances"),
    "batches in another order": (
        SOURCES, of_source(SortedBatches), "batches-come-in-the-order-asked-for"),
    "random reads": (SOURCES, of_source(RandomReads), "reading-is-not-random"),
    "unsteady probe": (
        PROBES, ProbeSubject(make=Unsteady), "the-generator-is-a-probes-randomness"),
}  # fmt: skip


@pytest.mark.parametrize("name", WHOLE)
def test_what_is_correct_passes_every_check(name: str) -> None:
    checks, subject = WHOLE[name]
    results = [Case(name, name, check, subject).result() for check in checks]
    assert not [f"{r.check}: {r.reason}" for r in results if r.state == "failed"]


def test_nearly_all_checks_apply_to_the_correct_method() -> None:
    results = [Case("methods", "toy", check, WHOLE["method"][1]).result() for check in METHODS[:3]]
    assert [result.state for result in results] == ["passed"] * 3


@pytest.mark.parametrize("fault", MUTANTS)
def test_a_planted_fault_is_caught_by_name(fault: str) -> None:
    checks, subject, name = MUTANTS[fault]
    (check,) = (each for each in checks if each.name == name)
    result = Case("mutants", fault, check, subject).result()
    assert result.state == "failed", f"{name}: {result.state} {result.reason}"


def test_at_least_twenty_faults_are_planted() -> None:
    assert len(MUTANTS) >= 20


def test_values_that_lack_the_same_are_the_same() -> None:
    nan = torch.nan
    whole = torch.tensor([1.0, nan])
    assert same({"a": whole}, {"a": torch.tensor([1.0, nan])})
    for other in ([1.0, 2.0], [nan, nan], [2.0, nan], [nan, 1.0], [1.0, nan, nan]):
        assert not same({"a": whole}, {"a": torch.tensor(other)})
