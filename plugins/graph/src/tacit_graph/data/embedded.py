"""Graphs that need no network: for the first run, the tests and the documentation."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.datasets import KarateClub

from tacit_graph.data.nodes import Nodes, NodesConfig

TEST_SHARE = 5
"""One node in so many is in the test part."""


@dataclass(frozen=True, kw_only=True)
class KarateConfig(NodesConfig):
    """Settings of the karate club: see `NodesConfig`."""


class Karate(Nodes):
    """Zachary's karate club: 34 members, 78 friendships, 4 communities, one-hot features.

    Every fifth node is in the test part, the others in the training part.

    Source: Zachary 1977; communities as Kipf and Welling 2017 have them, from PyG's `KarateClub`.
    """

    Config = KarateConfig

    def __init__(self, config: KarateConfig | None = None) -> None:
        graph = KarateClub()[0]
        held = torch.arange(graph.num_nodes) % TEST_SHARE == 0
        graph.train_mask, graph.test_mask = ~held, held
        super().__init__(graph, config or KarateConfig())

    @classmethod
    def splits(cls, _: KarateConfig) -> tuple[str, ...]:
        """See `tacit.data.Source.splits`."""
        return ("all", "train", "test")


@dataclass(frozen=True, kw_only=True)
class DigitsConfig(NodesConfig):
    """Settings of the graph of digits.

    Args:
        nearest: neighbours of each digit.

    Raises:
        ValueError: fewer than one neighbour.
    """

    nearest: int = 8

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.nearest < 1:
            raise ValueError(f"nearest: wanted at least 1; got {self.nearest}")


class Digits(Nodes):
    """scikit-learn's 1797 digits as nodes, their 64 pixels as features, joined to the nearest.

    Split at random, the same every time: 140 to train a probe, 500 to choose on, the rest to test,
    as public splits of citation graphs have it.
    """

    Config = DigitsConfig

    def __init__(self, config: DigitsConfig | None = None) -> None:
        from sklearn.datasets import load_digits

        config = config or DigitsConfig()
        bunch = load_digits()
        x = torch.from_numpy(bunch.data).float() / 16
        graph = Data(x=x, edge_index=nearest(x, config.nearest), y=torch.from_numpy(bunch.target))
        graph.train_mask, graph.val_mask, graph.test_mask = _random_parts(len(x))
        super().__init__(graph, config, label_names=tuple(map(str, range(10))))

    @classmethod
    def splits(cls, _: DigitsConfig) -> tuple[str, ...]:
        """See `tacit.data.Source.splits`."""
        return ("all", "train", "val", "test")


def nearest(x: Float[Tensor, "nodes features"], count: int) -> Int[Tensor, "2 edges"]:
    """Directed edges to each node from those nearest to it."""
    distance = torch.cdist(x, x).fill_diagonal_(float("inf"))
    found = distance.topk(count, largest=False).indices
    target = torch.arange(len(x)).repeat_interleave(count)
    return torch.stack([found.flatten(), target])


def _random_parts(count: int) -> list[Tensor]:
    order = torch.randperm(count, generator=torch.Generator().manual_seed(0))
    parts = order.split([140, 500, count - 640])
    return [torch.zeros(count, dtype=torch.bool).index_fill(0, part, True) for part in parts]
