"""Self-distillation over prototypes: the student assigns a view as the teacher does another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from tacit.contract import (
    Context,
    DataInfo,
    EncoderSpec,
    Encoding,
    Losses,
    Objective,
    Requirements,
    View,
    Views,
)
from tacit.functional import all_reduce_sum, dino, soft_assignment
from tacit.nn import Centre, PrototypeHead, PrototypeHeadConfig
from tacit.objectives.instances import paired
from tacit.objectives.joint_embedding import agreement

GLOBAL = "global"
"""Role of the views a teacher sees; where no view has it, the teacher sees all."""


@dataclass(frozen=True, kw_only=True)
class DinoConfig:
    """Settings of DINO.

    Args:
        projector: the head, on top of the pooled vector.
        student_temperature: of the student's assignments.
        teacher_temperature: of the teacher's, the smaller the sharper; moved by a schedule
            `teacher_temperature`. The paper warms up from 0.04 to 0.07.
        centring: subtract the running mean of the teacher's scores. Without it one prototype takes
            all instances and the method collapses; off only to see that.
        centre_momentum: share of the old mean kept at each step.
        frozen_epochs: epochs in which the prototypes stay as they were drawn, 1 in the paper. A
            loop of one's own says in `learner.frame.epoch` which epoch it is in.

    Raises:
        ValueError: a temperature that is not above 0, or a number of epochs below 0.
    """

    projector: PrototypeHeadConfig = PrototypeHeadConfig()
    student_temperature: float = 0.1
    teacher_temperature: float = 0.04
    centring: bool = True
    centre_momentum: float = 0.9
    frozen_epochs: int = 1

    def __post_init__(self) -> None:
        for name in ("student_temperature", "teacher_temperature"):
            if (value := getattr(self, name)) <= 0:
                raise ValueError(f"{name}: wanted above 0; got {value}")
        if self.frozen_epochs < 0:
            raise ValueError(f"frozen_epochs: wanted at least 0; got {self.frozen_epochs}")


class Dino(Objective):
    """Each view is assigned to prototypes as a moving-average teacher assigns every other view.

    The teacher sees the views with role `global` (all, where none has it), the student all views:
    it is to tell the whole from a part. Views of one role are encoded as one batch.

    Source: Caron et al. 2021 (arXiv 2104.14294) algorithm 1; facebookresearch/dino, main_dino.py.
    Differs: the centre moves after the step, as the teacher does; the authors also clip gradients
    and move the weight decay, which are settings of the training here.
    """

    Config = DinoConfig
    teacher_parts: tuple[str, ...] = ("projector",)

    def __init__(self, config: DinoConfig | None = None) -> None:
        super().__init__()
        self.config = config or DinoConfig()
        self.projector, self.centre = nn.ModuleDict(), nn.ModuleDict()
        self.requires = Requirements(views=2, batch=2, teachers=frozenset({"teacher"}))

    def build(self, specs: Mapping[str, EncoderSpec], data: DataInfo) -> None:
        """A head and a centre for each modality."""
        for name, spec in specs.items():
            config = self.config.projector
            self.projector[name] = PrototypeHead(spec.width, config)
            self.centre[name] = Centre(config.prototypes, self.config.centre_momentum)

    def forward(self, views: Views, ctx: Context) -> Losses:
        """The mean over pairs of a teacher's view and another, for each modality."""
        terms: dict[str, Tensor] = {}
        metrics: dict[str, Tensor] = {}
        for name in views.modalities:
            suffix = f"/{name}" if len(views.modalities) > 1 else ""
            seen, others = by_role(views.of(name))
            students = self.student(name, seen, others, ctx)
            teachers = self.teacher(name, seen, ctx)
            prototypes, frozen = self.head(name).prototypes, self.frozen(ctx)
            heads = [prototypes(each, frozen=frozen) for each in students]
            terms[f"distillation{suffix}"] = dino(
                heads, teachers, temperature=self.config.student_temperature
            )
            found = agreement(students[0], students[1]) | information(teachers[0])
            metrics |= {f"{key}{suffix}": value for key, value in found.items()}
        return Losses(terms=terms, metrics=metrics)

    def student(
        self, modality: str, seen: Sequence[View], others: Sequence[View], ctx: Context
    ) -> list[Tensor]:
        """The bottlenecks of all views, the teacher's first."""
        head = self.head(modality)
        encoded = [paired(group, encode(group, ctx)) for group in (seen, others) if group]
        return [head.embed(pooled) for group in encoded for pooled in group]

    @torch.no_grad()
    def teacher(self, modality: str, seen: Sequence[View], ctx: Context) -> list[Tensor]:
        """The teacher's assignments, and a note of its scores for the centre."""
        head = ctx.part("projector", which="teacher").get_submodule(modality)
        encoded = encode(seen, ctx, which="teacher")
        scores = [head(pooled) for pooled in paired(seen, encoded)]
        return self.assign(modality, scores, ctx)

    def assign(self, modality: str, scores: Sequence[Tensor], ctx: Context) -> list[Tensor]:
        """A teacher's scores of views as assignments."""
        centre = self.centre[modality] if self.config.centring else None
        temperature = ctx.value("teacher_temperature", self.config.teacher_temperature)
        return assigned(scores, cast("Centre | None", centre), temperature)

    def head(self, modality: str) -> PrototypeHead:
        """The student's head of a modality."""
        return cast("PrototypeHead", self.projector[modality])

    def frozen(self, ctx: Context) -> bool:
        """Whether the prototypes still stand."""
        return ctx.epoch < self.config.frozen_epochs

    def after_step(self, ctx: Context) -> None:
        """Move the centres by what the teacher said in this step."""
        for centre in self.centre.values():
            cast("Centre", centre).update()


@torch.no_grad()
def information(assignment: Float[Tensor, "batch prototypes"]) -> dict[str, Tensor]:
    """How much, in nats, the assigned prototype tells of the instance; of all processes.

    Entropy of the mean assignment less the mean entropy: 0 where one prototype takes all instances,
    and also where all share them alike, the two collapses of Caron et al. 2021 (section 5.3).
    """
    chances = assignment.float()
    own = torch.special.entr(chances).sum()
    sums = torch.cat([chances.sum(0), own[None], own.new_full((1,), chances.shape[0])])
    total = all_reduce_sum(sums)
    mean = total[:-1] / total[-1]
    return {"information": torch.special.entr(mean[:-1]).sum() - mean[-1]}


def by_role(views: Sequence[View]) -> tuple[list[View], list[View]]:
    """The views a teacher sees, and the others."""
    seen = [view for view in views if view.role == GLOBAL]
    if not seen:
        return list(views), []
    return seen, [view for view in views if view.role != GLOBAL]


def encode(views: Sequence[View], ctx: Context, *, which: str = "student") -> list[Encoding]:
    """The encodings of views of one role, as one batch where they fit together."""
    return ctx.encode_each(views, which=which, joint=True)


def assigned(scores: Sequence[Tensor], centre: Centre | None, temperature: float) -> list[Tensor]:
    """A teacher's scores as assignments; the centre, if there is one, takes note of them."""
    if centre is None:
        return [soft_assignment(each, temperature=temperature) for each in scores]
    for each in scores:
        centre.see(each)
    return [soft_assignment(each, temperature=temperature, centre=centre.value) for each in scores]
