"""Contrast with what is remembered: a teacher's keys, a queue of past embeddings."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations
from typing import Literal, cast

import torch
from torch import Tensor, nn

from tacit.contract import Context, DataInfo, EncoderSpec, Losses, Objective, Requirements, Views
from tacit.functional import Contrast, momentum_contrast, neighbour_contrast
from tacit.nn import EmbeddingQueue, Mlp, MlpConfig
from tacit.objectives.instances import paired
from tacit.objectives.joint_embedding import agreement

QUEUE = 4096
"""What a queue holds where nothing is said and the data are large."""


def queue_size(wanted: int | None, data: DataInfo) -> int:
    """How many embeddings a queue holds.

    Args:
        wanted: as configured; None: 4096, or half of the data where that is less, so that what an
            instance is told from seldom holds the instance itself.
        data: what is known of the data.

    Raises:
        ValueError: more than there are instances.
    """
    if wanted is None:
        return QUEUE if data.instances is None else max(1, min(QUEUE, data.instances // 2))
    if data.instances is not None and wanted > data.instances:
        raise ValueError(
            f"queue: wanted at most {data.instances}, the instances of the data, or every one "
            f"meets older copies of itself; got {wanted}. Leave it out for half of them"
        )
    return wanted


class Remembered(Objective):
    """Encoder, projector, perhaps predictor and queue; a loss on each ordered pair of views.

    Args:
        temperature: of the similarities, where no schedule `temperature` moves it.
        projector: of the embeddings.
        predictor: of the student alone; None for none.
        queued: whether there is a queue.
        queue: its size, see `queue_size`.
    """

    def __init__(
        self,
        temperature: float,
        projector: MlpConfig,
        predictor: MlpConfig | None,
        *,
        queued: bool,
        queue: int | None,
    ) -> None:
        super().__init__()
        self.temperature, self.size, self.queued = temperature, queue, queued
        self.projector_config, self.predictor_config = projector, predictor
        self.projector, self.predictor, self.queue = (nn.ModuleDict() for _ in range(3))

    def build(self, specs: Mapping[str, EncoderSpec], data: DataInfo) -> None:
        """Heads and a queue for each modality."""
        for name, spec in specs.items():
            projector = Mlp(spec.width, self.projector_config)
            self.projector[name] = projector
            if self.predictor_config is not None:
                self.predictor[name] = Mlp(projector.width, self.predictor_config)
            if self.queued:
                self.queue[name] = EmbeddingQueue(queue_size(self.size, data), projector.width)

    def forward(self, views: Views, ctx: Context) -> Losses:
        """The mean over ordered pairs of views, for each modality."""
        terms: dict[str, Tensor] = {}
        metrics: dict[str, Tensor] = {}
        temperature = ctx.value("temperature", self.temperature)
        for name in views.modalities:
            own = views.of(name)
            projected = [self.projector[name](p) for p in paired(own, ctx.encode_each(own))]
            predicted = [self.predict(name, each) for each in projected]
            targets = self.targets(name, own, projected, ctx)
            found = [
                self.pair(name, predicted[i], targets[j], temperature)
                for i, j in permutations(range(len(own)), 2)
            ]
            if self.queued and self.training:
                cast("EmbeddingQueue", self.queue[name]).see(_unit(targets[0]))
            suffix = f"/{name}" if len(views.modalities) > 1 else ""
            terms[f"contrast{suffix}"] = torch.stack([each.loss for each in found]).mean()
            measured = agreement(projected[0], projected[1]) | {"accuracy": found[0].accuracy}
            metrics |= {f"{key}{suffix}": value.detach() for key, value in measured.items()}
        return Losses(terms=terms, metrics=metrics)

    def predict(self, modality: str, projected: Tensor) -> Tensor:
        """What the student says of an embedding."""
        if modality not in self.predictor:
            return projected
        said: Tensor = self.predictor[modality](projected)
        return said

    @abstractmethod
    def targets(
        self, modality: str, views: Views, projected: list[Tensor], ctx: Context
    ) -> list[Tensor]:
        """The embedding of each view that others are compared with, without gradient."""

    @abstractmethod
    def pair(
        self, modality: str, predicted: Tensor, target: Tensor, temperature: float
    ) -> Contrast:
        """The loss of one view's prediction and another view's target."""

    def remembered(self, modality: str) -> Tensor | None:
        """The queue of a modality, if there is one."""
        return self.queue[modality].get_buffer("values") if self.queued else None

    def after_step(self, ctx: Context) -> None:
        """Append what this step has seen to the queues."""
        for queue in self.queue.values():
            cast("EmbeddingQueue", queue).update()


@dataclass(frozen=True, kw_only=True)
class MoCoConfig:
    """Settings of MoCo.

    Args:
        temperature: of the similarities; the paper's is 0.07 in v1 and 0.2 since.
        negatives: `queue`: past keys alone (v1, v2); `batch`: the batch's other keys (v3); or
            `both`.
        queue: how many past keys; the paper's 65536 for 1.3 million images. None: 4096, or half of
            the data where that is less. More than there are data is refused.
        projector: the paper's has no norm and, since v2, one hidden layer; 128 features.
        predictor: of the student; None in v1 and v2, two layers in v3.

    Raises:
        ValueError: a temperature that is not above 0, a predictor of another width than the
            projector's, or a queue where none is used.
    """

    temperature: float = 0.2
    negatives: Literal["queue", "batch", "both"] = "queue"
    queue: int | None = None
    projector: MlpConfig = MlpConfig(widths=(512, 128))
    predictor: MlpConfig | None = None

    def __post_init__(self) -> None:
        _check(self.temperature, self.projector, self.predictor)
        if self.negatives == "batch" and self.queue is not None:
            raise ValueError("queue: has no effect with negatives='batch'; leave it out")


class MoCo(Remembered):
    """Each view finds a moving-average teacher's key of the other among past keys or the batch's.

    The teacher averages buffers too. Keys are not shuffled between processes: the shuffle hid from
    batch norms of one device which key is whose, and here batch norms, where a network has any,
    take statistics over all processes (as v3's do), so no process sees its own keys apart.

    Source: He et al. 2020 (arXiv 1911.05722) algorithm 1, Chen et al. 2020 (arXiv 2003.04297),
    Chen et al. 2021 (arXiv 2104.02057) algorithm 1; facebookresearch/moco and moco-v3.
    Differs: symmetric with a queue too, as the authors' demonstration on CIFAR-10 can be; the first
    view's keys alone are queued, so that the queue spans more instances.
    """

    Config = MoCoConfig
    teacher_parts = ("projector",)

    def __init__(self, config: MoCoConfig | None = None) -> None:
        self.config = c = config or MoCoConfig()
        queued = c.negatives != "batch"
        super().__init__(c.temperature, c.projector, c.predictor, queued=queued, queue=c.queue)
        self.requires = Requirements(views=2, batch=2, teachers=frozenset({"teacher"}))

    @torch.no_grad()
    def targets(
        self, modality: str, views: Views, projected: list[Tensor], ctx: Context
    ) -> list[Tensor]:
        """The teacher's embeddings."""
        projector = ctx.part("projector", which="teacher").get_submodule(modality)
        return [projector(p) for p in paired(views, ctx.encode_each(views, which="teacher"))]

    def pair(
        self, modality: str, predicted: Tensor, target: Tensor, temperature: float
    ) -> Contrast:
        """See `tacit.functional.momentum_contrast`."""
        return momentum_contrast(
            predicted,
            target,
            temperature,
            queue=self.remembered(modality),
            in_batch=self.config.negatives != "queue",
        )


@dataclass(frozen=True, kw_only=True)
class NnclrConfig:
    """Settings of NNCLR.

    Args:
        temperature: of the similarities; the paper's 0.1.
        queue: how many past embeddings neighbours are sought among; the paper's 98304. None: 4096,
            or half of the data where that is less. More than there are data is refused.
        projector: the paper's has three layers, 2048, 2048 and 256, all with batch norm.
        predictor: the paper's is 4096 to 256.

    Raises:
        ValueError: as `MoCoConfig`.
    """

    temperature: float = 0.1
    queue: int | None = None
    projector: MlpConfig = MlpConfig(widths=(512, 512, 128), last_norm=True)
    predictor: MlpConfig = MlpConfig(widths=(512, 128))

    def __post_init__(self) -> None:
        _check(self.temperature, self.projector, self.predictor)


class Nnclr(Remembered):
    """The nearest past neighbour of one view is a positive of the other view's prediction.

    Source: Dwibedi et al. 2021 (arXiv 2104.14548) eq. 2 to 4 and its pseudo-code.
    """

    Config = NnclrConfig

    def __init__(self, config: NnclrConfig | None = None) -> None:
        self.config = c = config or NnclrConfig()
        super().__init__(c.temperature, c.projector, c.predictor, queued=True, queue=c.queue)
        self.requires = Requirements(views=2, batch=2)

    def targets(
        self, modality: str, views: Views, projected: list[Tensor], ctx: Context
    ) -> list[Tensor]:
        """The student's own embeddings, which only choose neighbours."""
        return [each.detach() for each in projected]

    def pair(
        self, modality: str, predicted: Tensor, target: Tensor, temperature: float
    ) -> Contrast:
        """See `tacit.functional.neighbour_contrast`."""
        support = self.remembered(modality)
        assert support is not None
        return neighbour_contrast(target, predicted, support, temperature)


def _unit(x: Tensor) -> Tensor:
    x = x if x.dtype == torch.float64 else x.float()
    return nn.functional.normalize(x, dim=1)


def _check(temperature: float, projector: MlpConfig, predictor: MlpConfig | None) -> None:
    if temperature <= 0:
        raise ValueError(f"temperature: wanted above 0; got {temperature}")
    if predictor is not None and predictor.widths[-1] != projector.widths[-1]:
        raise ValueError(
            f"predictor: wanted a last width of {projector.widths[-1]}, the projector's, with "
            f"whose embeddings it is compared; got {predictor.widths[-1]}"
        )
