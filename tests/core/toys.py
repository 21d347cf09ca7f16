"""Small encoders and a context without an engine, for tests of objectives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from tacit.contract import Batch, Encoder, EncoderSpec, Encoding, Mask, Tokens, View
from tacit.nn import Teacher

SIZE, CONTENT, WIDTH = 16, 3, 8
"""Tokens of a value, numbers in each of them, features of an encoder."""


class PoolEncoder(Encoder):
    """Values `(batch, SIZE * CONTENT)` to one vector each, with batch norm inside."""

    def __init__(self, modality: str = "signal") -> None:
        super().__init__()
        self.spec = EncoderSpec(modality=modality, width=WIDTH)
        self.layers = nn.Sequential(
            nn.Linear(SIZE * CONTENT, WIDTH), nn.BatchNorm1d(WIDTH), nn.Tanh()
        )

    def forward(
        self, value: Any, *, mask: Mask | None = None, taps: Sequence[int] = ()
    ) -> Encoding:
        self.check_mask(mask)
        return Encoding(pooled=self.layers(value.flatten(1)))


class TokenEncoder(Encoder):
    """Values `(batch, SIZE, CONTENT)` to dense tokens that see each other; drops and replaces."""

    def __init__(self, grid: tuple[int, ...] | None = (4, 4), modality: str = "signal") -> None:
        super().__init__()
        self.spec = EncoderSpec(
            modality=modality,
            width=WIDTH,
            tokens="dense",
            grid=grid,
            mask_modes=frozenset({"drop", "replace"}),
            target_width=CONTENT,
        )
        self.embed = nn.Linear(CONTENT, WIDTH)
        self.mask_token = nn.Parameter(torch.full((WIDTH,), 0.3))
        self.positions = nn.Parameter(torch.linspace(-1, 1, SIZE * WIDTH).reshape(SIZE, WIDTH))
        self.mix = nn.Linear(2 * WIDTH, WIDTH)
        self.entered: Tensor | None = None

    def tokenize(self, value: Tensor) -> Tokens:
        return Tokens(values=self.embed(value))

    def forward(
        self, value: Tensor | Tokens, *, mask: Mask | None = None, taps: Sequence[int] = ()
    ) -> Encoding:
        self.check_mask(mask)
        given = value if isinstance(value, Tokens) else self.tokenize(value)
        tokens, kept = given.values, None
        if mask is not None and mask.mode == "replace":
            tokens = mask.replaced(tokens, self.mask_token)
        tokens = tokens + self.positions[: tokens.shape[1]].to(tokens.dtype)
        if mask is not None and mask.mode == "drop":
            kept = mask.visible_index()
            tokens = tokens.gather(1, kept[..., None].expand(-1, -1, WIDTH))
        self.entered = tokens
        mean = tokens.mean(1, keepdim=True).expand_as(tokens)
        tokens = torch.tanh(self.mix(torch.cat([tokens, mean], dim=2)))
        return Encoding(pooled=tokens.mean(1), tokens=tokens, kept=kept, valid=given.valid)

    def token_targets(self, value: Tensor) -> Tensor:
        return value


class AttendingEncoder(Encoder):
    """Values `(batch, SIZE, CONTENT)` to tokens that look at each other, masked in every way."""

    def __init__(self, *, positions: bool = True, modality: str = "signal") -> None:
        super().__init__()
        self.spec = EncoderSpec(
            modality=modality,
            width=WIDTH,
            tokens="dense",
            grid=(4, 4),
            mask_modes=frozenset({"drop", "replace", "query"}),
            layers=3,
            target_width=CONTENT,
            positions=positions,
        )
        self.embed = nn.Linear(CONTENT, WIDTH)
        self.mask_token = nn.Parameter(torch.full((WIDTH,), 0.3))
        place = torch.linspace(-1, 1, SIZE * WIDTH).reshape(SIZE, WIDTH)
        self.positions = nn.Parameter(place) if positions else None
        self.layers = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in range(3))
        self.norm = nn.LayerNorm(WIDTH)

    def tokenize(self, value: Tensor) -> Tokens:
        return Tokens(values=self.embed(value))

    def forward(
        self, value: Tensor | Tokens, *, mask: Mask | None = None, taps: Sequence[int] = ()
    ) -> Encoding:
        self.check_mask(mask)
        x = (value if isinstance(value, Tokens) else self.tokenize(value)).values
        kept, closed = None, None
        if mask is not None and mask.mode == "replace":
            x = mask.replaced(x, self.mask_token)
        if self.positions is not None:
            x = x + self.positions.to(x.dtype)
        if mask is not None and mask.mode == "drop":
            kept = mask.visible_index()
            x = x.gather(1, kept[..., None].expand(-1, -1, WIDTH))
        if mask is not None and mask.mode == "query":
            closed = ~mask.hidden[:, None]
        tapped: dict[int, Tensor] = {}
        for number, layer in enumerate(self.layers, start=1):
            seen = nn.functional.scaled_dot_product_attention(x, x, x, attn_mask=closed)
            x = x + torch.tanh(layer(seen))
            if number in taps:
                tapped[number] = x
        x = self.norm(x)
        return Encoding(pooled=x.mean(1), tokens=x, kept=kept, layers=tapped)

    def token_targets(self, value: Tensor) -> Tensor:
        return value


class PackedEncoder(Encoder):
    """Values `(tokens, CONTENT)`, every token an instance of its own; replaces."""

    def __init__(self) -> None:
        super().__init__()
        self.spec = EncoderSpec(
            modality="signal",
            width=WIDTH,
            tokens="packed",
            mask_modes=frozenset({"replace"}),
            target_width=CONTENT,
        )
        self.embed = nn.Linear(CONTENT, WIDTH)
        self.mask_token = nn.Parameter(torch.full((WIDTH,), 0.3))

    def tokenize(self, value: Tensor) -> Tokens:
        return Tokens(values=self.embed(value), owner=torch.arange(len(value)))

    def forward(
        self, value: Tensor | Tokens, *, mask: Mask | None = None, taps: Sequence[int] = ()
    ) -> Encoding:
        given = value if isinstance(value, Tokens) else self.tokenize(value)
        tokens = given.values
        if mask is not None:
            tokens = torch.where(mask.hidden[:, None], self.mask_token, tokens)
        tokens = tokens + tokens.roll(1, 0)
        return Encoding(pooled=tokens, tokens=tokens, owner=given.owner)

    def token_targets(self, value: Tensor) -> Tensor:
        return value


class ToyContext:
    """One step's context around plain encoders and teachers."""

    step, epoch, progress = 0, 0, 0.0

    def __init__(
        self,
        encoders: Mapping[str, Encoder],
        *,
        teachers: Mapping[str, Teacher] | None = None,
        seed: int = 0,
    ) -> None:
        self.encoders, self.teachers = encoders, teachers or {}
        self.generator = torch.Generator().manual_seed(seed)
        self.device = torch.device("cpu")

    def value(self, name: str, default: float) -> float:
        return default

    def set_value(self, name: str, value: float) -> None:
        raise AssertionError("a value was set")

    def encode(
        self,
        view: View | Tokens,
        *,
        which: str = "student",
        mask: Mask | None = None,
        taps: Sequence[int] = (),
    ) -> Encoding:
        assert isinstance(view, View)
        encoder = self.encoder(view.modality, which=which)
        with torch.set_grad_enabled(which == "student" and torch.is_grad_enabled()):
            answer: Encoding = encoder(view.value, mask=mask, taps=taps)
        return answer

    def tokenize(self, view: View) -> Tokens:
        return self.encoder(view.modality).tokenize(view.value)

    def encode_each(
        self, views: Sequence[View], *, which: str = "student", joint: bool = False
    ) -> list[Encoding]:
        if not joint:
            return [self.encode(view, which=which) for view in views]
        value = torch.cat([view.value for view in views])
        whole = self.encode(View(value=value, modality=views[0].modality), which=which)
        parts = whole.pooled.split([len(view.value) for view in views])
        return [Encoding(pooled=part) for part in parts]

    def mix(self, view: View, other: View, *, order: Tensor, share: Tensor) -> View:
        value = share * view.value + (1 - share) * other.value[order]
        return replace(view, value=value.to(view.value.dtype))

    def encoder(self, modality: str, *, which: str = "student") -> Encoder:
        if which == "student":
            return self.encoders[modality]
        taught = self.teachers[which].encoders[modality]
        assert isinstance(taught, Encoder)
        return taught

    def part(self, name: str, *, which: str) -> nn.Module:
        return self.teachers[which].parts[name]

    def labels(self) -> Tensor:
        raise AssertionError("labels were read")

    def groups(self) -> Tensor:
        raise AssertionError("groups were read")

    def dataset_pass(
        self, name: str, compute: Callable[[Batch], Tensor], *, refresh: str = "stage"
    ) -> Tensor:
        raise AssertionError("a pass was asked for")

    def snapshot(self, name: str = "snapshot") -> None:
        raise AssertionError("a snapshot was asked for")

    def restore(self, name: str = "snapshot") -> None:
        raise AssertionError("a roll back was asked for")
