"""A toy tree with every type that settings may have."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal, TypeAlias

from tacit.config import Component


@dataclasses.dataclass(frozen=True, kw_only=True)
class Adam:
    """A toy optimiser.

    Args:
        lr: peak learning rate,
            of every group.
        betas: the two decay rates.
        decay: weight decay; none leaves it to the method.
    """

    lr: float = 0.001
    betas: tuple[float, float] = (0.9, 0.999)
    decay: float | None = 0.05

    def __post_init__(self) -> None:
        if self.lr < 0:
            raise ValueError(f"lr: wanted at least 0, got {self.lr}")
        if self.betas[0] > self.betas[1]:
            raise ValueError("the betas must not fall")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Flat:
    """Stays."""

    kind: ClassVar[str] = "flat"
    value: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ramp:
    """Moves.

    Args:
        start: first value.
    """

    kind: ClassVar[str] = "ramp"
    start: float
    end: float = 0.0
    until: int | None = None


Curve: TypeAlias = Flat | Ramp


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage."""

    epochs: int
    curve: Curve = dataclasses.field(default_factory=lambda: Ramp(start=1.0))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Run:
    """A toy run.

    Args:
        data: where the data lie.
        seed: for every draw.
    """

    data: Path
    encoder: Component
    seed: int = 0
    note: str = ""
    label: str | None = None
    log: Path | None = Path("log")
    compile: bool = False
    precision: Literal["float32", "bfloat16"] = "float32"
    taps: tuple[int, ...] = ()
    crops: tuple[tuple[int, float], ...] = ((2, 0.5),)
    workers: int | Literal["auto"] = "auto"
    momentum: float | Curve = 0.9
    optimizer: Adam = dataclasses.field(default_factory=lambda: Adam(lr=0.3))
    probe: Adam | None = None
    values: Mapping[str, Curve] = dataclasses.field(default_factory=dict)
    weights: Mapping[str, float | None] = dataclasses.field(default_factory=dict)
    stages: tuple[Stage, ...] = ()
    extra: Mapping[str, object] = dataclasses.field(default_factory=dict)


MINIMAL = """
data = "d"
encoder = "toy/mlp"
"""
