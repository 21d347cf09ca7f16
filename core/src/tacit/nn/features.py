"""What is to be predicted of every token: its content, its place, or a teacher's view of it.

A target answers features or codes for every token of a view, hidden or not; who asks says which
count. `tacit.nn.codes` has those that make codes of features.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from tacit.contract import Context, EncoderSpec, Encoding, Requirements, TokenTarget, View
from tacit.functional import all_reduce_sum, normalise_tokens
from tacit.functional.precision import full
from tacit.nn.judged import JudgedFeatures
from tacit.nn.target import Target


@dataclass(frozen=True, kw_only=True)
class InputTarget:
    """What the encoder's `token_targets` say: raw features, or codes of its vocabulary.

    Args:
        normalise: standardise each token's features by their own mean and deviation, as MAE does;
            of no effect on codes, where it must be off.
    """

    kind: ClassVar[str] = "input"
    needs: ClassVar[Requirements] = Requirements(capabilities=frozenset({"tokens", "targets"}))
    normalise: bool = False


class Input(Target):
    """The encoder's own `token_targets`.

    Raises:
        ValueError: features too narrow to normalise, or codes, which cannot be.
    """

    def __init__(self, config: InputTarget, spec: EncoderSpec) -> None:
        super().__init__()
        self.normalise, self.codes = config.normalise, spec.target_width is None
        width = spec.vocabulary if self.codes else spec.target_width
        assert width is not None, "requirements ask for targets"
        self.width = width
        if self.normalise and self.codes:
            raise ValueError(
                f"normalise: the {spec.modality} encoder's targets are codes, of a vocabulary of "
                f"{width}; set target.normalise=false"
            )
        if self.normalise and width < 2:
            raise ValueError(
                f"normalise: the {spec.modality} encoder's targets are 1 number wide and would all "
                "become 0; set target.normalise=false"
            )

    @torch.no_grad()
    def forward(self, view: View, ctx: Context) -> Shaped[Tensor, "*tokens_and_content"]:
        """Raw features or codes."""
        target = ctx.encoder(view.modality).token_targets(view.value)
        return normalise_tokens(target) if self.normalise else target


@dataclass(frozen=True, kw_only=True)
class OwnTarget:
    """What the encoder itself says is to be predicted, with a loss of its own.

    For tokens that are not alike, see `tacit.contract.TokenTarget`.
    """

    kind: ClassVar[str] = "own"
    needs: ClassVar[Requirements] = Requirements(capabilities=frozenset({"tokens", "targets:own"}))


class Own(Target):
    """The `TokenTarget` that the encoder's spec makes."""

    def __init__(self, spec: EncoderSpec) -> None:
        super().__init__()
        assert spec.own_target is not None, "requirements ask for it"
        self.target: TokenTarget = spec.own_target()
        self.width = self.target.width

    @torch.no_grad()
    def forward(self, view: View, ctx: Context) -> Shaped[Tensor, "*tokens_and_content"]:
        """The encoder's own."""
        target: Tensor = self.target(view.value)
        return target


@dataclass(frozen=True, kw_only=True)
class TokenisedTarget:
    """The embedded token before it is mixed, with gradient: both sides learn.

    Only for a contrast, which keeps tokens apart; any other loss makes all of them alike.
    """

    kind: ClassVar[str] = "tokenised"
    needs: ClassVar[Requirements] = Requirements(capabilities=frozenset({"tokens"}))


class Tokenised(Target):
    """What the student's own `tokenize` makes of every token.

    Source: Trinh et al. 2019 (arXiv 1906.02940), Selfie, section 3.1: true and distracting tokens
    go through the network that embeds the visible ones.
    """

    def __init__(self, spec: EncoderSpec) -> None:
        super().__init__()
        self.width = spec.width

    def forward(self, view: View, ctx: Context) -> Float[Tensor, "*tokens width"]:
        """Embedded tokens, without positions where the encoder adds them later."""
        return ctx.tokenize(view).values


@dataclass(frozen=True, kw_only=True)
class PositionTarget:
    """Where on the grid a token lies: one class a place (MP3)."""

    kind: ClassVar[str] = "position"
    needs: ClassVar[Requirements] = Requirements(
        capabilities=frozenset({"tokens:dense", "tokens:grid", "positions:none"})
    )


class Position(Target):
    """The place of every token, counted along the last axis first.

    Source: Zhai et al. 2022 (arXiv 2207.07611) section 3.

    Raises:
        ValueError: tokens that lie on no grid, so that their number is not known.
    """

    codes = True

    def __init__(self, spec: EncoderSpec) -> None:
        super().__init__()
        if spec.grid is None:
            raise ValueError(
                f"position target: wanted tokens on a grid; those of the {spec.modality} encoder "
                "lie on none, so that there is no fixed number of places"
            )
        self.width = int(torch.tensor(spec.grid).prod())

    @torch.no_grad()
    def forward(self, view: View, ctx: Context) -> Shaped[Tensor, "batch tokens"]:
        """0 to `width` - 1 in every row."""
        rows = ctx.encoder(view.modality).tokenize(view.value).values.shape[0]
        return torch.arange(self.width, device=ctx.device).expand(rows, -1)


@dataclass(frozen=True, kw_only=True)
class LatentTarget:
    """A teacher's tokens: of its last layers averaged (data2vec), or of its output (I-JEPA).

    Args:
        teacher: its name in the method's teachers.
        layers: how many of the last layers are averaged; 0 for the encoder's output.
        depth: where the last of these layers lies, as a share of all: 0.5 is the middle one, which
            HuBERT clusters.
        normalise: `token`: each token has mean 0 and variance 1 over its features. `instance`: each
            feature has, over the tokens of one instance, as in data2vec. `batch`: each feature
            has, over all tokens of the batch, of all processes; what all tokens share can then not
            be predicted instead of what tells them apart. `none`: as they are. Layers are
            normalised before they are averaged.

    Raises:
        ValueError: a negative number of layers, or a depth out of range or without layers.
    """

    kind: ClassVar[str] = "latent"
    teacher: str = "teacher"
    layers: int = 0
    depth: float = 1.0
    normalise: Literal["token", "instance", "batch", "none"] = "token"

    def __post_init__(self) -> None:
        if self.layers < 0:
            raise ValueError(f"layers: wanted at least 0; got {self.layers}")
        if not 0 < self.depth <= 1:
            raise ValueError(f"depth: wanted more than 0 and at most 1; got {self.depth}")
        if self.depth < 1 and not self.layers:
            raise ValueError(
                "depth: has no effect on the encoder's output; set layers to 1 or more"
            )

    @property
    def needs(self) -> Requirements:
        """A teacher, layers to tap if they are averaged, and rows of tokens to normalise over."""
        words = {"tokens"}
        if self.layers:
            words.add("taps")
        if self.normalise == "instance":
            words.add("tokens:dense")
        return Requirements(capabilities=frozenset(words), teachers=frozenset({self.teacher}))


class Latent(JudgedFeatures):
    """A teacher's encoding of the whole view, nothing hidden, without gradient.

    Source: Baevski et al. 2022 (arXiv 2202.03555) section 3.3, fairseq
    examples/data2vec/models/data2vec2.py; Assran et al. 2023 (arXiv 2301.08243) section 3,
    facebookresearch/ijepa src/train.py (`layer_norm` of the target encoder's output). Differs:
    data2vec averages the feed-forward parts' outputs, here whole blocks'; the average is not
    normalised again.

    Raises:
        ValueError: more layers than the encoder has.
    """

    def __init__(self, config: LatentTarget, spec: EncoderSpec) -> None:
        super().__init__()
        if config.layers > spec.layers:
            raise ValueError(
                f"layers: the {spec.modality} encoder has {spec.layers} to tap; got {config.layers}"
            )
        self.config, self.width = config, spec.width
        last = max(config.layers, round(config.depth * spec.layers))
        self.taps = tuple(range(last - config.layers + 1, last + 1))

    @torch.no_grad()
    def forward(self, view: View, ctx: Context) -> Float[Tensor, "*tokens width"]:
        """The teacher's latents."""
        encoding = ctx.encode(view, which=self.config.teacher, taps=self.taps)
        assert encoding.tokens is not None, "requirements ask for tokens"
        layers = [encoding.layers[tap] for tap in self.taps] or [encoding.tokens]
        return torch.stack([self._normalised(layer, encoding) for layer in layers]).mean(0)

    def _normalised(self, layer: Tensor, encoding: Encoding) -> Tensor:
        if self.config.normalise == "none":
            return layer.detach()
        if self.config.normalise == "token":
            return normalise_tokens(layer)
        standardise = _over_tokens if self.config.normalise == "instance" else _over_batch
        return standardise(full(layer), encoding.valid)


def _over_tokens(
    layer: Float[Tensor, "batch tokens width"], valid: Bool[Tensor, "batch tokens"] | None
) -> Float[Tensor, "batch tokens width"]:
    """Each feature with mean 0 and variance 1 over the tokens of an instance, padding left out."""
    there = layer.new_ones(layer.shape[:2]) if valid is None else valid.to(layer.dtype)
    weight = (there / there.sum(1, keepdim=True).clamp(min=1))[..., None]
    centred = layer - (weight * layer).sum(1, keepdim=True)
    return centred * ((weight * centred.square()).sum(1, keepdim=True) + 1e-5).rsqrt()


def build_features(config: InputTarget | LatentTarget, spec: EncoderSpec) -> Target:
    """The target of a configuration that others make codes of."""
    return Input(config, spec) if isinstance(config, InputTarget) else Latent(config, spec)


def _over_batch(
    layer: Float[Tensor, "*tokens width"], valid: Bool[Tensor, "batch tokens"] | None
) -> Float[Tensor, "*tokens width"]:
    """Each feature with mean 0 and variance 1 over all tokens of all processes."""
    flat = layer.flatten(0, -2)
    there = flat.new_ones(len(flat), 1) if valid is None else valid.flatten()[:, None].to(flat)
    count = all_reduce_sum(there.sum()).clamp(min=1)
    flat = flat - all_reduce_sum((there * flat).sum(0)) / count
    variance = all_reduce_sum((there * flat.square()).sum(0)) / count
    return (flat * (variance + 1e-5).rsqrt()).view_as(layer)
