"""Autoencoders whose reconstruction learns the density's slope: denoising and contractive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from tacit.contract import (
    Context,
    DataInfo,
    EncoderSpec,
    Losses,
    Objective,
    Requirements,
    View,
    Views,
)
from tacit.functional import global_mean, jacobian_norm
from tacit.functional.precision import full, no_autocast
from tacit.nn import MlpConfig
from tacit.objectives.content import CONTENT, content_of, content_width, decoder
from tacit.objectives.instances import paired

CLEAN, NOISY = "clean", "noisy"
"""Roles of the views of the policy `noisy`, whose values are tensors of floats."""


@dataclass(frozen=True, kw_only=True)
class Denoising:
    """The clean view is reconstructed from the noisy one."""

    kind: ClassVar[str] = "denoising"


@dataclass(frozen=True, kw_only=True)
class Contractive:
    """The clean view is reconstructed from itself, by a function that varies little.

    Args:
        weight: of the squared norm of the reconstruction's Jacobian: the variance of the noise that
            denoising would have to the same end.
        probes: random directions the norm is estimated from, one backward each; None: exact.

    Raises:
        ValueError: a weight that is not above 0, or no probe.
    """

    kind: ClassVar[str] = "contractive"
    weight: float = 0.0625
    probes: int | None = 1

    def __post_init__(self) -> None:
        if self.weight <= 0:
            raise ValueError(f"weight: wanted above 0; got {self.weight}")
        if self.probes is not None and self.probes < 1:
            raise ValueError(f"probes: wanted at least 1, or none for exact; got {self.probes}")


Regulariser: TypeAlias = Denoising | Contractive


@dataclass(frozen=True, kw_only=True)
class AutoencoderConfig:
    """Settings of a regularised autoencoder.

    Args:
        regulariser: what keeps it from copying.
        decoder: hidden layers between an instance's vector and its content; None: a linear map. No
            batch norm: a reconstruction must depend on its own instance alone.

    Raises:
        ValueError: a decoder with batch norm.
    """

    regulariser: Regulariser = Denoising()
    decoder: MlpConfig | None = MlpConfig(widths=(512,), norm="none", activation="gelu")

    def __post_init__(self) -> None:
        if self.decoder is not None and self.decoder.norm == "batch":
            raise ValueError(
                "decoder: batch norm makes a reconstruction depend on other instances; "
                "set decoder.norm to layer or none"
            )


class Autoencoder(Objective):
    """One vector an instance, from which its whole content is reconstructed.

    At the optimum the reconstruction is `r(x) = x + variance * slope of log p(x)`, up to a smaller
    order of the variance, whichever regulariser: see `score`.

    Source: Alain and Bengio 2014 (arXiv 1211.4246) eq. 11 (denoising), theorem 2 and eq. 14
    (contraction of the whole reconstruction). Differs: content and penalty are means over the
    numbers of an instance, which leaves their ratio; the norm is estimated, see
    `tacit.functional.jacobian_norm`.
    """

    Config = AutoencoderConfig

    def __init__(self, config: AutoencoderConfig | None = None) -> None:
        super().__init__()
        self.config = config or AutoencoderConfig()
        self.decoder = nn.ModuleDict()
        self.requires = Requirements(views=2, most_views=2, capabilities=CONTENT)

    def build(self, specs: Mapping[str, EncoderSpec], data: DataInfo) -> None:
        """A decoder for each modality."""
        for name, spec in specs.items():
            self.decoder[name] = decoder(spec.width, self.config.decoder, content_width(spec))

    def forward(self, views: Views, ctx: Context) -> Losses:
        """The reconstruction's error, and the contraction where there is one, of each modality."""
        terms: dict[str, Tensor] = {}
        for name in views.modalities:
            suffix = f"/{name}" if len(views.modalities) > 1 else ""
            clean, noisy = (one_of(views.of(name), role) for role in (CLEAN, NOISY))
            rule = self.config.regulariser
            if isinstance(rule, Denoising):
                error = self.error(self.reconstruct(noisy, ctx), clean, ctx)
                terms[f"reconstruction{suffix}"] = error
            else:
                error, contraction = self.contracted(clean, rule, ctx)
                terms[f"reconstruction{suffix}"] = error
                terms[f"contraction{suffix}"] = rule.weight * contraction
        return Losses(terms=terms)

    def reconstruct(self, view: View, ctx: Context) -> Float[Tensor, "rows features"]:
        """What is answered for a view's instances that count."""
        (pooled,) = paired([view], [ctx.encode(view)])
        answer: Tensor = self.decoder[view.modality](pooled)
        return answer

    def error(
        self, answer: Float[Tensor, "rows features"], view: View, ctx: Context
    ) -> Float[Tensor, ""]:
        """The mean squared difference from what a view holds."""
        content = content_of(view, ctx)
        wanted = content if view.rows is None else content[view.rows]
        with no_autocast(answer):
            return global_mean((full(answer) - wanted).square().sum(), wanted.numel())

    def contracted(self, view: View, rule: Contractive, ctx: Context) -> tuple[Tensor, Tensor]:
        """The error on a view, and the mean squared norm of the Jacobian, a number of content."""
        value = view.value
        if not isinstance(value, Tensor) or not value.is_floating_point():
            got = value.dtype if isinstance(value, Tensor) else type(value).__name__
            raise ValueError(f"wanted {view.modality} values that are tensors of floats; got {got}")
        followed = value.detach().requires_grad_()
        with sdpa_kernel(SDPBackend.MATH):  # the fused ones cannot be differentiated twice
            answer = self.reconstruct(replace(view, value=followed), ctx)
        norms = jacobian_norm(answer, followed, generator=ctx.generator, probes=rule.probes)
        counted = norms if view.rows is None else norms[view.rows]
        numbers = counted.numel() * answer.shape[1]
        return self.error(answer, view, ctx), global_mean(counted.sum(), numbers)

    @torch.no_grad()
    def score(self, view: View, ctx: Context, *, variance: float) -> Float[Tensor, "rows features"]:
        """The slope of the log density at each instance of a view, as the reconstruction has it.

        Args:
            view: of any instances.
            ctx: of the trained encoder.
            variance: of the noise in training, or the weight of the contraction, on the scale of
                the content.
        """
        content = content_of(view, ctx)
        wanted = content if view.rows is None else content[view.rows]
        return (full(self.reconstruct(view, ctx)) - wanted) / variance


def one_of(views: Views, role: str) -> View:
    """The only view with a role.

    Raises:
        ValueError: there is none, or several.
    """
    found = views.by_role(role)
    if len(found) != 1:
        roles = ", ".join(view.role for view in views)
        raise ValueError(f"wanted one view with the role {role!r}; got: {roles}")
    return found[0]
