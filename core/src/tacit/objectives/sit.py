"""SiT: reconstruction, a pretext task and contrast from one look at a corrupted view."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor, nn

from tacit.contract import (
    Context,
    DataInfo,
    EncoderSpec,
    Losses,
    Objective,
    Requirements,
    UpdatePlan,
    View,
    Views,
)
from tacit.functional import nt_xent
from tacit.nn import (
    Balance,
    BalanceConfig,
    BlockMask,
    Fill,
    InputTarget,
    LinearDecoder,
    MeanAbsolute,
    Mlp,
    MlpConfig,
    Uncertainty,
)
from tacit.nn.balance import plan_of
from tacit.objectives.instances import paired
from tacit.objectives.masked_prediction import MaskedPrediction
from tacit.objectives.masked_settings import MaskedPredictionConfig
from tacit.objectives.pretext import Pretext, PretextConfig
from tacit.objectives.several import joint

TASKS = ("reconstruction", "pretext", "contrast")
_CORRUPTED = MaskedPredictionConfig(
    mask=BlockMask(ratio=0.4, sides=(0.1, 0.3)),
    mode="replace",
    fill=Fill(donor=0.5),
    target=InputTarget(),
    decoder=LinearDecoder(),
    loss=MeanAbsolute(),
    ask_all=True,
)


@dataclass(frozen=True, kw_only=True)
class SitConfig:
    """Settings of SiT.

    Args:
        corruption: what is hidden, what stands in for it, and how it is recovered; the whole view
            is. The authors hide up to 0.3 behind noise and up to 0.3 behind another instance.
        pretext: the tasks the views ask.
        temperature: of the contrast.
        projector: of the contrast.
        balance: how the three losses are weighed.

    Raises:
        ValueError: a temperature that is not above 0.
    """

    corruption: MaskedPredictionConfig = _CORRUPTED
    pretext: PretextConfig = PretextConfig()
    temperature: float = 0.5
    projector: MlpConfig = MlpConfig(widths=(512, 128))
    balance: BalanceConfig = Uncertainty()

    def __post_init__(self) -> None:
        if self.temperature <= 0:
            raise ValueError(f"temperature: wanted above 0; got {self.temperature}")


class Sit(Objective):
    """Each view is corrupted and encoded once; three heads work on that encoding.

    The tokens reconstruct the view, the pooled vector tells what was done to it and finds the other
    view of its instance.

    Source: Atito et al. 2021 (arXiv 2104.03602) sections 3.2 to 3.5; Sara-Ahmed/SiT, engine.py and
    losses.py. Differs: one pooled vector where SiT has a token a task; hidden parts are replaced
    after they are embedded (see `tacit.nn.fill`), and nothing else is done to a part of a view. The
    authors halve the loss of the reconstruction, which shifts its learnt scale and no more.
    """

    Config = SitConfig

    def __init__(self, config: SitConfig | None = None) -> None:
        super().__init__()
        self.config = config or SitConfig()
        self.reconstruction = MaskedPrediction(self.config.corruption)
        self.pretext = Pretext(self.config.pretext)
        self.projector = nn.ModuleDict()
        self.balance = Balance(self.config.balance, [])
        pairs = Requirements(views=2, batch=2)
        self.requires = joint([self.reconstruction.requires, self.pretext.requires, pairs])

    def build(self, specs: Mapping[str, EncoderSpec], data: DataInfo) -> None:
        """The heads of the three tasks for each modality."""
        self.reconstruction.build(specs, data)
        self.pretext.build(specs, data)
        for name, spec in specs.items():
            self.projector[name] = Mlp(spec.width, self.config.projector)
        names = [task + _suffix(name, len(specs)) for name in specs for task in TASKS]
        self.balance = Balance(self.config.balance, names)

    def plan(self) -> UpdatePlan:
        """One step, or a gradient a task."""
        return plan_of(self.config.balance)

    def forward(self, views: Views, ctx: Context) -> Losses:
        """The three losses of each modality, weighed; a task's several questions are one loss."""
        terms: dict[str, Tensor] = {}
        metrics: dict[str, Tensor] = {}
        for name in views.modalities:
            suffix = _suffix(name, len(self.projector))
            own = views.of(name)
            seen = [self.corrupted(name, view, ctx) for view in own]
            told = self.pretext.answer(name, own, torch.cat([pooled for pooled, _ in seen]))
            terms[f"reconstruction{suffix}"] = torch.stack([error for _, error in seen]).mean()
            terms[f"pretext{suffix}"] = told.total()
            terms[f"contrast{suffix}"] = self.contrast(name, [pooled for pooled, _ in seen])
            metrics |= {f"{key}{suffix}": value for key, value in told.metrics.items()}
        return self.balance(terms, metrics)  # type: ignore[no-any-return]

    def corrupted(self, name: str, view: View, ctx: Context) -> tuple[Tensor, Tensor]:
        """The pooled vectors of a corrupted view, and how far its reconstruction is off."""
        task = self.reconstruction
        content = task.target_of(name)(view, ctx)
        (hiding,) = task.hidings(task.specs[name], view, content, ctx)
        encoding = task.encode(view, hiding.mask, ctx)
        (pooled,) = paired([view], [encoding])
        return pooled, task.error(name, view, hiding, content, encoding, ctx)

    def contrast(self, name: str, pooled: list[Tensor]) -> Tensor:
        """NT-Xent, the mean over pairs of views."""
        whole: Tensor = self.projector[name](torch.cat(pooled))
        pairs = combinations(whole.split([len(each) for each in pooled]), 2)
        return torch.stack([nt_xent(a, b, self.config.temperature).loss for a, b in pairs]).mean()


def _suffix(name: str, modalities: int) -> str:
    return f"/{name}" if modalities > 1 else ""
