"""Every objective of the core on toy encoders, ready to run; shared by the tests of objectives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from tests.core.toys import CONTENT, SIZE, PoolEncoder, TokenEncoder, ToyContext
from torch import Tensor, nn

from tacit.contract import Context, DataInfo, Encoder, Losses, Mask, Objective, View, Views
from tacit.nn import (
    ContrastWithin,
    Ema,
    InputTarget,
    LinearDecoder,
    MeanAbsolute,
    MlpConfig,
    PrototypeHeadConfig,
    QuantisedTarget,
    RandomMask,
    SmoothAbsolute,
    Teacher,
    TransformerDecoder,
    build_teacher,
)
from tacit.nn.redraw import redraw
from tacit.objectives import (
    BarlowTwins,
    BarlowTwinsConfig,
    Byol,
    ByolConfig,
    CanonicalCorrelation,
    CanonicalCorrelationConfig,
    Dcl,
    DclConfig,
    Dino,
    DinoConfig,
    EntropicVicReg,
    EntropicVicRegConfig,
    GroCo,
    GroCoConfig,
    Ibot,
    IbotConfig,
    ISogClr,
    ISogClrConfig,
    LeJepa,
    LeJepaConfig,
    MaskedPrediction,
    MaskedPredictionConfig,
    MixedBarlowTwins,
    MixedBarlowTwinsConfig,
    MoCo,
    MoCoConfig,
    Nnclr,
    NnclrConfig,
    RandomTeacher,
    RandomTeacherConfig,
    SimClr,
    SimClrConfig,
    SimSiam,
    SimSiamConfig,
    SogClr,
    SogClrConfig,
    Swav,
    SwavConfig,
    VicReg,
    VicRegConfig,
)

BATCH = 8
HEAD = MlpConfig(widths=(7, 6))
PROTOTYPES = PrototypeHeadConfig(
    trunk=MlpConfig(widths=(7, 6), norm="none", activation="gelu"), prototypes=9
)
MAE = MaskedPredictionConfig(decoder=TransformerDecoder(width=8, depth=1, heads=2))
SIMMIM = MaskedPredictionConfig(
    mask=RandomMask(ratio=0.6, block=2),
    mode="replace",
    decoder=LinearDecoder(),
    target=InputTarget(),
    loss=MeanAbsolute(),
)
OBJECTIVES: dict[str, tuple[type[Objective], Any]] = {
    "simclr": (SimClr, SimClrConfig(projector=HEAD)),
    "barlow-twins": (BarlowTwins, BarlowTwinsConfig(projector=HEAD)),
    "vicreg": (VicReg, VicRegConfig(projector=HEAD)),
    "mixed-barlow-twins": (MixedBarlowTwins, MixedBarlowTwinsConfig(projector=HEAD)),
    "e2mc": (EntropicVicReg, EntropicVicRegConfig(projector=HEAD)),
    "ssl-ey": (CanonicalCorrelation, CanonicalCorrelationConfig(projector=HEAD)),
    "lejepa": (LeJepa, LeJepaConfig(projector=HEAD, slices=16)),
    "swav": (
        Swav,
        SwavConfig(
            projector=PrototypeHeadConfig(trunk=HEAD, prototypes=5),
            queue=16,
            queue_epochs=0,
            frozen_epochs=0,
        ),
    ),
    "byol": (Byol, ByolConfig(projector=HEAD, predictor=HEAD)),
    "simsiam": (
        SimSiam,
        SimSiamConfig(
            projector=MlpConfig(widths=(7, 6), last_norm=True, last_affine=False), predictor=HEAD
        ),
    ),
    "moco": (MoCo, MoCoConfig(projector=HEAD, queue=20)),
    "moco-v3": (MoCo, MoCoConfig(projector=HEAD, predictor=HEAD, negatives="batch")),
    "nnclr": (Nnclr, NnclrConfig(projector=HEAD, predictor=HEAD, queue=20)),
    "dcl": (Dcl, DclConfig(projector=HEAD)),
    "dclw": (Dcl, DclConfig(projector=HEAD, sigma=0.5)),
    "sogclr": (SogClr, SogClrConfig(projector=HEAD)),
    "isogclr": (ISogClr, ISogClrConfig(projector=HEAD)),
    "groco": (GroCo, GroCoConfig(projector=HEAD, negatives=3)),
    "dino": (Dino, DinoConfig(projector=PROTOTYPES, frozen_epochs=0)),
    "ibot": (Ibot, IbotConfig(projector=PROTOTYPES, frozen_epochs=0)),
    "random-teacher": (RandomTeacher, RandomTeacherConfig(projector=PROTOTYPES)),
    "mae": (MaskedPrediction, MAE),
    "simmim": (MaskedPrediction, SIMMIM),
    "wav2vec2": (
        MaskedPrediction,
        replace(
            SIMMIM,
            target=QuantisedTarget(groups=2, codes=5, width=6, out=7),
            loss=ContrastWithin(temperature=0.1, normalise=True),
        ),
    ),
    "smooth": (MaskedPrediction, replace(SIMMIM, loss=SmoothAbsolute())),
}
MASKED = tuple(name for name, (kind, _) in OBJECTIVES.items() if kind is MaskedPrediction)
TOKENS = (*MASKED, "ibot")
JOINT = ("dcl", "dclw", "sogclr", "isogclr", "groco")
"""Contrastive ones that encode all views as one batch, tested apart."""
SELF = ("dino", "ibot", "random-teacher")
PAIRED = tuple(n for n in OBJECTIVES if n not in (*MASKED, *SELF, *JOINT))
AT_ONCE = ("ssl-ey", "lejepa", "swav", "mixed-barlow-twins")  # of all views, and not pair by pair

ON_ITS_OWN = ("mixed-barlow-twins",)
"""What each process draws for its own rows, which no single process would."""


@dataclass
class Setting:
    """An objective with its encoders and teachers: what a learner would hold."""

    objective: Objective
    encoders: nn.ModuleDict
    teachers: dict[str, Teacher]

    def context(self, seed: int = 0) -> Context:
        encoders: Mapping[str, Encoder] = {k: v for k, v in self.encoders.items()}  # type: ignore[misc] # noqa: C416
        return ToyContext(encoders, teachers=self.teachers, seed=seed)

    def losses(self, views: Views, seed: int = 0) -> Losses:
        found: Losses = self.objective(views, self.context(seed))
        return found

    def trained(self) -> list[nn.Parameter]:
        return [*self.encoders.parameters(), *self.objective.parameters()]

    def head(self, name: str, modality: str = "signal") -> nn.Module:
        """One of the objective's heads."""
        return self.objective.get_submodule(f"{name}.{modality}")

    def parts(self) -> dict[str, nn.Module]:
        return {n: self.objective.get_submodule(n) for n in self.objective.teacher_parts}


def make(name: str, *, modalities: tuple[str, ...] = ("signal",), seed: int = 0) -> Setting:
    """The objective of a name, built, with encoders and whatever teachers it asks for."""
    kind, config = OBJECTIVES[name]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder = TokenEncoder if name in TOKENS else PoolEncoder
        encoders = nn.ModuleDict({m: encoder(modality=m) for m in modalities})
        objective = kind(config)
        specs = {m: e.spec for m, e in encoders.items() if isinstance(e, Encoder)}
        objective.build(specs, DataInfo(instances=64))
        if name == "wav2vec2":  # the likeliest codes: noise differs with the rows it is drawn for
            objective.eval()
        made = Setting(objective, encoders, {})
        for teacher in sorted(objective.requires.teachers):
            made.teachers[teacher] = build_teacher(Ema(), encoders, made.parts(), seed=seed)
            if name == "random-teacher":  # one that is the student has nothing to teach
                redraw(made.teachers[teacher], seed + 1)
    return made


def values(batch: int = BATCH, *, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    """Values of a few directions and a little noise: something to learn."""
    generator = torch.Generator().manual_seed(seed)
    latent = torch.randn(batch, 3, generator=generator, dtype=torch.float64)
    directions = torch.randn(
        3, SIZE * CONTENT, generator=torch.Generator().manual_seed(99), dtype=torch.float64
    )
    return torch.tanh(latent @ directions).reshape(batch, SIZE, CONTENT).to(dtype)


def two_views(
    batch: int = BATCH,
    *,
    count: int = 2,
    modality: str = "signal",
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
    rows: slice = slice(None),
) -> Views:
    """Noisy copies of the same values; `rows` takes a part of them."""
    base = values(batch, seed=seed, dtype=dtype)
    made = []
    for number in range(count):
        generator = torch.Generator().manual_seed(1000 * seed + number + 1)
        noise = torch.randn(base.shape, generator=generator, dtype=torch.float64).to(dtype)
        value, index = (base + 0.3 * noise)[rows], torch.arange(batch)[rows]
        made.append(View(value=value, modality=modality, index=index))
    return Views(made)


def masked_views(
    batch: int = BATCH,
    *,
    mask: Mask | None = None,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
) -> Views:
    """The values as they are, one view each, with or without a mask."""
    return Views([View(value=values(batch, seed=seed, dtype=dtype), modality="signal", mask=mask)])


def views_for(name: str, **options: Any) -> Views:
    return masked_views(**options) if name in MASKED else two_views(**options)
