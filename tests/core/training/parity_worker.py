"""Run by test_distributed.py: whole runs of the engine, in one process and split over several.

The reference is the same run in one process. Views and masks are part of the data, so that every
process makes those that one process makes.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from tests.core.objectives.asked import TASKS, TURNS, circle
from tests.core.objectives.setting import HEAD, MAE, MASKED, OBJECTIVES, SIMMIM, TOKENS, values
from tests.core.ranks import fork, together
from tests.core.toys import SIZE, AttendingEncoder, PoolEncoder, TokenEncoder
from torch import Tensor

from tacit.contract import (
    Alternate,
    Augmentation,
    Batch,
    DataInfo,
    Encoder,
    Mask,
    Modality,
    Objective,
    PerLoss,
    UpdatePlan,
    View,
)
from tacit.data import Source
from tacit.methods import Learner
from tacit.nn import (
    BalanceConfig,
    CodebookTarget,
    ContrastWithin,
    CrossEntropy,
    Ema,
    LatentTarget,
    MinNorm,
    MlpConfig,
    RandomInit,
    RandomMask,
    SmoothAbsolute,
    TokenisedTarget,
    TransformerDecoder,
    Uncertainty,
    synchronise_batch_norm,
)
from tacit.objectives import (
    Autoencoder,
    AutoencoderConfig,
    BiGan,
    BiGanConfig,
    CMim,
    CMimConfig,
    ContextAutoencoder,
    ContextAutoencoderConfig,
    Contractive,
    MaskedPrediction,
    Pretext,
    PretextConfig,
    Several,
    SimClr,
    SimClrConfig,
    Sit,
    SitConfig,
    SplitEquivariant,
    SplitEquivariantConfig,
    SupCon,
    SupConConfig,
    VicReg,
    VicRegConfig,
)
from tacit.training.loop import Trainer
from tacit.training.optimizers import Sgd
from tacit.training.parallel import World
from tacit.training.settings import Training
from tacit.training.update import Update

ROWS, BATCH, STEPS = 24, 8, 4  # three steps an epoch


class Weighed(VicReg):
    """One gradient a term, each brought to norm 1."""

    def plan(self) -> UpdatePlan:
        return PerLoss(combine=lambda flat: 1 / flat.norm(dim=1))


class Turns(VicReg):
    """The head minimises another term than the encoder."""

    def players(self) -> Mapping[str, Any]:
        return {"head": self.projector.parameters()}

    def plan(self) -> UpdatePlan:
        return Alternate(terms={"main": ("invariance", "variance"), "head": ("covariance",)})


class Both(Several):
    """Two tasks on the same views."""

    def __init__(self, config: BalanceConfig) -> None:
        near = SimClr(SimClrConfig(projector=HEAD))
        super().__init__({"near": near, "told": Pretext()}, config)


CRITIC = MlpConfig(widths=(7, 6), norm="none", activation="gelu")
WHOLE = ("dae", "rcae", "bigan", "cmim")  # of which all tokens are reconstructed at once
SMALL = TransformerDecoder(width=8, depth=1, heads=2)
HIDDEN: dict[str, tuple[type[Objective], Any]] = {
    "latents": (
        MaskedPrediction,
        replace(MAE, target=LatentTarget(normalise="batch"), loss=SmoothAbsolute()),
    ),
    "averaged latents": (
        MaskedPrediction,
        replace(SIMMIM, target=LatentTarget(layers=2, normalise="instance")),
    ),
    "a codebook": (
        MaskedPrediction,
        replace(SIMMIM, target=CodebookTarget(codes=6), loss=CrossEntropy()),
    ),
    "a contrast within": (
        MaskedPrediction,
        replace(MAE, target=TokenisedTarget(), loss=ContrastWithin()),
    ),
    "latents first": (
        ContextAutoencoder,
        ContextAutoencoderConfig(mask=RandomMask(), decoder=SMALL, regressor=SMALL),
    ),
}
# Partners are drawn within each process's part, so that more processes mix otherwise; the loss
# itself is compared, partners given, in tests/core/functional. So is Gumbel noise, without which
# tests/core/objectives compares the objective.
DRAWN = ("mixed-barlow-twins", "wav2vec2")
CASES: dict[str, tuple[type[Objective], Any]] = {
    **{name: each for name, each in OBJECTIVES.items() if name not in DRAWN},
    "supcon": (SupCon, SupConConfig(projector=HEAD)),
    **HIDDEN,
    "rotnet": (Pretext, PretextConfig()),
    "sie": (SplitEquivariant, SplitEquivariantConfig(projector=HEAD)),
    "sit": (Sit, SitConfig(corruption=SIMMIM, projector=HEAD)),
    "several by min-norm": (Both, MinNorm()),
    "several by learnt weights": (Both, Uncertainty()),
    "dae": (Autoencoder, AutoencoderConfig()),
    "rcae": (Autoencoder, AutoencoderConfig(regulariser=Contractive(probes=None))),
    "cmim": (CMim, CMimConfig(codes=3, decoder=CRITIC)),
    "bigan": (BiGan, BiGanConfig(codes=3, generator=HEAD, critic=CRITIC)),
    "one gradient a loss": (Weighed, VicRegConfig(projector=HEAD)),
    "players in turn": (Turns, VicRegConfig(projector=HEAD)),
}


class Rows(Source):
    """Two views and a draw for the mask in every row; keeps what it was asked for."""

    modalities = ("signal",)

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(1)
        base = values(ROWS, dtype=torch.float64)
        noise = torch.randn(3, *base.shape, generator=generator, dtype=torch.float64)
        self.data = torch.stack([base + 0.3 * noise[0], base + 0.3 * noise[1], noise[2]], dim=1)
        self.asked: list[list[int]] = []

    def __len__(self) -> int:
        return ROWS

    def groups(self) -> Tensor:
        return torch.arange(ROWS) % 5

    def fetch(self, indices: Sequence[int]) -> Batch:
        self.asked.append(list(indices))
        index = torch.tensor(indices)
        return Batch(values={"signal": self.data[index]}, index=index, group=index % 5)


class Given(Augmentation):
    """The views and masks that the data hold."""

    meta = frozenset(TASKS)
    tasks = TASKS

    def __init__(self, name: str) -> None:
        self.name = name
        self.roles = ("view", "view") if self.paired else ("view",)
        if name in WHOLE:
            self.roles = ("clean",) if name in ("bigan", "cmim") else ("clean", "noisy")

    @property
    def paired(self) -> bool:
        return self.name not in (*MASKED, *HIDDEN)

    def __call__(self, value: Tensor, generator: torch.Generator) -> tuple[View, ...]:
        draw = value[:, 2, :, 0]
        if self.name in WHOLE:
            every = (View(value=value[:, i], role=role) for i, role in enumerate(self.roles))
            return tuple(every)
        if self.paired:
            masked = self.name in (*TOKENS, "sit")
            mask = Mask(draw > 0, "replace") if masked else None
            first, other = ((draw[:, i] * 7).long().abs() % TURNS for i in range(2))
            return (
                View(value=value[:, 0], mask=mask, meta=asked(first, first - first)),
                View(value=value[:, 1], mask=mask, meta=asked(other, other - first)),
            )
        if CASES[self.name][1].mode == "drop":
            hidden = draw.argsort(1).argsort(1) >= SIZE // 4
            return (View(value=value[:, 0], mask=Mask(hidden, "drop", SIZE - SIZE // 4)),)
        return (View(value=value[:, 0], mask=Mask(draw > 0, "replace")),)  # unequal numbers a row


def asked(turn: Tensor, further: Tensor) -> dict[str, Tensor]:
    return {"transformation": turn, "order": turn, "relation": circle(further)}


class Memory:
    """A sink that keeps what is logged."""

    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []

    def write(self, step: int, values: Mapping[str, float]) -> None:
        self.rows.append({k: v for k, v in values.items() if k != "order"})

    def close(self) -> None:
        return


def learner_of(name: str) -> Learner:
    kind, config = CASES[name]
    encoder: type[Encoder] = TokenEncoder if name in (*TOKENS, *WHOLE, "sit") else PoolEncoder
    if name in HIDDEN:
        encoder = AttendingEncoder
    torch.manual_seed(0)
    objective = kind(config)
    policy = RandomInit() if name == "random-teacher" else Ema(momentum=0.5)
    learner = Learner(
        encoders={"signal": encoder()},
        objective=objective,
        augmentations={"signal": Given(name)},
        modalities={"signal": Modality()},
        teachers=dict.fromkeys(objective.requires.teachers, policy),
        data=DataInfo(instances=ROWS),
    ).double()
    synchronise_batch_norm(learner)
    return learner


def settings(accumulate: int = 1) -> Training:
    optimizer = Sgd(lr=0.05, momentum=0.0, weight_decay=0.0)
    return Training(
        steps=STEPS,
        batch=BATCH,
        accumulate=accumulate,
        optimizer=optimizer,
        clip=5.0,
        log_every=1,
        watch_every=0,
    )


def flat(learner: Learner) -> Tensor:
    return torch.cat([t.flatten().double() for t in learner.state_dict().values()])


def trained(name: str, rank: int, world: int) -> dict[str, Any]:
    """A run of the trainer: how far the weights moved, what was logged, what was read."""
    learner, source, memory = learner_of(name), Rows(), Memory()
    before = flat(learner)
    here = World(device=torch.device("cpu"), rank=rank, size=world)
    Trainer(
        learner=learner, source=source, settings=settings(), seed=3, world=here, sinks=[memory]
    ).run()
    return {"moved": flat(learner) - before, "logged": memory.rows, "asked": source.asked}


def accumulated(name: str, indices: list[int]) -> dict[str, Any]:
    """One update of a batch in two parts."""
    learner = learner_of(name)
    before = flat(learner)
    update = Update(learner, settings(accumulate=2))
    update.begin(Rows().fetch(indices), {})
    update.plan(update)
    learner.after_step()
    return {"moved": flat(learner) - before, "logged": [], "asked": []}


def part_by_part(world: int) -> list[int]:
    """The rows in the order in which `world` processes see them: first halves, second halves."""
    own = BATCH // world
    half = own // 2
    return [
        rank * own + part * half + row
        for part in range(2)
        for rank in range(world)
        for row in range(half)
    ]


def compared(got: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    moved, whole = got["moved"], wanted["moved"]
    assert whole.norm() > 1e-3, "nothing was learnt"
    return {
        "norm": float(moved.norm() / whole.norm()),
        "cosine": float(torch.cosine_similarity(moved, whole, dim=0)),
        "weights": zlib.crc32(moved.numpy().tobytes()),
        "asked": got["asked"],
        "logged": got["logged"],
        "logged whole": wanted["logged"],
    }


def runs(rank: int, world: int) -> dict[str, Callable[[], dict[str, Any]]]:
    own = BATCH // world
    rows = list(range(rank * own, (rank + 1) * own))
    every = {name: (lambda n=name: trained(n, rank, world)) for name in CASES}
    parts = {f"{name} in parts": (lambda n=name: accumulated(n, rows)) for name in IN_PARTS}
    return {**every, **parts}


IN_PARTS = ("simclr", "byol", "dino", "mae", "a codebook")
WORLDS = (4, 2)


def references() -> dict[str, dict[str, Any]]:
    """Every run in one process; those in parts for each number of processes."""
    whole = {name: trained(name, 0, 1) for name in CASES}
    parts = {
        f"{name} in parts {world}": accumulated(name, part_by_part(world))
        for name in IN_PARTS
        for world in WORLDS
    }
    return {**whole, **parts}


def split(rank: int, folder: Path) -> dict[str, Any]:
    """One process of several: first of four, then of two."""
    answers: dict[str, Any] = {"1": {"asked": REFERENCE["simclr"]["asked"]}}
    for world in WORLDS:
        if rank < world:
            with together(folder, rank, world):
                answers[str(world)] = {
                    name: compared(run(), REFERENCE.get(name) or REFERENCE[f"{name} {world}"])
                    for name, run in runs(rank, world).items()
                }
    return answers


if __name__ == "__main__":
    torch.set_num_threads(1)
    REFERENCE = references()
    fork(split, max(WORLDS))
