"""A correct method, encoder, augmentation, modality, source and probe, to be broken in tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor, nn

from tacit.contract import (
    Augmentation,
    Batch,
    Context,
    DataInfo,
    Encoder,
    EncoderSpec,
    Encoding,
    Losses,
    Mask,
    Modality,
    Objective,
    Requirements,
    Tokens,
    View,
    Views,
)
from tacit.data import Source
from tacit.functional import gather_rows
from tacit.methods import Method, Stage
from tacit.nn import Ema

WIDTH, CONTENT = 8, 3


@dataclass(frozen=True, kw_only=True)
class CentredConfig:
    """No settings."""


class Centred(Objective):
    """A view predicts what the teacher sees of the other, less a running centre; rows spread."""

    requires = Requirements(views=2, most_views=2, teachers=frozenset({"teacher"}), batch=2)
    teacher_parts = ("projector",)

    def __init__(self, config: CentredConfig) -> None:
        super().__init__()
        self.config = config
        self.projector = nn.ModuleDict()
        self.seen: Tensor | None = None

    def build(self, specs: Mapping[str, EncoderSpec], data: DataInfo) -> None:
        for name, spec in specs.items():
            self.projector[name] = nn.Linear(spec.width, WIDTH)
        self.register_buffer("centre", torch.zeros(WIDTH))

    def forward(self, views: Views, ctx: Context) -> Losses:
        name = views[0].modality
        own = self.projector[name](ctx.encode(views[0]).pooled)
        taught = self.taught(views[1], ctx)
        everyone = self.gathered(own)
        self.seen = self.gathered(taught).mean(0).detach()
        wanted = taught - self.get_buffer("centre")
        return Losses(
            terms={
                "agreement": (own - wanted).square().mean(),
                "spread": (1 - everyone.std(0)).relu().mean(),
            }
        )

    def taught(self, view: View, ctx: Context) -> Tensor:
        part = ctx.part("projector", which="teacher")
        with torch.no_grad():
            head = part.get_submodule(view.modality)
            answer: Tensor = head(ctx.encode(view, which="teacher").pooled)
        return answer

    def gathered(self, rows: Tensor) -> Tensor:
        return gather_rows(rows)

    def after_step(self, ctx: Context) -> None:
        assert self.seen is not None
        self.get_buffer("centre").lerp_(self.seen.to(self.get_buffer("centre").dtype), 0.1)


def method(objective: type[Objective] = Centred, config: Any = None) -> Method:
    stage = Stage(
        views="two-views",
        objective=objective,
        config=CentredConfig() if config is None else config,
        teachers={"teacher": Ema(momentum=0.9)},
    )
    return Method(name="toy/centred", summary="A toy", source="none", stages=(stage,))


@dataclass(frozen=True, eq=False)
class Ragged:
    """Sequences of different lengths, padded with zeros."""

    values: Tensor
    valid: Tensor

    def __len__(self) -> int:
        return len(self.values)

    def to(self, *place: Any, **how: Any) -> Ragged:
        return Ragged(self.values.to(*place, **how), self.valid.to(*place, **how))


def ragged(indices: Sequence[int]) -> Ragged:
    """Sequence i has 3 + i tokens."""
    longest = 3 + max(indices)
    values = torch.zeros(len(indices), longest, CONTENT)
    valid = torch.zeros(len(indices), longest, dtype=torch.bool)
    for row, index in enumerate(indices):
        draw = torch.Generator().manual_seed(index)
        values[row, : 3 + index] = torch.randn(3 + index, CONTENT, generator=draw)
        valid[row, : 3 + index] = True
    return Ragged(values, valid)


class RaggedNet(Encoder):
    """Tokens of sequences, each beside the mean of all that are neither padding nor hidden."""

    def __init__(self) -> None:
        super().__init__()
        self.spec = EncoderSpec(
            modality="sequence",
            width=WIDTH,
            tokens="dense",
            mask_modes=frozenset({"replace"}),
            target_width=CONTENT,
            positions=False,
        )
        self.embed = nn.Linear(CONTENT, WIDTH)
        self.mix = nn.Linear(2 * WIDTH, WIDTH)
        self.mask_token = nn.Parameter(torch.full((WIDTH,), 0.5))
        self.register_buffer("scale", torch.ones(()))

    def token_targets(self, value: Ragged) -> Tensor:
        return value.values

    def tokenize(self, value: Ragged) -> Tokens:
        return Tokens(values=self.embed(value.values), valid=value.valid)

    def forward(
        self, value: Ragged | Tokens, *, mask: Mask | None = None, taps: Sequence[int] = ()
    ) -> Encoding:
        self.check_mask(mask)
        given = value if isinstance(value, Tokens) else self.tokenize(value)
        assert given.valid is not None
        if self.training:
            with torch.no_grad():
                self.scale.mul_(1.1)  # type: ignore[operator]
        x = self.hide(given.values, mask) * self.get_buffer("scale")
        mean = self.mean(x, given.valid)[:, None].expand_as(x)
        x = torch.tanh(self.mix(torch.cat([x, mean], dim=2)))
        return Encoding(pooled=self.mean(x, given.valid), tokens=x, valid=given.valid)

    def hide(self, x: Tensor, mask: Mask | None) -> Tensor:
        return x if mask is None else torch.where(mask.hidden[..., None], self.mask_token, x)

    def mean(self, x: Tensor, valid: Tensor) -> Tensor:
        count = valid.sum(1, keepdim=True)
        return torch.where(valid[..., None], x, 0.0).sum(1) / count


def rows(indices: Sequence[int]) -> Tensor:
    """Values of one shape: row i is drawn from seed i."""
    made = [torch.randn(5, generator=torch.Generator().manual_seed(i)) for i in indices]
    return torch.stack(made)


class Jitter(Augmentation):
    """Two noisy copies, in an order of their own; the noise's strength is recorded."""

    roles = ("view", "view")
    meta = frozenset({"strength"})

    def __call__(self, value: Tensor, generator: Generator) -> tuple[View, ...]:
        return tuple(self.views(value, generator))

    def views(self, value: Tensor, generator: Generator) -> Iterator[View]:
        for _ in self.roles:
            order = torch.randperm(len(value), generator=generator)
            strength = torch.rand(len(value), generator=generator)
            noise = torch.randn(value.shape, generator=generator)
            made = value[order] + strength[:, None] * noise
            yield View(value=made, meta={"strength": strength}, source=order)


class Mixing(Modality):
    """Rows of numbers, which mix."""

    name, default_encoder, mixes = "row", "none", True


class RowsSource(Source):
    """Sixteen rows of numbers with labels."""

    modalities = ("row",)

    def __len__(self) -> int:
        return 16

    def labels(self) -> Tensor:
        return torch.arange(16) % 3

    def fetch(self, indices: Sequence[int]) -> Batch:
        index = torch.tensor(list(indices))
        return Batch(values={"row": rows(list(indices))}, index=index, label=index % 3)
