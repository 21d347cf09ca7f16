"""Autoencoders: the slope of a known density is what their reconstruction has to learn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from tests.core.needs.toys import Make, Rows, engine
from tests.core.objectives.setting import values
from tests.core.toys import AttendingEncoder, PoolEncoder, TokenEncoder, ToyContext
from torch import Tensor, nn

from tacit.contract import (
    Composition,
    DataInfo,
    Encoder,
    EncoderSpec,
    Encoding,
    Mask,
    Tokens,
    View,
    Views,
    unmet,
)
from tacit.functional import jacobian_norm
from tacit.nn import MlpConfig
from tacit.objectives import Autoencoder, AutoencoderConfig, Contractive, Denoising
from tacit.training.optimizers import Adam
from tacit.training.schedules import Cosine


class Plain(Encoder):
    """Each number is a token; the vector is a function of them, given."""

    def __init__(self, numbers: int, width: int, body: nn.Module) -> None:
        super().__init__()
        self.spec = EncoderSpec(
            modality="signal", width=width, tokens="dense", grid=(numbers,), target_width=1
        )
        self.body = body

    def token_targets(self, value: Tensor) -> Tensor:
        return value[..., None]

    def tokenize(self, value: Tensor) -> Tokens:
        return Tokens(values=value[..., None].expand(-1, -1, self.spec.width))

    def forward(
        self, value: Any, *, mask: Mask | None = None, taps: Sequence[int] = ()
    ) -> Encoding:
        return Encoding(pooled=self.body(value))


def noisy_views(deviation: float) -> Make:
    def make(value: Tensor, generator: torch.Generator) -> list[View]:
        noise = deviation * torch.randn(value.shape, generator=generator)
        return [View(value=value, role="clean"), View(value=value + noise, role="noisy")]

    return Make(make, roles=2)


def as_views(value: Tensor) -> Views:
    return Views([View(value=value, role=role, modality="signal") for role in ("clean", "noisy")])


VARIANCE = 0.04
CASES = {
    "denoising": AutoencoderConfig(regulariser=Denoising(), decoder=None),
    "contractive": AutoencoderConfig(
        regulariser=Contractive(weight=VARIANCE, probes=None), decoder=None
    ),
    "contractive, estimated": AutoencoderConfig(
        regulariser=Contractive(weight=VARIANCE, probes=1), decoder=None
    ),
}


def trained(
    config: AutoencoderConfig, encoder: Encoder, data: Tensor, steps: int, lr: float
) -> Autoencoder:
    torch.manual_seed(0)
    objective = Autoencoder(config)
    engine(
        objective,
        source=Rows(signal=data),
        encoders={"signal": encoder},
        views={"signal": noisy_views(VARIANCE**0.5)},
        steps=steps,
        batch=len(data),
        optimizer=Adam(lr=lr),
        schedules={"lr_factor": Cosine(start=1.0, end=0.0)},
        log_every=50,
    ).run()
    return objective


@pytest.mark.parametrize("name", CASES)
def test_a_linear_one_learns_the_slope_of_a_gaussian_in_closed_form(name: str) -> None:
    """`r(x) = mean + C (C + v)^-1 (x - mean)`, so `(r(x) - x) / v = -(C + v)^-1 (x - mean)`."""
    generator = torch.Generator().manual_seed(0)
    shape = torch.tensor([[1.0, 0.0], [0.6, 0.5]])
    data = torch.randn(1000, 2, generator=generator) @ shape.T + torch.tensor([0.3, -0.2])
    mean, covariance = data.mean(0), torch.cov(data.T, correction=0)
    torch.manual_seed(0)
    encoder = Plain(2, 2, nn.Linear(2, 2))
    objective = trained(CASES[name], encoder, data, steps=250, lr=0.03)
    at = torch.randn(200, 2, generator=generator)
    view = View(value=at, modality="signal")
    found = objective.score(view, ToyContext({"signal": encoder}), variance=VARIANCE)
    smoothed = -(at - mean) @ torch.linalg.inv(covariance + VARIANCE * torch.eye(2))
    torch.testing.assert_close(found, smoothed, atol=0.15, rtol=0.1)
    true = -(at - mean) @ torch.linalg.inv(covariance)
    alike = torch.cosine_similarity(found.flatten(), true.flatten(), dim=0)
    assert alike > 0.98, "up to the order of the variance, that of the density itself"


@pytest.mark.parametrize("name", ["denoising", "contractive"])
def test_a_curved_one_learns_the_slope_of_a_mixture(name: str) -> None:
    generator = torch.Generator().manual_seed(0)
    centres = torch.tensor([[-1.0, 0.0], [1.0, 0.0]])
    data = centres[torch.arange(1000) % 2] + 0.35 * torch.randn(1000, 2, generator=generator)
    torch.manual_seed(0)
    encoder = Plain(2, 64, nn.Sequential(nn.Linear(2, 64), nn.Tanh()))
    objective = trained(CASES[name], encoder, data, steps=300, lr=0.02)
    at = (data + 0.1 * torch.randn(data.shape, generator=generator)).requires_grad_()
    apart = (at[:, None] - centres).square().sum(2)
    density = (-apart / (2 * (0.35**2 + VARIANCE))).logsumexp(1)
    (true,) = torch.autograd.grad(density.sum(), at)
    view = View(value=at.detach(), modality="signal")
    found = objective.score(view, ToyContext({"signal": encoder}), variance=VARIANCE)
    together = torch.corrcoef(torch.stack([found.flatten(), true.flatten()]))[0, 1]
    assert together > 0.9


def test_the_jacobians_norm_is_that_of_the_matrix() -> None:
    matrix = torch.randn(3, 4, dtype=torch.float64)
    value = torch.randn(5, 4, dtype=torch.float64, requires_grad=True)
    wanted = matrix.square().sum().expand(5)
    generator = torch.Generator().manual_seed(0)
    exact = jacobian_norm(value @ matrix.T, value, generator=generator, probes=None)
    torch.testing.assert_close(exact, wanted)
    rough = jacobian_norm(value @ matrix.T, value, generator=generator, probes=2000)
    torch.testing.assert_close(rough, wanted, rtol=0.1, atol=0)
    curved = jacobian_norm(value.sin(), value, generator=generator, probes=None)
    torch.testing.assert_close(curved, value.cos().square().sum(1))
    slope = torch.autograd.grad(curved.sum(), value)[0]
    torch.testing.assert_close(slope, -(2 * value).sin())


def built(config: AutoencoderConfig, encoder: Encoder) -> tuple[Autoencoder, ToyContext]:
    torch.manual_seed(0)
    objective = Autoencoder(config)
    objective.build({"signal": encoder.spec}, DataInfo())
    return objective, ToyContext({"signal": encoder})


def test_terms_are_means_over_the_numbers_of_an_instance() -> None:
    body = nn.Linear(3, 4)
    encoder = Plain(3, 4, body)
    config = AutoencoderConfig(regulariser=Contractive(weight=0.5, probes=None), decoder=None)
    objective, ctx = built(config, encoder)
    value = torch.randn(6, 3)
    found = objective(as_views(value), ctx).terms
    whole = objective.decoder["signal"](body(value))
    torch.testing.assert_close(found["reconstruction"], (whole - value).square().mean())
    last = objective.get_parameter("decoder.signal.layers.0.weight")
    norm = (last @ body.weight).square().sum() / 3
    torch.testing.assert_close(found["contraction"], 0.5 * norm)


@pytest.mark.parametrize("regulariser", [Denoising(), Contractive(probes=None), Contractive()])
def test_gradients_reach_encoder_and_decoder_and_not_the_data(
    regulariser: Denoising | Contractive,
) -> None:
    encoder = AttendingEncoder()
    objective, ctx = built(AutoencoderConfig(regulariser=regulariser), encoder)
    both = as_views(values(4))
    objective(both, ctx).total().backward()
    assert not both[0].value.requires_grad
    assert encoder.embed.weight.grad is not None
    assert all(p.grad is not None for p in objective.parameters())


def test_a_penalty_gradient_is_right() -> None:
    encoder = Plain(3, 4, nn.Sequential(nn.Linear(3, 4), nn.Tanh())).double()
    config = AutoencoderConfig(regulariser=Contractive(probes=None), decoder=None)
    objective, ctx = built(config, encoder)
    objective.double()
    both = as_views(torch.randn(3, 3, dtype=torch.float64))
    weight = encoder.get_parameter("body.0.weight")

    def total(at: Tensor) -> Tensor:
        with torch.no_grad():
            weight.copy_(at)
        (slope,) = torch.autograd.grad(objective(both, ctx).total(), weight)
        return slope

    start, step = weight.detach().clone(), 1e-5
    slope = total(start)
    for place in ((0, 0), (2, 1)):
        near = []
        for sign in (1, -1):
            moved = start.clone()
            moved[place] += sign * step
            with torch.no_grad():
                weight.copy_(moved)
            near.append(objective(both, ctx).total().item())
        assert slope[place].item() == pytest.approx((near[0] - near[1]) / (2 * step), rel=1e-5)


def test_a_collapsed_encoder_reconstructs_no_better_than_the_mean() -> None:
    encoder = Plain(2, 3, nn.Linear(2, 3))
    nn.init.zeros_(encoder.get_parameter("body.weight"))
    data = torch.randn(500, 2)
    objective, ctx = built(CASES["denoising"], encoder)
    with torch.no_grad():
        away = data.mean(0) - objective.reconstruct(as_views(data)[0], ctx)[0]
        objective.get_parameter("decoder.signal.layers.0.bias").add_(away)
    error = objective(as_views(data), ctx).total()
    torch.testing.assert_close(error, data.var(0, correction=0).mean())


def test_only_rows_that_count_are_reconstructed() -> None:
    encoder = TokenEncoder()
    for regulariser in (Denoising(), Contractive(probes=None)):
        objective, ctx = built(AutoencoderConfig(regulariser=regulariser), encoder)
        rows = torch.tensor([0, 2])
        some = objective(Views([replace(v, rows=rows) for v in as_views(values(4))]), ctx)
        own = objective(as_views(values(4)[rows]), ctx)
        torch.testing.assert_close(some.total(), own.total())


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="makes a reconstruction depend on other instances"):
        AutoencoderConfig(decoder=MlpConfig(widths=(3,)))
    with pytest.raises(ValueError, match="weight: wanted above 0"):
        Contractive(weight=0.0)
    with pytest.raises(ValueError, match="probes: wanted at least 1"):
        Contractive(probes=0)
    spec = PoolEncoder().spec
    offered = Composition(
        specs={"signal": spec}, roles={"signal": ("a", "b")}, meta={"signal": frozenset()}
    )
    (problem,) = unmet(Autoencoder().requires, offered)
    assert "needs an encoder with: targets, tokens:dense, tokens:grid" in problem
    objective, ctx = built(AutoencoderConfig(), TokenEncoder())
    alike = Views([replace(view, role="view") for view in as_views(values(4))])
    with pytest.raises(ValueError, match="wanted one view with the role 'clean'; got: view, view"):
        objective(alike, ctx)
    cut = as_views(values(4)[:, :9])
    with pytest.raises(ValueError, match="48 numbers; got 27: give the views no size"):
        objective(cut, ctx)
