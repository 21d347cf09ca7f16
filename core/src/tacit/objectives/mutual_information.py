"""cMIM: a probabilistic autoencoder of high mutual information, its codes told apart."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from tacit.contract import Context, DataInfo, EncoderSpec, Losses, Objective, Requirements, Views
from tacit.functional import gather_rows, global_mean, rank
from tacit.functional.precision import full, no_autocast, unit
from tacit.nn import Mlp, MlpConfig
from tacit.objectives.content import CONTENT, content_of, content_width, shared_draw
from tacit.objectives.instances import paired
from tacit.objectives.joint_embedding import agreement


@dataclass(frozen=True, kw_only=True)
class CMimConfig:
    """Settings of cMIM.

    Args:
        codes: numbers of a latent code.
        decoder: from a code to the hidden state that content is read from by a linear map.
        deviation: of content around its reconstruction, on the encoder's scale.
        least_deviation: of a code given its instance. The objective asks for codes as certain as
            can be, so there must be a least.
        contrast: weight of telling codes apart; 0 is MIM.
        temperature: of the cosines between codes.

    Raises:
        ValueError: a setting out of its range.
    """

    codes: int = 64
    decoder: MlpConfig = MlpConfig(widths=(512, 512), norm="layer", activation="gelu")
    deviation: float = 1.0
    least_deviation: float = 0.1
    contrast: float = 1.0
    temperature: float = 0.1

    def __post_init__(self) -> None:
        for name in ("codes", "deviation", "least_deviation", "temperature"):
            if (value := getattr(self, name)) <= 0:
                raise ValueError(f"{name}: wanted above 0; got {value}")
        if self.contrast < 0:
            raise ValueError(f"contrast: wanted at least 0; got {self.contrast}")


class CMim(Objective):
    """Encoder and decoder describe one joint distribution of content and code, and no two alike.

    The informative embedding, the decoder's hidden state, is the head `informative`: evaluate with
    `--tap informative`.

    Source: Livne 2025 (arXiv 2502.19642): the loss of A-MIM, Livne et al. 2019 (arXiv 1910.03175),
    `-log p(x|z) - (log q(z|x) + log p(z)) / 2`, and its contrast of a code against the mean over
    other instances. Differs: content is Gaussian; a drawn code is compared with all instances' mean
    codes, of all processes; the least deviation of a code.
    """

    Config = CMimConfig

    def __init__(self, config: CMimConfig | None = None) -> None:
        super().__init__()
        self.config = config or CMimConfig()
        self.informative, self.spread = nn.ModuleDict(), nn.ModuleDict()
        self.content = nn.ModuleDict()
        self.requires = Requirements(batch=2, most_views=1, capabilities=CONTENT)

    def build(self, specs: Mapping[str, EncoderSpec], data: DataInfo) -> None:
        """Means and deviations of codes, and a decoder, for each modality."""
        codes = self.config.codes
        for name, spec in specs.items():
            trunk = Mlp(codes, self.config.decoder)
            self.informative[name] = nn.Sequential(nn.Linear(spec.width, codes), trunk, nn.GELU())
            self.spread[name] = nn.Linear(spec.width, codes)
            self.content[name] = nn.Linear(trunk.width, content_width(spec))

    def forward(self, views: Views, ctx: Context) -> Losses:
        """Three terms in nats an instance, of each modality."""
        config = self.config
        terms: dict[str, Tensor] = {}
        metrics: dict[str, Tensor] = {}
        for name in views.modalities:
            suffix = f"/{name}" if len(views.modalities) > 1 else ""
            (view,) = views.of(name)
            content = content_of(view, ctx)
            content = content if view.rows is None else content[view.rows]
            (pooled,) = paired([view], [ctx.encode(view)])
            mean, deviation = self.codes(name, pooled)
            code = mean + deviation * shared_draw(len(mean), config.codes, ctx).to(mean.dtype)
            known = full(code), full(mean), full(deviation)
            told = log_normal(content, full(self.decode(name, code)), config.deviation)
            certain = log_normal(*known) + log_normal(known[0], 0.0, 1.0)
            terms[f"reconstruction{suffix}"] = -global_mean(told.sum(), len(told))
            terms[f"code{suffix}"] = -global_mean(certain.sum(), len(told)) / 2
            if config.contrast:
                apart = mean_contrast(code, mean, temperature=config.temperature)
                terms[f"contrast{suffix}"] = config.contrast * apart
            found = agreement(code, mean)
            metrics |= {f"{key}{suffix}": value for key, value in found.items()}
        return Losses(terms=terms, metrics=metrics)

    def codes(self, name: str, pooled: Tensor) -> tuple[Tensor, Tensor]:
        """Means and deviations of the codes of instances."""
        mean: Tensor = self.informative.get_submodule(f"{name}.0")(pooled)
        spread = functional.softplus(self.spread[name](pooled))
        return mean, self.config.least_deviation + spread

    def decode(self, name: str, code: Float[Tensor, "rows codes"]) -> Tensor:
        """The content codes stand for."""
        hidden = self.informative.get_submodule(f"{name}.1")(code)
        answer: Tensor = self.content[name](functional.gelu(hidden))
        return answer


def log_normal(
    at: Float[Tensor, "rows width"],
    mean: Float[Tensor, "rows width"] | float,
    deviation: Float[Tensor, "rows width"] | float,
) -> Float[Tensor, " rows"]:
    """Log density of independent normals, summed over the width."""
    scale = torch.as_tensor(deviation, dtype=at.dtype, device=at.device)
    each = ((at - mean) / scale).square() / 2 + scale.log() + math.log(2 * math.pi) / 2
    return -each.sum(1)


def mean_contrast(
    code: Float[Tensor, "rows width"], mean: Float[Tensor, "rows width"], *, temperature: float
) -> Float[Tensor, ""]:
    """A code is its own instance's, and not one of the others', whose mean stands against it.

    `-log(own / (own + mean over others))` of exponential cosines: `log 2` where all are alike, and
    the same size for few others and for many.

    Args:
        code: drawn codes.
        mean: mean codes of the same instances; the others are those of all ranks.
        temperature: cosines are divided by it; above 0.
    """
    with no_autocast(code):
        keys = gather_rows(unit(full(mean)))
        scores = unit(full(code)) @ keys.T / temperature
        own = torch.arange(len(code), device=code.device)[:, None] + rank() * len(code)
        positive = scores.gather(1, own)
        others = scores.scatter(1, own, -torch.inf).logsumexp(1) - math.log(len(keys) - 1)
        return global_mean(functional.softplus(others - positive[:, 0]).sum(), len(code))
