"""Views that say what was done to them, for tests of objectives that ask."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from tests.core.objectives.setting import values
from tests.core.toys import CONTENT, SIZE
from torch import Tensor, nn

from tacit.contract import Augmentation, PooledEncoder, Task, View
from tacit.nn import Numbers, WhichOf

TURNS = 4
TASKS: Mapping[str, Task] = {
    "transformation": WhichOf(TURNS),
    "order": WhichOf(TURNS),
    "relation": Numbers(2),
}


class Asked(Augmentation):
    """Two copies, their tokens rolled round by quarters, and by how many the second one more."""

    roles = ("view", "view")
    meta = frozenset(TASKS)
    tasks = TASKS

    def __init__(self, noise: float = 0.1) -> None:
        self.noise = noise

    def __call__(self, value: Tensor, generator: torch.Generator) -> tuple[View, ...]:
        turns = torch.randint(TURNS, (2, len(value)), generator=generator)
        return tuple(self.view(value, turn, turn - turns[0], generator) for turn in turns)

    def view(
        self, value: Tensor, turn: Tensor, further: Tensor, generator: torch.Generator
    ) -> View:
        noise = torch.randn(value.shape, generator=generator).to(value.dtype)
        return View(
            value=rolled(value, turn) + self.noise * noise,
            meta={"transformation": turn, "order": turn, "relation": circle(further)},
        )


class CleanAndNoisy(Augmentation):
    """A value as it is, and with noise."""

    roles = ("clean", "noisy")

    def __init__(self, noise: float) -> None:
        self.noise = noise

    def __call__(self, value: Tensor, generator: torch.Generator) -> tuple[View, ...]:
        noisy = value + self.noise * torch.randn(value.shape, generator=generator)
        return View(value=value, role="clean"), View(value=noisy, role="noisy")


def upright(batch: int) -> Tensor:
    """Values that look otherwise when they are rolled, as most of a kind do."""
    return values(batch) + torch.linspace(-2, 2, SIZE)[None, :, None]


def network(width: int = 16) -> PooledEncoder:
    """Two layers on all tokens; the same at each call."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layers = nn.Linear(SIZE * CONTENT, 64), nn.ReLU(), nn.Linear(64, width)
        return PooledEncoder(nn.Sequential(nn.Flatten(), *layers), modality="signal", width=width)


def rolled(value: Tensor, turn: Tensor) -> Tensor:
    """Each row's tokens rolled by its own number of quarters."""
    size = value.shape[1]
    places = (torch.arange(size)[None] + turn[:, None] * size // TURNS) % size
    return value.gather(1, places[..., None].expand_as(value))


def circle(turn: Tensor) -> Tensor:
    angle = turn * 2 * math.pi / TURNS
    return torch.stack([angle.cos(), angle.sin()], 1)
