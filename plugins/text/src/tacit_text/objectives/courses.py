"""Several courses in finding wrong tokens, and notebooks of what was got wrong: MCL."""

from __future__ import annotations

import math
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
    Objective,
    Requirements,
    View,
    Views,
)
from tacit.functional import masked_cross_entropy
from tacit.nn import Picked, RandomMask, pick
from tacit_text.encoders.subword import SubwordEncoder
from tacit_text.objectives.detection import balanced, detection, detector
from tacit_text.objectives.generator import GeneratedTokens, GeneratorSource
from tacit_text.objectives.rearranging import swapped, with_room
from tacit_text.subwords import Subwords


@dataclass(frozen=True, kw_only=True)
class CoursesConfig:
    """Settings of the courses; 0 leaves a course out.

    With `swap=0`, `insert=0` and `correct=False` this is ELECTRA.

    Args:
        ratio: share of the tokens that is hidden and filled in, for the encoder to find. A
            schedule `mask.ratio` moves it.
        swap: share that changes places, which the generator is to put right.
        insert: tokens made up, per token of the text.
        correct: whether what generator and encoder got wrong is gone through again.
        generator: the small model that fills in.
        weight: of all detections, as ELECTRA has it.

    Raises:
        ValueError: shares out of range.
    """

    ratio: float = 0.15
    swap: float = 0.15
    insert: float = 0.15
    correct: bool = True
    generator: GeneratedTokens = GeneratedTokens()
    weight: float = 50.0

    def __post_init__(self) -> None:
        if not 0 < self.ratio < 1:
            raise ValueError(f"ratio: wanted more than 0 and less than 1; got {self.ratio}")
        for name in ("swap", "insert"):
            if not 0 <= getattr(self, name) < 1:
                got = getattr(self, name)
                raise ValueError(f"{name}: wanted at least 0 and less than 1; got {got}")


@dataclass(frozen=True, kw_only=True, eq=False)
class Exercise:
    """A text some places of which the generator is to fill in.

    Args:
        subwords: the text.
        shown: the tokens the generator sees, where they are not hidden from it.
        asked: the places.
        hide: whether it sees a mask there.
        most: places of a text there are at most, where that is known.
    """

    subwords: Subwords
    shown: Int[Tensor, "batch tokens"]
    asked: Bool[Tensor, "batch tokens"]
    hide: bool
    most: int | None

    def only(self, places: Bool[Tensor, "batch tokens"]) -> Exercise:
        """The same with these places alone; all others are as they were in the text."""
        shown = torch.where(places, self.shown, self.subwords.ids)
        return replace(self, shown=shown, asked=places)


@dataclass(frozen=True, kw_only=True, eq=False)
class Notebook:
    """What came of an exercise.

    Args:
        wrong: tokens that differ from the text's.
        caught: wrong ones the encoder found: too easy, for the generator to do again.
        fooled: tokens the encoder judged falsely, for it to judge again.
    """

    wrong: Bool[Tensor, "batch tokens"]
    caught: Bool[Tensor, "batch tokens"]
    fooled: Bool[Tensor, "batch tokens"]


def notebook(
    logits: Float[Tensor, "batch tokens"],
    wrong: Bool[Tensor, "batch tokens"],
    content: Bool[Tensor, "batch tokens"],
) -> Notebook:
    """Sort tokens by whether they are wrong, and were found to be."""
    said = logits > 0
    return Notebook(wrong=wrong, caught=wrong & said, fooled=content & (wrong != said))


class Courses(Objective):
    """Finds tokens that were replaced, that changed places, or that were inserted.

    - `replaced`: tokens are hidden from a generator, which fills them in; the encoder finds those
      that are not the text's.
    - `swapped`: tokens change places; the generator says what was there, and the encoder finds what
      it said wrong.
    - `inserted`: the generator makes up tokens in new places, which the encoder finds. There is
      nothing the generator could learn here.

    Then the first two are corrected. Where the encoder caught the generator, the generator tries
    again with the rest of the text as it was. Where the encoder judged falsely, it judges again
    without the errors it had caught, which may have led it astray.

    Source: Chen et al. 2023 (arXiv 2305.03981). Only the abstract and the beginning of the authors'
        card could be read again, and their code is not public: how errors are gone through again,
        and the weight of 50, are as remembered from section 3; the shares of swapped and inserted
        tokens, and a head of its own for each course, are ours. Differs:
        averages of models trained with different courses (course soups) are not made here.
    """

    Config = CoursesConfig
    requires = Requirements(
        capabilities=frozenset({"tokens:dense", "targets:codes", "decoder"}), most_views=1
    )

    def __init__(self, config: CoursesConfig | None = None) -> None:
        super().__init__()
        self.config = config or CoursesConfig()
        self.generators, self.heads = nn.ModuleDict(), nn.ModuleDict()

    def build(self, specs: Mapping[str, EncoderSpec], data: DataInfo) -> None:
        """A generator for each encoder, and a head for each of its courses."""
        shares = {"replaced": 1.0, "swapped": self.config.swap, "inserted": self.config.insert}
        for name, spec in specs.items():
            self.generators[name] = GeneratorSource(self.config.generator, spec)
            self.heads[name] = nn.ModuleDict(
                {course: detector(spec.width) for course, share in shares.items() if share}
            )

    def forward(self, views: Views, ctx: Context) -> Losses:
        """The losses of all courses on each view."""
        (view,) = views
        encoder = ctx.encoder(view.modality)
        assert isinstance(encoder, SubwordEncoder), "specs ask for its preprocessing"
        subwords = encoder.subwords(view.value)
        ratio = ctx.value("mask.ratio", self.config.ratio)
        hidden = self._exercise(subwords, ratio, ctx, hide=True)
        losses = self._course("replaced", view, hidden, ctx)
        if self.config.swap:
            moved = self._exercise(subwords, self.config.swap, ctx, hide=False)
            losses = _together(losses, self._course("swapped", view, moved, ctx))
        if self.config.insert:
            losses = _together(losses, self._inserted(view, subwords, encoder, ctx))
        return losses

    def _exercise(self, subwords: Subwords, share: float, ctx: Context, *, hide: bool) -> Exercise:
        rows, tokens = subwords.ids.shape
        mask = RandomMask(ratio=share)(
            rows, (tokens,), mode="replace", generator=ctx.generator, valid=subwords.content
        )
        shown = subwords.ids if hide else swapped(subwords.ids, mask.hidden, ctx.generator)
        return Exercise(
            subwords=subwords, shown=shown, asked=mask.hidden, hide=hide, most=mask.most
        )

    def _course(self, name: str, view: View, exercise: Exercise, ctx: Context) -> Losses:
        generator, subwords = self._generator(view), exercise.subwords
        asked = pick(exercise.asked, exercise.most)
        encoder = ctx.encoder(view.modality)
        assert isinstance(encoder, SubwordEncoder), "specs ask for its preprocessing"
        guesses, loss = self._answered(generator, encoder, exercise, asked)
        written = generator.written(subwords, guesses.detach(), asked, ctx)
        logits = self._judged(name, view, subwords.with_ids(written), ctx)
        wrong = (written != subwords.ids) & subwords.content
        terms = {
            name: self.config.weight * detection(logits, wrong, subwords.content),
            f"{name}_generator": loss,
        }
        found = balanced(logits.detach(), wrong, subwords.content)["balanced_accuracy"]
        if self.config.correct:
            notes = notebook(logits.detach(), wrong, subwords.content)
            better = subwords.with_ids(torch.where(notes.caught, subwords.ids, written))
            again = self._judged(name, view, better, ctx)
            terms[f"{name}_again"] = self.config.weight * detection(again, wrong, notes.fooled)
            rest = exercise.only(notes.caught)
            _, terms[f"{name}_generator_again"] = self._answered(
                generator, encoder, rest, pick(rest.asked, rest.most)
            )
        return Losses(terms=terms, metrics={f"{name}_balanced_accuracy": found})

    def _answered(
        self,
        generator: GeneratorSource,
        encoder: SubwordEncoder,
        exercise: Exercise,
        asked: Picked,
    ) -> tuple[Tensor, Tensor]:
        """What the generator takes the asked tokens for, and its weighted loss."""
        hidden = exercise.asked & exercise.hide
        shown = exercise.subwords.with_ids(exercise.shown)
        guesses = generator.guesses(encoder, shown, hidden, asked)
        loss = masked_cross_entropy(guesses, asked.of(exercise.subwords.ids), asked.there)
        return guesses, generator.weight * loss

    def _inserted(
        self, view: View, subwords: Subwords, encoder: SubwordEncoder, ctx: Context
    ) -> Losses:
        longer, new = with_room(
            subwords,
            self.config.insert,
            longest=encoder.tokenizer.longest,
            pad=encoder.tokenizer.fast.pad_token_id,
            generator=ctx.generator,
        )
        generator = self._generator(view)
        asked = pick(new, math.ceil(self.config.insert * subwords.ids.shape[1]))
        with torch.no_grad():
            guesses = generator.guesses(encoder, longer, new, asked)
        written = longer.with_ids(generator.written(longer, guesses, asked, ctx))
        logits = self._judged("inserted", view, written, ctx)
        loss = self.config.weight * detection(logits, new, longer.content)
        found = balanced(logits.detach(), new, longer.content)["balanced_accuracy"]
        return Losses(terms={"inserted": loss}, metrics={"inserted_balanced_accuracy": found})

    def _judged(
        self, course: str, view: View, subwords: Subwords, ctx: Context
    ) -> Float[Tensor, "batch tokens"]:
        tokens = ctx.encode(replace(view, value=subwords)).tokens
        assert tokens is not None, "requirements ask for tokens"
        heads = self.heads[view.modality]
        assert isinstance(heads, nn.ModuleDict)
        logits: Tensor = heads[course](tokens).squeeze(-1).float()
        return logits

    def _generator(self, view: View) -> GeneratorSource:
        generator = self.generators[view.modality]
        assert isinstance(generator, GeneratorSource)
        return generator


def _together(first: Losses, second: Losses) -> Losses:
    return Losses(
        terms={**first.terms, **second.terms}, metrics={**first.metrics, **second.metrics}
    )
