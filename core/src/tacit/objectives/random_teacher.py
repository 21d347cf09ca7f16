"""Distillation of a random teacher: what the dynamics of self-distillation teach by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import hypot

import torch
from torch import Tensor, nn

from tacit.contract import Context, DataInfo, EncoderSpec, Losses, Objective, Requirements, Views
from tacit.functional import global_mean, soft_assignment, soft_cross_entropy
from tacit.nn import PrototypeHead, PrototypeHeadConfig
from tacit.objectives.instances import paired
from tacit.objectives.joint_embedding import agreement


@dataclass(frozen=True, kw_only=True)
class RandomTeacherConfig:
    """Settings of distillation into a random teacher.

    Args:
        projector: the head of student and teacher.
        temperature: of both; the paper's is 1.
        distance: of the student's first weights from the teacher's: 0 begins as the teacher, where
            there is nothing to learn, 1 with weights of its own. The paper learns most close by.

    Raises:
        ValueError: a temperature that is not above 0, or a distance outside (0, 1].
    """

    projector: PrototypeHeadConfig = PrototypeHeadConfig()
    temperature: float = 1.0
    distance: float = 1.0

    def __post_init__(self) -> None:
        if self.temperature <= 0:
            raise ValueError(f"temperature: wanted above 0; got {self.temperature}")
        if not 0 < self.distance <= 1:
            raise ValueError(f"distance: wanted more than 0 and at most 1; got {self.distance}")


class RandomTeacher(Objective):
    """The student assigns each view to prototypes as a teacher does that was never trained.

    Teacher and student see the same view, so nothing but the way there can teach anything. Any
    teacher policy will do; the paper's is `RandomInit`.

    Source: Sarnthein et al. 2023 (arXiv 2302.12091) sections 3 and 5; safelix/dinopl. Differs:
    views may be augmented. The authors' teacher normalises by the batch, as
    `RandomInit(batch_norm=True)` does.
    """

    Config = RandomTeacherConfig
    teacher_parts = ("projector",)

    def __init__(self, config: RandomTeacherConfig | None = None) -> None:
        super().__init__()
        self.config = config or RandomTeacherConfig()
        self.projector = nn.ModuleDict()
        self.requires = Requirements(batch=2, teachers=frozenset({"teacher"}))

    def build(self, specs: Mapping[str, EncoderSpec], data: DataInfo) -> None:
        """A head for each modality."""
        for name, spec in specs.items():
            self.projector[name] = PrototypeHead(spec.width, self.config.projector)

    def before_stage(self, ctx: Context) -> None:
        """Begin at the wanted distance from the teacher."""
        if self.config.distance == 1:
            return
        for name in self.projector:
            taught = ctx.part("projector", which="teacher").get_submodule(name)
            _approach(self.projector[name], taught, self.config.distance)
            own, other = ctx.encoder(name), ctx.encoder(name, which="teacher")
            _approach(own, other, self.config.distance)

    def forward(self, views: Views, ctx: Context) -> Losses:
        """The mean over the views of each modality."""
        terms: dict[str, Tensor] = {}
        metrics: dict[str, Tensor] = {}
        for name in views.modalities:
            suffix = f"/{name}" if len(views.modalities) > 1 else ""
            own = views.of(name)
            head = self.projector[name]
            students = [head(p) for p in paired(own, ctx.encode_each(own))]
            rows = [
                soft_cross_entropy(student, target, temperature=self.config.temperature)
                for student, target in zip(students, self._targets(name, own, ctx), strict=True)
            ]
            each = torch.stack(rows)
            terms[f"distillation{suffix}"] = global_mean(each.sum(), each.numel())
            found = agreement(students[0], students[-1])
            metrics |= {f"{key}{suffix}": value for key, value in found.items()}
        return Losses(terms=terms, metrics=metrics)

    @torch.no_grad()
    def _targets(self, modality: str, views: Views, ctx: Context) -> list[Tensor]:
        head = ctx.part("projector", which="teacher").get_submodule(modality)
        encodings = ctx.encode_each(views, which="teacher")
        return [
            soft_assignment(head(pooled), temperature=self.config.temperature)
            for pooled in paired(views, encodings)
        ]


@torch.no_grad()
def _approach(student: nn.Module, teacher: nn.Module, distance: float) -> None:
    """Weights between the teacher's and the student's own, of the variance both have.

    Source: Sarnthein et al. 2023, section 5: `((1 - d) teacher + d student) / sqrt((1-d)^2 + d^2)`.
    Differs: constants (scales, shifts), which have no variance to keep, are only mixed.
    """
    pairs = zip(student.parameters(), teacher.parameters(), strict=True)
    for own, other in pairs:
        constant = bool((own == own.flatten()[0]).all())
        size = 1.0 if constant else hypot(1 - distance, distance)
        own.copy_(((1 - distance) * other + distance * own) / size)
