"""Adversarial: an encoder and a generator that are each other's inverse, made so by a critic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from tacit.contract import (
    Alternate,
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
from tacit.functional import global_mean
from tacit.functional.precision import full, no_autocast
from tacit.nn import MlpConfig
from tacit.objectives.content import CONTENT, content_of, content_width, decoder, shared_draw
from tacit.objectives.instances import paired

Prior: TypeAlias = Literal["uniform", "normal"]
CRITIC = "critic"
"""The player beside `main`."""


@dataclass(frozen=True, kw_only=True)
class BiGanConfig:
    """Settings of BiGAN.

    Args:
        codes: numbers of a latent code; the paper's is 50 for handwritten digits.
        prior: of the codes: uniform on [-1, 1], as in the paper, or standard normal.
        generator: hidden layers from a code to content.
        critic: hidden layers on content and code together.

    Raises:
        ValueError: no code, or a critic with batch norm.
    """

    codes: int = 50
    prior: Prior = "uniform"
    generator: MlpConfig = MlpConfig(widths=(512, 512))
    critic: MlpConfig = MlpConfig(widths=(512, 512), norm="none", activation="gelu")

    def __post_init__(self) -> None:
        if self.codes < 1:
            raise ValueError(f"codes: wanted at least 1; got {self.codes}")
        if self.critic.norm == "batch":
            raise ValueError(
                "critic: batch norm tells real from made by their batch alone; set critic.norm to "
                "layer or none"
            )


class BiGan(Objective):
    """The critic tells (content, its code) from (what is made of a code, the code).

    Encoder and generator fool it, and can only do so where one undoes the other. Two players take
    turns on each batch, the critic first; give it an optimiser of its own as
    `training.optimizers.critic`. Content is that of the encoder's tokens.

    Source: Donahue et al. 2017 (arXiv 1605.09782) eq. 2 and section 3.4: encoder and generator
    minimise the inverse objective; the authors' code was not read. Here one critic step comes
    first, then one of the others, on the same batch and codes.
    """

    Config = BiGanConfig

    def __init__(self, config: BiGanConfig | None = None) -> None:
        super().__init__()
        self.config = config or BiGanConfig()
        self.encode, self.generate = nn.ModuleDict(), nn.ModuleDict()
        self.critic = nn.ModuleDict()
        self.requires = Requirements(batch=2, most_views=1, capabilities=CONTENT)

    def build(self, specs: Mapping[str, EncoderSpec], data: DataInfo) -> None:
        """Codes, a generator and a critic for each modality."""
        config = self.config
        for name, spec in specs.items():
            size = content_width(spec)
            self.encode[name] = nn.Linear(spec.width, config.codes)
            self.generate[name] = decoder(config.codes, config.generator, size)
            self.critic[name] = decoder(size + config.codes, config.critic, 1)

    def players(self) -> Mapping[str, Iterable[nn.Parameter]]:
        """The critic beside the encoders, their codes and the generator."""
        return {CRITIC: self.critic.parameters()}

    def plan(self) -> UpdatePlan:
        """The critic's turn, then the others'."""
        names = [self._suffix(name) for name in self.critic]
        return Alternate(
            {
                CRITIC: tuple(f"critic{suffix}" for suffix in names),
                "main": tuple(f"encode{suffix}" for suffix in names),
            }
        )

    def forward(self, views: Views, ctx: Context) -> Losses:
        """What each player minimises, of each modality; how near the way there and back ends."""
        terms: dict[str, Tensor] = {}
        metrics: dict[str, Tensor] = {}
        for name in views.modalities:
            suffix = self._suffix(name)
            real, made, inverse = self.judged(name, views.of(name)[0], ctx)
            count = len(real) + len(made)
            with no_autocast(real):
                real, made = full(real), full(made)
                against = functional.softplus(-real).sum() + functional.softplus(made).sum()
                fooling = functional.softplus(real).sum() + functional.softplus(-made).sum()
                # The sum of the means over the real and the made, as in the paper.
                terms[f"critic{suffix}"] = 2 * global_mean(against, count)
                terms[f"encode{suffix}"] = 2 * global_mean(fooling, count)
            right = (real > 0).float().sum() + (made < 0).float().sum()
            metrics[f"critic/accuracy{suffix}"] = global_mean(right, count).detach()
            metrics[f"inverse{suffix}"] = inverse
        return Losses(terms=terms, metrics=metrics)

    def judged(self, name: str, view: View, ctx: Context) -> tuple[Tensor, Tensor, Tensor]:
        """The critic's logits of real and made pairs, and the error of the way there and back."""
        content = content_of(view, ctx)
        content = content if view.rows is None else content[view.rows]
        (pooled,) = paired([view], [ctx.encode(view)])
        code: Tensor = self.encode[name](pooled)
        drawn = self.drawn(len(code), ctx).to(content.dtype)
        made: Tensor = self.generate[name](drawn)
        critic = self.critic[name]
        real, false = torch.cat([content, code], 1), torch.cat([made, drawn], 1)
        with torch.no_grad():
            back = full(self.generated(name, code.detach()))
            inverse = global_mean((back - content).square().sum(), content.numel())
        return critic(real)[:, 0], critic(false)[:, 0], inverse

    def drawn(self, count: int, ctx: Context) -> Float[Tensor, "rows codes"]:
        """Codes of the prior."""
        uniform = self.config.prior == "uniform"
        return shared_draw(count, self.config.codes, ctx, uniform=uniform)

    def generated(self, name: str, code: Float[Tensor, "rows codes"]) -> Tensor:
        """What the generator makes of codes, its running statistics left alone."""
        generator = self.generate[name]
        training = generator.training
        generator.eval()
        made: Tensor = generator(code)
        generator.train(training)
        return made

    def _suffix(self, name: str) -> str:
        return f"/{name}" if len(self.critic) > 1 else ""
