"""Targets that are codes made of features: by a random projection, by clusters, by a codebook."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from tacit.contract import Batch, Context, EncoderSpec, Requirements, View
from tacit.functional import all_reduce_sum
from tacit.functional.precision import full
from tacit.nn.features import InputTarget, LatentTarget, build_features
from tacit.nn.judged import JudgedCodes
from tacit.nn.k_means import k_means, nearest, spread_out
from tacit.nn.row_sample import sampled_rows

Features: TypeAlias = InputTarget | LatentTarget


@dataclass(frozen=True, kw_only=True)
class RandomProjectionTarget:
    """The nearest of fixed random vectors to a fixed random projection of a token: BEST-RQ's.

    Args:
        of: the features that are projected. They must be centred, or most tokens get one code.
        codes: how many vectors.
        width: features they have.
        seed: of projection and vectors.

    Raises:
        ValueError: fewer than 2 codes, or a width below 1.
    """

    kind: ClassVar[str] = "random-projection"
    of: Features = InputTarget(normalise=True)
    codes: int = 512
    width: int = 16
    seed: int = 0

    def __post_init__(self) -> None:
        _check(self.codes, self.width)

    @property
    def needs(self) -> Requirements:
        """Those of the features."""
        return self.of.needs


@dataclass(frozen=True, kw_only=True)
class KMeansTarget:
    """The nearest centre of clusters that a pass over the data found: HuBERT's.

    Args:
        of: the features that are clustered; latents of a teacher of the stage before, for the
            second iteration of HuBERT.
        codes: how many clusters.
        tokens: of each instance that the clusters are made of, evenly spread.
        most: tokens that clusters are made of and that are held in memory for it, drawn at random
            where the data have more. The paper takes a tenth of its data.
        iterations: of k-means.
        refresh: whether clusters are made once a stage or once an epoch. Only features that move
            make a difference.
        seed: of the first centres.

    Raises:
        ValueError: fewer than 2 codes, numbers below 1, or fewer tokens than codes.
    """

    kind: ClassVar[str] = "k-means"
    of: Features = InputTarget(normalise=True)
    codes: int = 256
    tokens: int = 4
    most: int = 1 << 18
    iterations: int = 20
    refresh: Literal["stage", "epoch"] = "stage"
    seed: int = 0

    def __post_init__(self) -> None:
        _check(self.codes, min(self.tokens, self.iterations))
        if self.most < self.codes:
            raise ValueError(f"most: wanted at least {self.codes}, the codes; got {self.most}")

    @property
    def needs(self) -> Requirements:
        """Those of the features, and data of a known size."""
        needs = self.of.needs
        return Requirements(
            capabilities=needs.capabilities, teachers=needs.teachers, instances=True
        )


@dataclass(frozen=True, kw_only=True)
class CodebookTarget:
    """The nearest entry of a codebook that follows the features it is given: DinoSR's.

    Args:
        of: the features that are quantised.
        codes: entries.
        decay: share of an entry that is kept at each step in which it was used, in [0, 1).
        seed: of the first entries.

    Raises:
        ValueError: fewer than 2 codes, or a decay out of range.
    """

    kind: ClassVar[str] = "codebook"
    of: Features = LatentTarget()
    codes: int = 256
    decay: float = 0.9
    seed: int = 0

    def __post_init__(self) -> None:
        _check(self.codes, 1)
        if not 0 <= self.decay < 1:
            raise ValueError(f"decay: wanted at least 0 and less than 1; got {self.decay}")

    @property
    def needs(self) -> Requirements:
        """Those of the features."""
        return self.of.needs


CodeTarget: TypeAlias = RandomProjectionTarget | KMeansTarget | CodebookTarget


class Codes(JudgedCodes):
    """The number of the nearest of some centres.

    Args:
        of: the features.
        spec: of the encoder.
        codes: how many centres.

    Raises:
        ValueError: features that are codes already.
    """

    centres: Tensor

    def __init__(self, of: Features, spec: EncoderSpec, codes: int) -> None:
        super().__init__()
        self.features, self.width = build_features(of, spec), codes
        if self.features.codes:
            raise ValueError(
                f"target: the {spec.modality} encoder's targets are codes already, of a vocabulary "
                f"of {spec.vocabulary}: set target.kind='input'"
            )

    @torch.no_grad()
    def forward(self, view: View, ctx: Context) -> Int[Tensor, "*tokens"]:
        """A code for every token."""
        return nearest(self.projected(full(self.features(view, ctx))), self.centres)

    def projected(self, features: Float[Tensor, "*tokens width"]) -> Float[Tensor, "*tokens out"]:
        """What is compared with the centres."""
        return features


class RandomProjection(Codes):
    """Codes of a projection and a codebook that are never trained.

    Source: Chiu et al. 2022 (arXiv 2202.01855), BEST-RQ, section 3.1: Glorot projection, normal
    codebook, both sides brought to length 1. Differs: features are standardised token by token
    where they are inputs, and not over the data set.
    """

    projection: Tensor

    def __init__(self, config: RandomProjectionTarget, spec: EncoderSpec) -> None:
        super().__init__(config.of, spec, config.codes)
        generator = torch.Generator().manual_seed(config.seed)
        projection = torch.empty(self.features.width, config.width)
        nn.init.xavier_uniform_(projection, generator=generator)
        centres = torch.randn(config.codes, config.width, generator=generator)
        self.register_buffer("projection", projection)
        self.register_buffer("centres", nn.functional.normalize(centres, dim=1))

    def projected(self, features: Float[Tensor, "*tokens width"]) -> Float[Tensor, "*tokens out"]:
        """Projected, and of length 1."""
        return nn.functional.normalize(features @ self.projection.to(features.dtype), dim=-1)


class KMeans(Codes):
    """Codes of clusters, made before the first epoch; the clusters are in the checkpoint.

    Source: Hsu et al. 2021 (arXiv 2106.07447), HuBERT, section II-A. Differs: clusters of a part of
    each instance's tokens; the nearest centre is looked up when a view is made, so that it also
    knows augmented ones.
    """

    made: Tensor

    def __init__(self, config: KMeansTarget, spec: EncoderSpec) -> None:
        super().__init__(config.of, spec, config.codes)
        self.config, self.grid = config, spec.grid is not None
        self.register_buffer("centres", torch.zeros(config.codes, self.features.width))
        # Epochs begun when the clusters were made; 0 before: a run that is resumed within an epoch
        # must not make them anew of what it has learnt since.
        self.register_buffer("made", torch.zeros((), dtype=torch.long))

    def prepare(self, modality: str, ctx: Context) -> None:
        """Cluster the tokens of the data set, if it has not been done or is due again.

        Raises:
            ValueError: fewer tokens than clusters, or features that are no finite numbers.
        """
        made = int(self.made)
        if made and (self.config.refresh == "stage" or made == ctx.epoch + 1):
            return
        rows = sampled_rows(
            ctx,
            modality,
            lambda batch: self._chosen(modality, batch, ctx),
            most=self.config.most,
            seed=self.config.seed,
        )
        centres = k_means(
            rows, self.config.codes, seed=self.config.seed, iterations=self.config.iterations
        )
        self.centres.copy_(centres)
        self.made.fill_(ctx.epoch + 1)

    def _chosen(
        self, modality: str, batch: Batch, ctx: Context
    ) -> tuple[Float[Tensor, "rows width"], Bool[Tensor, "instances number"]]:
        """Some tokens of each instance; of packed ones, each is an instance."""
        view = View(value=batch.values[modality], modality=modality)
        features = full(self.features(view, ctx))
        if features.ndim == 2:
            if len(features) != len(batch):
                raise ValueError(
                    f"k-means: packed tokens of {modality}: wanted one for each of the "
                    f"{len(batch)} instances; got {len(features)}"
                )
            return features, torch.ones_like(features[:, :1], dtype=torch.bool)
        valid = None if self.grid else ctx.tokenize(view).valid
        return spread_out(features, valid, batch.index, self.config.tokens)


class Codebook(Codes):
    """Codes of entries that move towards the mean of what falls to them.

    Source: van den Oord et al. 2017 (arXiv 1711.00937) appendix A.1; Liu et al. 2023 (arXiv
    2305.10005), DinoSR, eq. 3 and 4, Alexander-H-Liu/dinosr: only tokens that are asked for move
    it. Differs: an entry nothing falls to stays as it is, sum and count alike.
    """

    sums: Tensor
    counts: Tensor

    def __init__(self, config: CodebookTarget, spec: EncoderSpec) -> None:
        super().__init__(config.of, spec, config.codes)
        self.decay = config.decay
        generator = torch.Generator().manual_seed(config.seed)
        centres = torch.randn(config.codes, self.features.width, generator=generator)
        self.register_buffer("centres", centres)
        self.register_buffer("sums", centres.clone())
        self.register_buffer("counts", torch.ones(config.codes))
        self._seen: tuple[Tensor, Tensor] | None = None
        self._fallen: Tensor | None = None

    @torch.no_grad()
    def forward(self, view: View, ctx: Context) -> Int[Tensor, "*tokens"]:
        """A code for every token."""
        features = full(self.features(view, ctx))
        codes = nearest(features, self.centres.to(features.dtype))
        self._seen = (features, codes)
        return codes

    @torch.no_grad()
    def observe(self, hidden: Bool[Tensor, "*tokens"]) -> None:
        """Note what falls to each entry, of the tokens asked for."""
        if not self.training:
            return
        assert self._seen is not None, "a target is asked for before it observes"
        features, codes = self._seen
        weight = hidden.flatten()[:, None].to(self.sums.dtype)
        rows = torch.cat([features.flatten(0, -2).to(weight.dtype), torch.ones_like(weight)], 1)
        fallen = self.sums.new_zeros(self.width, rows.shape[1])
        fallen.index_add_(0, codes.flatten(), rows * weight)
        self._fallen = fallen if self._fallen is None else self._fallen + fallen

    @torch.no_grad()
    def settle(self) -> None:
        """Move the entries by what fell to them, on all processes."""
        fallen, self._fallen, self._seen = self._fallen, None, None
        if fallen is None:
            fallen = self.sums.new_zeros(self.width, self.sums.shape[1] + 1)
        fallen = all_reduce_sum(fallen)
        share = (fallen[:, -1] > 0).to(fallen.dtype) * (1 - self.decay)
        self.sums.lerp_(fallen[:, :-1], share[:, None])
        self.counts.lerp_(fallen[:, -1], share)
        self.centres.copy_(self.sums / self.counts[:, None])


def build_codes(config: CodeTarget, spec: EncoderSpec) -> Codes:
    """The codes of a configuration, for one encoder."""
    match config:
        case RandomProjectionTarget():
            return RandomProjection(config, spec)
        case KMeansTarget():
            return KMeans(config, spec)
        case CodebookTarget():
            return Codebook(config, spec)


def _check(codes: int, least: int) -> None:
    if codes < 2 or least < 1:
        raise ValueError(
            f"target: wanted at least 2 codes and no number below 1; got {codes} codes, {least}"
        )
