"""Collapse: what the papers say collapses does so here, and whoever runs it is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
import torch
from tests.core.objectives.asked import Asked, CleanAndNoisy
from tests.core.objectives.setting import values
from tests.core.toys import CONTENT, SIZE, WIDTH, AttendingEncoder
from torch import Tensor, nn

from tacit import methods, offers
from tacit.api.watch import CollapseWarning, Watch
from tacit.contract import (
    Augmentation,
    Batch,
    DataInfo,
    Encoder,
    EncoderSpec,
    Encoding,
    Mask,
    Modality,
    Objective,
    Tokens,
    View,
)
from tacit.data import Source
from tacit.methods import Learner, Method
from tacit.nn import Ema, MlpConfig, PrototypeHeadConfig, TeacherPolicy
from tacit.objectives import Byol, ByolConfig, Dino, DinoConfig, SimSiam, SimSiamConfig
from tacit.training.loop import Trainer
from tacit.training.optimizers import AdamW
from tacit.training.parallel import World
from tacit.training.settings import Training

ROWS = 256
CORE: dict[str, Callable[[], Method]] = {
    offer.name: getattr(methods, offer.target.partition(":")[2]) for offer in offers.tacit_methods()
}


class Signals(Source):
    """Values of a few directions; groups of two, for methods that want groups."""

    def __init__(self, names: tuple[str, ...] = ("signal",)) -> None:
        self.modalities = names

    def __len__(self) -> int:
        return ROWS

    def fetch(self, indices: Sequence[int]) -> Batch:
        index = torch.tensor(list(indices))
        return Batch(
            values={name: values(ROWS)[index] for name in self.modalities},
            index=index,
            label=index % 4,
            group=index // 2,
        )

    def labels(self) -> Tensor:
        return torch.arange(ROWS) % 4

    def groups(self) -> Tensor:
        return torch.arange(ROWS) // 2


class Noisy(Augmentation):
    """Copies of a value with noise that no encoder can take out."""

    def __init__(self, policy: str, noise: float) -> None:
        local = ("local", "local") if policy == "multi-crop" else ()
        self.roles = ("view",) if policy in ("masked", "plain") else ("global", "global", *local)
        self.noise = noise

    def __call__(self, value: Tensor, generator: torch.Generator) -> tuple[View, ...]:
        return tuple(
            View(
                value=value + self.noise * torch.randn(value.shape, generator=generator), role=role
            )
            for role in self.roles
        )


def views_of(policy: str, noise: float) -> Augmentation:
    if policy in ("transformed", "reordered", "related"):
        return Asked(noise)
    return CleanAndNoisy(noise) if policy == "noisy" else Noisy(policy, noise)


class Signal(Modality):
    default_encoder = "none"

    def __init__(self, name: str) -> None:
        self.name = name


class Plain(Encoder):
    """Two layers without norm, which would keep instances apart by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.spec = EncoderSpec(modality="signal", width=WIDTH)
        self.layers = nn.Sequential(nn.Linear(SIZE * CONTENT, 16), nn.ReLU(), nn.Linear(16, WIDTH))

    def forward(
        self, value: Any, *, mask: Mask | None = None, taps: Sequence[int] = ()
    ) -> Encoding:
        return Encoding(pooled=self.layers(value.flatten(1)))


class Constant(AttendingEncoder):
    """The same learned token whatever comes in."""

    def forward(
        self, value: Tensor | Tokens, *, mask: Mask | None = None, taps: Sequence[int] = ()
    ) -> Encoding:
        usual = super().forward(value, mask=mask, taps=taps)
        assert usual.tokens is not None
        tokens = 0.0 * usual.tokens + self.mask_token
        layers = {number: 0.0 * layer + self.mask_token for number, layer in usual.layers.items()}
        return Encoding(pooled=tokens.mean(1), tokens=tokens, kept=usual.kept, layers=layers)


def trainer(
    encoders: Encoder | Mapping[str, Encoder],
    objective: Objective,
    teachers: dict[str, TeacherPolicy],
    *,
    policy: str = "two-views",
    noise: float = 0.2,
    **settings: Any,
) -> Trainer:
    torch.manual_seed(0)
    if isinstance(encoders, Encoder):
        encoders = {"signal": encoders}
    modalities, source = {name: Signal(name) for name in encoders}, Signals(tuple(encoders))
    learner = Learner(
        encoders=encoders,
        objective=objective,
        augmentations={name: views_of(policy, noise) for name in encoders},
        modalities=modalities,
        teachers=teachers,
        data=DataInfo(instances=ROWS),
    )
    training = Training(batch=64, log_every=1, **settings)
    watch = Watch.of(source, modalities, training)
    assert watch is not None
    return Trainer(
        learner=learner,
        source=source,
        settings=training,
        seed=0,
        world=World(device=torch.device("cpu")),
        observers=[watch],
        watch=watch,
    )


# A stage whose clusters are those of the one before refuses embeddings that are all alike.
STAGES = [
    (name, stage.name)
    for name, method in CORE.items()
    for stage in method().stages
    if stage.name != "guided"
]


@pytest.mark.parametrize(("name", "number"), STAGES)
def test_a_constant_encoder_is_reported_under_every_method(name: str, number: str) -> None:
    (stage,) = (each for each in CORE[name]().stages if each.name == number)
    objective, teachers = stage.objective(stage.config), dict(stage.teachers)
    positions = "positions:none" not in objective.requires.capabilities
    names = ("signal", "other")[: objective.requires.modalities]
    encoders = {name: Constant(positions=positions, modality=name) for name in names}
    run = trainer(encoders, objective, teachers, policy=stage.views, steps=1)
    with pytest.warns(CollapseWarning) as told:
        run.run()
    assert any("signal embeddings look collapsed" in str(each.message) for each in told)


NONE = MlpConfig(widths=(16, 8), norm="none")
HEAD = PrototypeHeadConfig(trunk=NONE, prototypes=256)
COLLAPSES: dict[str, tuple[Callable[[], Objective], Callable[[], Objective]]] = {
    "BYOL without a predictor": (
        lambda: Byol(ByolConfig(projector=NONE, predictor=None)),
        lambda: Byol(ByolConfig(projector=MlpConfig(widths=(16, 8)), predictor=NONE)),
    ),
    "SimSiam without its stop-gradient": (
        lambda: SimSiam(SimSiamConfig(projector=NONE, predictor=NONE, stop_gradient=False)),
        lambda: SimSiam(SimSiamConfig(projector=MlpConfig(widths=(16, 8)), predictor=NONE)),
    ),
    "DINO without centring": (
        lambda: Dino(DinoConfig(projector=HEAD, centring=False)),
        lambda: Dino(DinoConfig(projector=HEAD)),
    ),
    "DINO without sharpening": (
        lambda: Dino(DinoConfig(projector=HEAD, teacher_temperature=1.0)),
        lambda: Dino(DinoConfig(projector=HEAD)),
    ),
}


def trained(objective: Objective) -> None:
    teachers: dict[str, TeacherPolicy] = {
        name: Ema(momentum=0.9) for name in objective.requires.teachers
    }
    optimizer = AdamW(lr=1e-2, weight_decay=0.3)
    trainer(
        Plain(), objective, teachers, noise=1.0, steps=200, watch_every=200, optimizer=optimizer
    ).run()


@pytest.mark.parametrize("name", COLLAPSES)
def test_what_the_papers_say_collapses_does_and_is_warned_of(name: str) -> None:
    broken, _ = COLLAPSES[name]
    with pytest.warns(CollapseWarning, match="collapsed"):
        trained(broken())


@pytest.mark.parametrize("name", COLLAPSES)
def test_the_method_as_it_is_does_not_collapse(name: str) -> None:
    """A warning would be an error here."""
    _, healthy = COLLAPSES[name]
    trained(healthy())
