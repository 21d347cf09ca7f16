"""Views of bags: some of their items, and the bag as it is."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool
from torch import Generator, Tensor

from tacit.contract import Augmentation, View
from tacit_tabular.bags import Bags
from tacit_tabular.views.chance import check_share


@dataclass(frozen=True, kw_only=True)
class SubBagsConfig:
    """Settings of the views.

    Args:
        share: of its items that each view of a bag keeps, rounded up; at least one.

    Raises:
        ValueError: a share outside [0, 1].
    """

    share: float = 0.6

    def __post_init__(self) -> None:
        check_share("share", self.share)


class SubBags(Augmentation):
    """Two views of a bag, each with some of its items, drawn at random by itself.

    The meta of each view: `kept`, which items it has.

    Source: Gondal et al. 2021 (arXiv:2010.07093), Function Contrastive Learning, section 3.1: what
    two samples of one set share is what made it. Where we differ: the samples may overlap.
    """

    Config = SubBagsConfig
    roles = ("sample", "sample")
    meta = frozenset({"kept"})

    def __init__(self, config: SubBagsConfig) -> None:
        self.config = config

    def __call__(self, value: Bags, generator: Generator) -> tuple[View, ...]:
        """Both samples."""
        return tuple(self._view(value, generator) for _ in self.roles)

    def _view(self, value: Bags, generator: Generator) -> View:
        kept = drawn(value.valid, self.config.share, generator)
        return View(value=value.kept(kept), meta={"kept": kept}, role="sample")


def drawn(
    valid: Bool[Tensor, "bags items"], share: float, generator: Generator
) -> Bool[Tensor, "bags items"]:
    """A share of the items of every bag, at least one."""
    noise = torch.rand(valid.shape, generator=generator, device=valid.device)
    ranks = (noise + 2.0 * ~valid).argsort(1).argsort(1)
    counts = (share * valid.sum(1, keepdim=True).double() - 1e-9).ceil().clamp(min=1)
    return (ranks < counts) & valid


@dataclass(frozen=True, kw_only=True)
class WholeBagConfig:
    """A bag as it is has no settings."""


class WholeBag(Augmentation):
    """The bag itself, for objectives that hide items."""

    Config = WholeBagConfig
    roles = ("view",)

    def __init__(self, config: WholeBagConfig) -> None:
        self.config = config

    def __call__(self, value: Bags, generator: Generator) -> tuple[View, ...]:
        """One view."""
        return (View(value=value),)
