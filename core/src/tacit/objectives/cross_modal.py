"""Cross-modal objectives: members of a pair agree, whatever their modalities are."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from tacit.contract import Context, DataInfo, EncoderSpec, Losses, Objective, Requirements, Views
from tacit.functional import nt_xent, sigmoid_contrast, symmetric_contrast
from tacit.nn import Mlp, MlpConfig
from tacit.objectives.joint_embedding import agreement
from tacit.objectives.members import Members, check_complete, of_a_pair

LINEAR = MlpConfig(widths=(128,), norm="none", bias=False)
"""CLIP's projector: a linear map."""

_MLP = MlpConfig(widths=(512, 128))


@dataclass(frozen=True, kw_only=True)
class CrossModalConfig:
    """What all cross-modal objectives can be told.

    Args:
        projector: of each modality, into the space they share; CLIP's is linear.
        pairs: which modalities are compared, each `first-second`; all with all if empty. Through a
            modality that two others are paired with, these meet as well (ImageBind).

    Raises:
        ValueError: a pair that does not name two modalities.
    """

    projector: MlpConfig = LINEAR
    pairs: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for pair in self.pairs:
            if pair.count("-") != 1 or not all(pair.split("-")):
                raise ValueError(f"pairs: wanted 'first-second', two modalities; got {pair!r}")


class CrossModal(Objective):
    """Encoder and projector for each modality, a loss on every pair; a subclass gives the loss.

    Of several views of a modality each is compared with each of the other's. Terms bear the names
    of their pair where there are several.

    Args:
        config: projector and pairs.
    """

    def __init__(self, config: CrossModalConfig) -> None:
        super().__init__()
        self.shared = config
        self.projector = nn.ModuleDict()
        self.requires = Requirements(modalities=2, batch=2)
        self.pairs: tuple[tuple[str, str], ...] = ()

    def build(self, specs: Mapping[str, EncoderSpec], data: DataInfo) -> None:
        """One projector for each modality.

        Raises:
            ValueError: pairs of modalities that the data do not have, or a modality in none.
        """
        for name, spec in specs.items():
            self.projector[name] = Mlp(spec.width, self.shared.projector)
        self.pairs = _pairs(self.shared.pairs, list(specs))

    def forward(self, views: Views, ctx: Context) -> Losses:
        """The losses of all pairs whose modalities the batch holds.

        Raises:
            ValueError: there is no such pair, or not one complete instance in the batch.
        """
        members = {name: self.members(views.of(name), ctx) for name in views.modalities}
        pairs = [(a, b) for a, b in self.pairs if a in members and b in members]
        if not pairs:
            raise ValueError(
                f"a batch with {', '.join(members) or 'no modality'} alone has no pair to compare: "
                "give data in which instances have two modalities"
            )
        both = {(a, b): of_a_pair(members[a], members[b]) for a, b in pairs}
        check_complete(list(both.values()))
        terms: dict[str, Tensor] = {}
        metrics: dict[str, Tensor] = {}
        for a, b in pairs:
            suffix = f"/{a}-{b}" if len(self.pairs) > 1 else ""
            losses = self._pair(members[a], members[b], both[a, b])
            terms |= {f"{name}{suffix}": value for name, value in losses.terms.items()}
            metrics |= {f"{name}{suffix}": value for name, value in losses.metrics.items()}
        beside = self.beside(members)
        return Losses(terms=terms | dict(beside.terms), metrics=metrics | dict(beside.metrics))

    def members(self, views: Views, ctx: Context) -> Members:
        """The embeddings of one modality's views, and which instances have it."""
        return Members.of(views, ctx, self.projector[views[0].modality])

    @abstractmethod
    def pair(
        self,
        a: Float[Tensor, "batch width"],
        b: Float[Tensor, "batch width"],
        both: Bool[Tensor, " batch"] | None,
        names: tuple[str, str],
    ) -> Losses:
        """The named losses of a view of one modality and one of another.

        Args:
            a: embeddings of the one.
            b: of the other.
            both: the instances that have both; None: all.
            names: of the two modalities.
        """

    def beside(self, members: Mapping[str, Members]) -> Losses:
        """Named losses besides those of pairs."""
        return Losses(terms={})

    def _pair(self, a: Members, b: Members, both: Tensor | None) -> Losses:
        names = (a.modality, b.modality)
        return _mean([self.pair(x, y, both, names) for x, y in product(a.views, b.views)])


@dataclass(frozen=True, kw_only=True)
class ClipConfig(CrossModalConfig):
    """Settings of CLIP.

    Args:
        temperature: of the similarities at first; it is learned.
        lowest: what it is clipped to.
        within: weight of a contrast between views of one modality, for those that have several;
            SLIP's is 1.
        within_temperature: of that contrast, which is SimCLR's.

    Raises:
        ValueError: temperatures out of order or not above 0, or a weight below 0.
    """

    temperature: float = 0.07
    lowest: float = 0.01
    within: float = 0.0
    within_temperature: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.lowest <= self.temperature or self.within_temperature <= 0:
            raise ValueError(
                "lowest, temperature, within_temperature: wanted above 0, the first two in this "
                f"order; got {self.lowest}, {self.temperature}, {self.within_temperature}"
            )
        if self.within < 0:
            raise ValueError(f"within: wanted at least 0; got {self.within}")


class Clip(CrossModal):
    """Each member finds its partner among all of the batch, both ways; with `within`, SLIP.

    Source: Radford et al. 2021 (arXiv 2103.00020) section 2.3, 2.5; mlfoundations/open_clip. SLIP:
        Mu et al. 2021 (arXiv 2112.12750) section 3. Differs: any modalities, any number of them
        (with one temperature for all), and members that may be missing. SLIP's head within a
        modality is an MLP here as there; it sees the same views as the pairs do.
    """

    Config = ClipConfig

    def __init__(self, config: ClipConfig | None = None) -> None:
        self.config = config or ClipConfig()
        super().__init__(self.config)
        self.log_scale = nn.Parameter(torch.tensor(-math.log(self.config.temperature)))
        self.within = nn.ModuleDict()
        if self.config.within:
            self.requires = Requirements(modalities=2, views=2, batch=2)

    def build(self, specs: Mapping[str, EncoderSpec], data: DataInfo) -> None:
        """Projectors into the shared space, and into each modality's own."""
        super().build(specs, data)
        if self.config.within:
            for name, spec in specs.items():
                self.within[name] = Mlp(spec.width, _MLP)

    def pair(
        self,
        a: Float[Tensor, "batch width"],
        b: Float[Tensor, "batch width"],
        both: Bool[Tensor, " batch"] | None,
        names: tuple[str, str],
    ) -> Losses:
        """CLIP's loss; see `tacit.functional.symmetric_contrast`."""
        found = symmetric_contrast(a, b, (-self.log_scale).exp(), both=both)
        metrics = {"forth": found.forth, "back": found.back, **agreement(a.detach(), b.detach())}
        return Losses(terms={"contrast": found.loss}, metrics=metrics)

    def beside(self, members: Mapping[str, Members]) -> Losses:
        """SimCLR's loss within each modality that has several views."""
        temperature = (-self.log_scale.detach()).exp()
        if not self.config.within:
            return Losses(terms={}, metrics={"temperature": temperature})
        terms = {}
        for name, own in members.items():
            heads = [self.within[name](pooled) for pooled in own.pooled]
            each = [
                nt_xent(a, b, self.config.within_temperature, there=own.present).loss
                for a, b in combinations(heads, 2)
            ]
            terms[f"within/{name}"] = self.config.within * torch.stack(each).mean()
        return Losses(terms=terms, metrics={"temperature": temperature})

    def after_step(self, ctx: Context) -> None:
        """Clip the temperature."""
        with torch.no_grad():
            self.log_scale.clamp_(max=-math.log(self.config.lowest))


@dataclass(frozen=True, kw_only=True)
class SigLipConfig(CrossModalConfig):
    """Settings of SigLIP.

    Args:
        scale: inverse temperature at first; it is learned.
        bias: of the logits at first; it is learned. With -10 the first steps do not have to undo
            that nearly all pairs of a batch do not belong together.

    Raises:
        ValueError: a scale that is not above 0.
    """

    scale: float = 10.0
    bias: float = -10.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.scale <= 0:
            raise ValueError(f"scale: wanted above 0; got {self.scale}")


class SigLip(CrossModal):
    """Every pair of members is told to belong together or not, by itself.

    Source: Zhai et al. 2023 (arXiv 2303.15343) algorithm 1; see
        `tacit.functional.sigmoid_contrast`. Differs: as `Clip` does.
    """

    Config = SigLipConfig

    def __init__(self, config: SigLipConfig | None = None) -> None:
        self.config = config or SigLipConfig()
        super().__init__(self.config)
        self.log_scale = nn.Parameter(torch.tensor(math.log(self.config.scale)))
        self.bias = nn.Parameter(torch.tensor(self.config.bias))

    def pair(
        self,
        a: Float[Tensor, "batch width"],
        b: Float[Tensor, "batch width"],
        both: Bool[Tensor, " batch"] | None,
        names: tuple[str, str],
    ) -> Losses:
        """SigLIP's loss."""
        found = sigmoid_contrast(a, b, scale=self.log_scale.exp(), bias=self.bias, both=both)
        metrics = {"forth": found.forth, "back": found.back, **agreement(a.detach(), b.detach())}
        return Losses(terms={"contrast": found.loss}, metrics=metrics)

    def beside(self, members: Mapping[str, Members]) -> Losses:
        """No loss; the scale as it is."""
        return Losses(terms={}, metrics={"scale": self.log_scale.detach().exp()})


def _pairs(asked: Sequence[str], known: Sequence[str]) -> tuple[tuple[str, str], ...]:
    if not asked:
        return tuple(combinations(known, 2))
    pairs = [(a, b) for a, b in (pair.split("-") for pair in asked)]
    named = {name for pair in pairs for name in pair}
    if named != set(known) or any(a == b for a, b in pairs):
        raise ValueError(
            f"pairs: wanted each of {', '.join(known)} with another; got {', '.join(asked)}"
        )
    return tuple(pairs)


def _mean(every: Sequence[Losses]) -> Losses:
    """The mean of each term, with its gradient, and of each metric."""

    def mean(columns: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
        return {name: torch.stack([each[name] for each in columns]).mean() for name in columns[0]}

    return Losses(
        terms=mean([each.terms for each in every]), metrics=mean([each.metrics for each in every])
    )
