"""Encoders: what they declare, what they take and what they answer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from tacit.contract.mask import MASK_MODES, Mask, MaskMode
from tacit.contract.target import TokenTarget

TokenForm: TypeAlias = Literal["none", "dense", "packed"]
"""`none`: the encoder only pools. `dense`: `(batch, tokens, width)` with a validity mask.
`packed`: `(tokens, width)` with an owner index."""


@dataclass(frozen=True, kw_only=True)
class EncoderSpec:
    """What an encoder is, declared before any data is seen.

    Args:
        modality: the kind of data it takes.
        width: features of `pooled` and of every token.
        tokens: the form of its tokens, see `TokenForm`.
        grid: tokens along each axis, if they lie on a fixed grid; their product is the number of
            tokens. None where tokens are ragged or the number varies.
        mask_modes: the mask modes its forward honours.
        layers: how many intermediate layers can be tapped, numbered 1 to `layers`.
        target_width: features per token of `token_targets`, None if it has no such targets.
        vocabulary: number of codes, where `token_targets` are integers instead of features.
        latent_width: features of `Tokens.latents`, None if its tokens come without them.
        positions: whether tokens know where they lie; False is what position prediction needs.
        own_target: makes the target of tokens that neither features nor codes describe.
        decoder: makes a network of the encoder's own kind that answers a number of features for
            every token: a module from `Tokens`, whose values have the encoder's `width`, to
            `(batch, tokens, features)` or `(tokens, features)`.
        preprocessing: what the input must look like (size, normalisation, sampling rate, ...), a
            value of the plugin's own type; the core stores it and hands it to the modality.

    Raises:
        ValueError: a declaration that contradicts itself.
    """

    modality: str
    width: int
    tokens: TokenForm = "none"
    grid: tuple[int, ...] | None = None
    mask_modes: frozenset[MaskMode] = frozenset()
    layers: int = 0
    target_width: int | None = None
    vocabulary: int | None = None
    latent_width: int | None = None
    positions: bool = True
    own_target: Callable[[], TokenTarget] | None = None
    decoder: Callable[[int], nn.Module] | None = None
    preprocessing: object | None = None

    def __post_init__(self) -> None:
        if self.width < 1:
            raise ValueError(f"encoder spec: width: wanted at least 1; got {self.width}")
        if unknown := self.mask_modes - set(MASK_MODES):
            raise ValueError(f"encoder spec: unknown mask modes {sorted(unknown)}")
        if self.tokens == "none" and (self.mask_modes or self.grid):
            raise ValueError("encoder spec: mask modes and a grid need tokens; got tokens='none'")

    def capabilities(self) -> frozenset[str]:
        """The words requirements are written in: `tokens`, `mask:drop`, `targets`, `taps` ..."""
        words = {f"mask:{mode}" for mode in self.mask_modes}
        if self.tokens != "none":
            words |= {"tokens", f"tokens:{self.tokens}"}
        if self.grid is not None:
            words.add("tokens:grid")
        if self.vocabulary is not None:
            words.add("targets:codes")
        elif self.target_width is not None:
            words.add("targets")
        if self.latent_width is not None:
            words.add("latents")
        if self.layers:
            words.add("taps")
        if self.own_target is not None:
            words.add("targets:own")
        if self.decoder is not None:
            words.add("decoder")
        if self.tokens != "none" and not self.positions:
            words.add("positions:none")
        return frozenset(words)


@dataclass(frozen=True, kw_only=True, eq=False)
class Tokens:
    """A tokenised value: what an encoder mixes, before it mixes.

    Args:
        values: `(batch, tokens, width)` dense, or `(tokens, width)` packed.
        valid: dense only: False where a row is padding; None means all valid.
        owner: packed only: the instance each token belongs to.
        positions: coordinates of each token, where they lie on no grid.
        grid: tokens along each axis, where that is not the spec's (a smaller crop).
        units: dense only: the unit each token is part of, counted from 0 in its row, where tokens
            that belong together are to be hidden together.
        relations: whatever else the encoder mixes with (edges, an attention bias); opaque here.
        latents: what a network made of each token's content, normalised, of which `values` are a
            linear map, with gradient: for targets that are learnt from it.
        energy: the mean square of each token's latents before they were normalised, for objectives
            that keep it small.
        asked: those an answer is wanted for, where it is not wanted for all: a decoder may answer
            anything finite for the others, and save the work. Of packed tokens on a CPU, where
            their number is known, these are positions; a decoder may answer for those alone, in
            their order.
    """

    values: Float[Tensor, "batch tokens width"] | Float[Tensor, "tokens width"]
    valid: Bool[Tensor, "batch tokens"] | None = None
    owner: Int[Tensor, " tokens"] | None = None
    positions: Tensor | None = None
    grid: tuple[int, ...] | None = None
    units: Int[Tensor, "batch tokens"] | None = None
    relations: Any = None
    latents: Float[Tensor, "*tokens features"] | None = None
    energy: Float[Tensor, "*tokens"] | None = None
    asked: Bool[Tensor, "batch tokens"] | Bool[Tensor, " tokens"] | Int[Tensor, " asked"] | None = (
        None
    )


@dataclass(kw_only=True, eq=False)
class Encoding:
    """An encoder's answer; to be treated as immutable, like a `Batch`.

    Args:
        pooled: one vector per instance.
        tokens: dense or packed token vectors, without class or register tokens; None if the
            encoder only pools.
        valid: dense only: False where a row is padding; of all tokens, also of those that were
            dropped.
        owner: packed only: the instance each token belongs to.
        kept: under a `drop` mask, the position on the grid of every token returned.
        layers: the tapped layers, by number, in the form of `tokens`.
        registers: class, register or regularisation tokens, which stand for nothing that could be
            predicted; a decoder that mixes looks at them.
    """

    pooled: Float[Tensor, "instances width"]
    tokens: Float[Tensor, "batch tokens width"] | Float[Tensor, "tokens width"] | None = None
    valid: Bool[Tensor, "batch places"] | None = None
    owner: Int[Tensor, " tokens"] | None = None
    kept: Int[Tensor, "batch tokens"] | None = None
    layers: Mapping[int, Tensor] = field(default_factory=dict)
    registers: Float[Tensor, "batch registers width"] | None = None


class Encoder(nn.Module, ABC):
    """A network that answers a modality's value with an `Encoding`.

    A subclass sets `spec` and writes `forward`; if it has tokens also `tokenize`, and
    `token_targets` where the raw content of a token can be predicted.
    """

    spec: EncoderSpec

    def tokenize(self, value: Any) -> Tokens:
        """The value cut into embedded tokens, before masking and mixing.

        Raises:
            ValueError: the encoder only pools.
        """
        raise ValueError(f"{type(self).__name__} has no tokens: it only pools")

    @abstractmethod
    def forward(
        self, value: Any | Tokens, *, mask: Mask | None = None, taps: Sequence[int] = ()
    ) -> Encoding:
        """Encode a value, or tokens made by `tokenize`.

        Args:
            value: the modality's value, or `Tokens` of this encoder.
            mask: hidden tokens; its mode must be one of `spec.mask_modes`.
            taps: numbers of the layers to return as well.
        """

    def token_targets(self, value: Any) -> Tensor:
        """The raw content of every token: features `(batch, tokens, target_width)` or codes.

        Raises:
            ValueError: the encoder declares no targets.
        """
        raise ValueError(f"{type(self).__name__} declares no token targets")

    def no_weight_decay(self) -> frozenset[str]:
        """Names of parameters (beyond biases and norms) that are never decayed."""
        return frozenset()

    def exports(self) -> Mapping[str, Callable[[Path], None]]:
        """Formats of its ecosystem that it can be written in, beyond bare weights.

        Each is a function that writes into an empty directory.
        """
        return {}

    def check_mask(self, mask: Mask | None) -> None:
        """Refuse a mask whose mode the spec does not declare.

        Raises:
            ValueError: the mode is not among `spec.mask_modes`.
        """
        if mask is not None and mask.mode not in self.spec.mask_modes:
            known = ", ".join(sorted(self.spec.mask_modes)) or "none"
            raise ValueError(
                f"{type(self).__name__} supports mask modes: {known}; got {mask.mode!r}"
            )

    def check_taps(self, taps: Sequence[int]) -> None:
        """Refuse layers the spec does not declare.

        Raises:
            ValueError: a tap outside 1 to `spec.layers`.
        """
        wrong = [tap for tap in taps if not 1 <= tap <= self.spec.layers]
        if wrong and not self.spec.layers:
            pools = "only pools: it " if self.spec.tokens == "none" else ""
            raise ValueError(f"{type(self).__name__} {pools}has no layers to tap; got {wrong}")
        if wrong:
            raise ValueError(f"taps: wanted layers 1 to {self.spec.layers}; got {wrong}")


class PooledEncoder(Encoder):
    """Any network that maps a value to one vector per instance, as an encoder.

    Args:
        module: takes the modality's value, returns `(instances, width)`.
        modality: the kind of data it takes.
        width: features it returns.
        preprocessing: what the input must look like, if known.

    Example:
        >>> import torch
        >>> encoder = PooledEncoder(torch.nn.Linear(8, 4), modality="signal", width=4)
        >>> encoder(torch.zeros(2, 8)).pooled.shape
        torch.Size([2, 4])
    """

    def __init__(
        self,
        module: nn.Module | Callable[[Any], Tensor],
        *,
        modality: str,
        width: int,
        preprocessing: object | None = None,
    ) -> None:
        super().__init__()
        self.module = module
        self.spec = EncoderSpec(modality=modality, width=width, preprocessing=preprocessing)

    def forward(
        self, value: Any | Tokens, *, mask: Mask | None = None, taps: Sequence[int] = ()
    ) -> Encoding:
        """Pool the value; masks and taps are refused."""
        self.check_mask(mask)
        self.check_taps(taps)
        pooled = self.module(value)
        if pooled.ndim != 2 or pooled.shape[1] != self.spec.width:
            raise ValueError(
                f"{type(self.module).__name__}: wanted (instances, {self.spec.width}); "
                f"got {tuple(pooled.shape)}"
            )
        return Encoding(pooled=pooled)
