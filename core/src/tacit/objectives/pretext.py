"""Pretext tasks: what was done to a view is told from its embedding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tacit.contract import (
    Context,
    DataInfo,
    EncoderSpec,
    Losses,
    Objective,
    Requirements,
    Task,
    View,
    Views,
)
from tacit.nn import Mlp, MlpConfig
from tacit.objectives.instances import paired

TRANSFORMATION = "transformation"
"""What views of the policy `transformed` hold in their meta: which known change was made."""

ORDER = "order"
"""What views of the policy `reordered` hold: in which of several orders their pieces are."""


@dataclass(frozen=True, kw_only=True)
class PretextConfig:
    """Settings of pretext tasks.

    Args:
        tasks: keys of the views' meta that are to be told; each is a term of its own.
        head: hidden layers of the heads. None: linear ones, so that the encoder must do the work.

    Raises:
        ValueError: no task, or one twice.
    """

    tasks: tuple[str, ...] = (TRANSFORMATION,)
    head: MlpConfig | None = None

    def __post_init__(self) -> None:
        if not self.tasks or len(set(self.tasks)) < len(self.tasks):
            raise ValueError(f"tasks: wanted one or more different keys; got {self.tasks}")


class Pretext(Objective):
    """Predicts answers that the views carry, whatever they are about.

    The views declare each task (`Augmentation.tasks`): how many numbers a head gives, the loss of a
    prediction and its score, which is logged as `task/accuracy` or `task/r2`. All views of a
    modality are encoded as one batch, so that no batch statistic gives an answer away.

    Source: rotations, Gidaris et al. 2018 (arXiv 1803.07728) eq. 2 and 3; orders of pieces, Noroozi
    and Favaro 2016 (arXiv 1603.09246), recomposed as in Carlucci et al. 2019 (arXiv 1903.06864).
    """

    Config = PretextConfig

    def __init__(self, config: PretextConfig | None = None) -> None:
        super().__init__()
        self.config = config or PretextConfig()
        self.heads = nn.ModuleDict()
        self.asked: dict[str, Mapping[str, Task]] = {}
        self.requires = Requirements(meta=frozenset(self.config.tasks))

    def build(self, specs: Mapping[str, EncoderSpec], data: DataInfo) -> None:
        """A head for each task of each modality.

        Raises:
            ValueError: the views declare no task of a name.
        """
        for name, spec in specs.items():
            self.asked[name] = tasks_of(data, name, self.config.tasks)
            self.heads[name] = nn.ModuleDict(
                {
                    key: _head(spec.width, task.width, self.config.head)
                    for key, task in self.asked[name].items()
                }
            )

    def forward(self, views: Views, ctx: Context) -> Losses:
        """The loss and score of each task, over all views of each modality."""
        terms: dict[str, Tensor] = {}
        metrics: dict[str, Tensor] = {}
        for name in views.modalities:
            own = views.of(name)
            pooled = torch.cat(paired(own, ctx.encode_each(own, joint=True)))
            found = self.answer(name, own, pooled)
            suffix = f"/{name}" if len(views.modalities) > 1 else ""
            terms |= {f"{key}{suffix}": term for key, term in found.terms.items()}
            metrics |= {f"{key}{suffix}": value for key, value in found.metrics.items()}
        return Losses(terms=terms, metrics=metrics)

    def answer(self, name: str, views: Sequence[View], pooled: Tensor) -> Losses:
        """The tasks of one modality, told from the embeddings of its views, one under the other."""
        terms: dict[str, Tensor] = {}
        metrics: dict[str, Tensor] = {}
        for key, task in self.asked[name].items():
            predicted = self.heads.get_submodule(f"{name}.{key}")(pooled)
            wanted = answers(views, key)
            terms[key] = task.loss(predicted, wanted)
            score = task.score(predicted.detach(), wanted)
            metrics |= {f"{key}/{measure}": value for measure, value in score.items()}
        return Losses(terms=terms, metrics=metrics)


def answers(views: Sequence[View], key: str) -> Tensor:
    """What is to be told of the instances that count, view by view."""
    held = [view.meta[key] for view in views]
    rows = [view.rows for view in views]
    return torch.cat([h if r is None else h[r] for h, r in zip(held, rows, strict=True)])


def tasks_of(data: DataInfo, modality: str, keys: Sequence[str]) -> dict[str, Task]:
    """The tasks that the views of a modality declare, by key.

    Raises:
        ValueError: they declare none of a name.
    """
    declared = data.tasks.get(modality, {})
    if missing := [key for key in keys if key not in declared]:
        known = ", ".join(sorted(declared)) or "none"
        raise ValueError(
            f"tasks: the {modality} views declare no task {' or '.join(missing)}; they have: "
            f"{known} (Augmentation.tasks)"
        )
    return {key: declared[key] for key in keys}


def _head(width: int, out: int, hidden: MlpConfig | None) -> nn.Module:
    if hidden is None:
        return nn.Linear(width, out)
    trunk = Mlp(width, hidden)
    return nn.Sequential(trunk, nn.ReLU(), nn.Linear(trunk.width, out))
