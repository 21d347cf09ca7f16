"""A modality of its own, small and honest, on which every method that needs no other can run.

*Signals*: sixteen tokens of three numbers, on a grid of four by four, made from a few directions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Generator, Tensor, nn

from tacit.contract import (
    Augmentation,
    Batch,
    Encoder,
    EncoderSpec,
    Encoding,
    Mask,
    Modality,
    Tokens,
    View,
)
from tacit.data import Source

SIDE, CONTENT, WIDTH = 4, 3, 16
ROWS = 64


class Signal(Modality):
    """Signals `(batch, 16, 3)`."""

    name = "signal"
    default_encoder = "none"
    mixes = True


class Echo(Signal):
    """What pairs of modalities have beside a signal: its tokens in reverse, and noise."""

    name = "echo"


MODALITIES: dict[str, Modality] = {"signal": Signal(), "echo": Echo()}


class Signals(Source):
    """Signals of a few directions; four labels, groups of two.

    Args:
        modalities: `signal`, and `echo` where there are to be pairs.
        flipped: whether the labels are those of other signals.
        dtype: of the values.
    """

    def __init__(
        self,
        modalities: Sequence[str] = ("signal",),
        *,
        flipped: bool = False,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        count, self.modalities = ROWS, tuple(modalities)
        draw = torch.Generator().manual_seed(0)
        self.label = torch.arange(count) % 4
        latent = torch.randn(4, 3, generator=draw)[self.label]
        latent = latent + 0.5 * torch.randn(count, 3, generator=draw)
        directions = torch.randn(3, SIDE * SIDE * CONTENT, generator=draw)
        signal = torch.tanh(latent @ directions).unflatten(1, (SIDE * SIDE, CONTENT))
        echo = signal.flip(1) + 0.1 * torch.randn(signal.shape, generator=draw)
        self.all = {"signal": signal.to(dtype), "echo": echo.to(dtype)}
        if flipped:
            self.label = self.label.flip(0)

    def __len__(self) -> int:
        return len(self.label)

    def fetch(self, indices: Sequence[int]) -> Batch:
        """See `Source.fetch`."""
        rows = torch.tensor(list(indices), dtype=torch.long)
        values = {word: self.all[word][rows] for word in self.modalities}
        return Batch(values=values, index=rows, label=self.label[rows], group=rows // 2)

    def labels(self) -> Tensor:
        """See `Source.labels`."""
        return self.label

    def groups(self) -> Tensor:
        """See `Source.groups`."""
        return torch.arange(len(self)) // 2


@dataclass(frozen=True, kw_only=True)
class SignalNetConfig:
    """Settings of the encoder.

    Args:
        positions: whether tokens know where they lie.
        constant: answers the same learned vector whatever comes in: what a collapse looks like.
        modality: which of the two it is for.
    """

    positions: Literal["learned", "none"] = "learned"
    constant: bool = False
    modality: str = "signal"


class SignalNet(Encoder):
    """Tokens that look at each other three times; honours every mask mode."""

    Config = SignalNetConfig

    def __init__(self, config: SignalNetConfig) -> None:
        super().__init__()
        places = config.positions == "learned"
        self.constant = config.constant
        self.spec = EncoderSpec(
            modality=config.modality,
            width=WIDTH,
            tokens="dense",
            grid=(SIDE, SIDE),
            mask_modes=frozenset({"drop", "replace", "query"}),
            layers=3,
            target_width=CONTENT,
            positions=places,
            decoder=lambda features: _Decoder(features),
        )
        self.embed = nn.Linear(CONTENT, WIDTH)
        self.mask_token = nn.Parameter(0.3 * torch.ones(WIDTH))
        self.positions = nn.Parameter(0.3 * torch.randn(SIDE**2, WIDTH)) if places else None
        self.layers = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in range(3))
        self.norm = nn.LayerNorm(WIDTH)

    def tokenize(self, value: Tensor) -> Tokens:
        """See `Encoder.tokenize`."""
        return Tokens(values=self.embed(value))

    def token_targets(self, value: Tensor) -> Tensor:
        """See `Encoder.token_targets`."""
        return value

    def forward(
        self, value: Tensor | Tokens, *, mask: Mask | None = None, taps: Sequence[int] = ()
    ) -> Encoding:
        """See `Encoder.forward`."""
        self.check_mask(mask)
        self.check_taps(taps)
        x = (value if isinstance(value, Tokens) else self.tokenize(value)).values
        kept, open_to = None, None
        if mask is not None and mask.mode == "replace":
            x = mask.replaced(x, self.mask_token)
        if self.positions is not None:
            x = x + self.positions.to(x.dtype)
        if mask is not None and mask.mode == "drop":
            kept = mask.visible_index()
            x = x.gather(1, kept[..., None].expand(-1, -1, WIDTH))
        if mask is not None and mask.mode == "query":
            open_to = ~mask.hidden[:, None]
        tapped: dict[int, Tensor] = {}
        for number, layer in enumerate(self.layers, start=1):
            seen = nn.functional.scaled_dot_product_attention(x, x, x, attn_mask=open_to)
            x = x + torch.tanh(layer(seen))
            if number in taps:
                tapped[number] = x
        x = self.norm(x)
        if self.constant:
            x = 0.0 * x + self.mask_token
            tapped = {number: 0.0 * each + self.mask_token for number, each in tapped.items()}
        return Encoding(pooled=x.mean(1), tokens=x, kept=kept, layers=tapped)


class _Decoder(nn.Module):
    """A network of the encoder's own kind: every token sees the mean of all."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.mix = nn.Linear(2 * WIDTH, features)

    def forward(self, tokens: Tokens) -> Tensor:
        mean = tokens.values.mean(1, keepdim=True).expand_as(tokens.values)
        answer: Tensor = self.mix(torch.cat([tokens.values, mean], dim=2))
        return answer


POLICIES: dict[str, tuple[str, ...]] = {
    "two-views": ("view", "view"),
    "multi-crop": ("global", "global", "local", "local"),
    "masked": ("view",),
    "plain": ("view",),
    "whole-and-part": ("whole", "part"),
}
"""The view policies signals have, with the roles of their views."""


class Noisy(Augmentation):
    """Copies with noise of their own; the one copy of others as it is.

    Args:
        policy: one of `POLICIES`.
        still: noise by the value and not by the generator, so that rows of a batch look the same
            in whatever batch they are.
    """

    def __init__(self, policy: str, *, still: bool = False) -> None:
        self.roles, self.still = POLICIES[policy], still

    def __call__(self, value: Tensor, generator: Generator) -> tuple[View, ...]:
        """See `Augmentation.__call__`."""
        return tuple(
            View(value=self.change(value, number, generator), role=role)
            for number, role in enumerate(self.roles)
        )

    def change(self, value: Tensor, number: int, generator: Generator) -> Tensor:
        """The view of this number, of a value."""
        if len(self.roles) == 1:
            return value
        if self.still:
            return value + 0.2 * torch.sin(37.0 * (number + 1) * value)
        at: dict[str, Any] = {"generator": generator, "device": value.device, "dtype": value.dtype}
        return value + 0.2 * torch.randn(value.shape, **at)
