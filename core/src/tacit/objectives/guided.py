"""Guided contrast: no two instances of a batch belong to the same cluster of an earlier encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from tacit.contract import (
    Batch,
    Context,
    DataInfo,
    EncoderSpec,
    Requirements,
    View,
    derive,
)
from tacit.nn import k_means, nearest
from tacit.objectives.joint_embedding import SimClr, SimClrConfig

BEFORE = "before"
"""The teacher whose embeddings are clustered."""


@dataclass(frozen=True, kw_only=True)
class GuidedSimClrConfig(SimClrConfig):
    """Settings of G-SimCLR, besides those of SimCLR.

    Args:
        clusters: for each instance of a batch, at least 1: a batch takes one instance of each, so
            more of them leave a choice.
        iterations: of k-means.

    Raises:
        ValueError: fewer clusters than a batch has instances, or no iteration.
    """

    clusters: float = 2.0
    iterations: int = 20

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.clusters < 1:
            raise ValueError(f"clusters: wanted at least 1 an instance; got {self.clusters}")
        if self.iterations < 1:
            raise ValueError(f"iterations: wanted at least 1; got {self.iterations}")


class GuidedSimClr(SimClr):
    """SimCLR whose negatives are of other clusters than the anchor.

    The encoder of the stage before, the teacher `before`, embeds the data as they are; k-means
    gives each instance a pseudo label, once, and every batch of every epoch holds each label at
    most once.

    Source: Chakraborty et al. 2020 (arXiv 2009.12007) section 3; ariG23498/G-SimCLR. Differs: there
    are more clusters than a batch has instances, without which no such batch exists; and any first
    stage will do, where the authors train a denoising autoencoder.
    """

    Config = GuidedSimClrConfig
    label: Tensor
    seed: Tensor

    def __init__(self, config: GuidedSimClrConfig | None = None) -> None:
        self.guide = config or GuidedSimClrConfig()
        super().__init__(self.guide)
        self.requires = Requirements(views=2, batch=2, instances=True, teachers=frozenset({BEFORE}))

    def build(self, specs: Mapping[str, EncoderSpec], data: DataInfo) -> None:
        """A projector for each modality, and room for a label of every instance."""
        super().build(specs, data)
        assert data.instances is not None, "required, and checked before"
        # -1 until they are clustered; drawn here, as weights are, the seed is the run's own.
        self.register_buffer("label", torch.full((data.instances,), -1))
        self.register_buffer("seed", torch.randint(1 << 62, ()))

    def batches(self, ctx: Context, batch: int) -> Sequence[Int[Tensor, " batch"]] | None:
        """Batches of instances of different labels; a shuffle where a batch holds all data.

        Raises:
            ValueError: the data fall into fewer clusters than a batch has instances.
        """
        if batch == len(self.label):
            return None
        if bool((self.label < 0).any()):
            self.cluster(ctx, batch)
        seed = derive(int(self.seed), 1, ctx.epoch)
        generator = torch.Generator().manual_seed(seed)
        return disjoint_batches(self.label.cpu(), batch, generator=generator).unbind()

    def cluster(self, ctx: Context, batch: int) -> None:
        """Label every instance by the earlier encoder's embedding of it."""
        rows = ctx.dataset_pass("embedding/before", lambda part: self.embed(part, ctx))
        number = min(round(self.guide.clusters * batch), len(rows))
        seed = derive(int(self.seed), 2)
        centres = k_means(rows, number, seed=seed, iterations=self.guide.iterations)
        self.label.copy_(nearest(rows, centres))

    def embed(self, batch: Batch, ctx: Context) -> Float[Tensor, "rows width"]:
        """The earlier embeddings of all modalities of a batch side by side, each of length 1."""
        every = [
            ctx.encode(View(value=batch.values[name], modality=name), which=BEFORE).pooled
            for name in self.projector
        ]
        return torch.cat([nn.functional.normalize(each.float(), dim=1) for each in every], dim=1)


def disjoint_batches(
    label: Int[Tensor, " instances"], batch: int, *, generator: torch.Generator
) -> Int[Tensor, "batches batch"]:
    """As many batches as a shuffle has, none of which holds a label twice.

    A label with more instances than there are batches leaves some out, others each epoch; where
    the rest do not fill all batches, instances of the rarer labels come a second time, in another
    batch.

    Args:
        label: of every instance, 0 or more.
        batch: instances of a batch, no more than there are labels.
        generator: of the order, on the CPU.

    Raises:
        ValueError: fewer different labels than a batch has instances.
    """
    count = len(label) // batch
    order = torch.randperm(len(label), generator=generator)
    kinds, own, sizes = label[order].unique(return_inverse=True, return_counts=True)
    if len(kinds) < batch:
        raise ValueError(
            f"batches: wanted at least as many clusters as instances of a batch, {batch}; the "
            f"embeddings of the stage before fall into {len(kinds)}: set a batch of {len(kinds)} "
            "at most, or train the stage before for longer"
        )
    # Shuffled instances label by label, and each label's repeated until it has one a batch.
    grouped, begin = order[own.argsort(stable=True)], sizes.cumsum(0) - sizes
    place = torch.arange(count)
    every = grouped[begin[:, None] + place % sizes[:, None]]
    # The first times before the second ones; among equals by chance.
    round_of = (place // sizes[:, None]).flatten()
    chance = torch.randperm(every.numel(), generator=generator)
    taken = chance[round_of[chance].argsort(stable=True)][: count * batch].sort().values
    # A label's at most `count` stand together, so dealing them out one by one keeps them apart.
    dealt = every.flatten()[taken].view(batch, count).T
    return dealt[torch.randperm(count, generator=generator)]
