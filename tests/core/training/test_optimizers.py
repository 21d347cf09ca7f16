"""LARS equals its formula, and only matrices decay."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn

from tacit.config import Component, ConfigError, dumps, loads, resolve
from tacit.training.lars import LARS
from tacit.training.optimizers import (
    Adam,
    AdamW,
    Lars,
    OptimizerConfig,
    Sgd,
    build,
    set_values,
    undecayed,
)


class Toy(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 4)
        self.norm = nn.LayerNorm(4)
        self.positions = nn.Parameter(torch.ones(1, 2, 4))
        self.scale = nn.Parameter(torch.ones(()))
        self.frozen = nn.Parameter(torch.ones(2, 2), requires_grad=False)

    def no_weight_decay(self) -> set[str]:
        return {"positions", "absent"}


def names(group: dict[str, Any], module: nn.Module) -> set[str]:
    known = {parameter: name for name, parameter in module.named_parameters()}
    return {known[parameter] for parameter in group["params"]}


@pytest.mark.parametrize("config", [AdamW(), Adam(), Sgd(), Lars()])
def test_only_parameters_with_several_axes_decay(config: OptimizerConfig) -> None:
    toy = Toy()
    decayed, rest = build(
        config, toy.named_parameters(), no_weight_decay=undecayed(toy)
    ).param_groups
    assert names(decayed, toy) == {"first.weight"}
    assert names(rest, toy) == {"first.bias", "norm.weight", "norm.bias", "positions", "scale"}
    assert (decayed["weight_decay"], rest["weight_decay"]) == (config.weight_decay, 0.0)


def test_adam_lets_all_parameters_decay_where_it_is_told_to() -> None:
    toy = Toy()
    config = Adam(weight_decay=0.1, decays="all")
    (group,) = build(config, toy.named_parameters(), no_weight_decay=undecayed(toy)).param_groups
    wanted = [parameter for parameter in toy.parameters() if parameter.requires_grad]
    assert len(group["params"]) == len(wanted)
    assert group["weight_decay"] == 0.1


def test_lars_scales_only_what_decays() -> None:
    toy = Toy()
    decayed, rest = build(Lars(eta=0.5), toy.named_parameters()).param_groups
    assert (decayed["adapt"], rest["adapt"]) == (True, False)
    assert decayed["eta"] == 0.5


def test_settings_reach_the_torch_optimisers() -> None:
    named = list(Toy().named_parameters())
    adam = build(AdamW(lr=0.1, betas=(0.8, 0.9), eps=1e-6), named).param_groups[0]
    assert (adam["lr"], adam["betas"], adam["eps"]) == (0.1, (0.8, 0.9), 1e-6)
    sgd = build(Sgd(lr=0.1, momentum=0.5, nesterov=True), named).param_groups[0]
    assert (sgd["lr"], sgd["momentum"], sgd["nesterov"]) == (0.1, 0.5, True)


def test_undecayed_names_are_full_and_found_at_any_depth() -> None:
    assert undecayed(nn.Sequential(nn.Identity(), Toy())) == {"1.positions", "1.absent"}


def test_scheduled_decay_stays_off_what_does_not_decay() -> None:
    optimizer = build(AdamW(), Toy().named_parameters())
    set_values(optimizer, lr=0.5, weight_decay=0.3)
    assert [group["lr"] for group in optimizer.param_groups] == [0.5, 0.5]
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.3, 0.0]


def test_nothing_to_optimise_is_refused() -> None:
    with pytest.raises(ValueError, match="got none that wants a gradient"):
        build(AdamW(), nn.Linear(2, 2).requires_grad_(False).named_parameters())


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: AdamW(lr=-1.0), "lr: wanted at least 0, got -1.0"),
        (lambda: AdamW(betas=(0.9, 1.0)), "betas: wanted two values in"),
        (lambda: Sgd(momentum=0.0, nesterov=True), "nesterov: wanted momentum above 0"),
        (lambda: Lars(eta=-0.1), "eta: wanted at least 0"),
    ],
)
def test_settings_out_of_range_are_refused(make: Any, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        make()


def test_every_optimiser_survives_toml() -> None:
    for config in (
        AdamW(lr=0.1, betas=(0.8, 0.9)),
        Adam(decays="all"),
        Sgd(nesterov=True),
        Lars(eta=0.02),
    ):
        assert loads(type(config), dumps(config)) == config
    with pytest.raises(ConfigError, match=r"optimizer\.momentun: .*'momentum'"):
        resolve(Component(name="x", options={"momentun": 1}), Sgd, path="optimizer")


def reference(
    weight: torch.Tensor,
    grads: list[torch.Tensor],
    *,
    lr: float,
    momentum: float,
    decay: float,
    eta: float,
    adapt: bool,
) -> torch.Tensor:
    """LARS one number at a time, in double precision."""
    values = weight.flatten().double().tolist()
    running = [0.0] * len(values)
    for grad in grads:
        update = [
            g + decay * w for g, w in zip(grad.flatten().double().tolist(), values, strict=True)
        ]
        w_norm = sum(w * w for w in values) ** 0.5
        u_norm = sum(u * u for u in update) ** 0.5
        scale = eta * w_norm / u_norm if adapt and w_norm > 0 and u_norm > 0 else 1.0
        running = [momentum * m + scale * u for m, u in zip(running, update, strict=True)]
        values = [w - lr * m for w, m in zip(values, running, strict=True)]
    return torch.tensor(values, dtype=torch.float64).reshape(weight.shape)


def stepped(weight: torch.Tensor, grads: list[torch.Tensor], **settings: Any) -> torch.Tensor:
    parameter = nn.Parameter(weight.clone())
    other = nn.Parameter(torch.ones(2, dtype=weight.dtype))  # without a gradient
    optimizer = LARS([parameter, other], **settings)
    for grad in grads:
        parameter.grad = grad.clone()
        optimizer.step()
    assert torch.equal(other, torch.ones_like(other))
    return parameter.detach()


@pytest.mark.parametrize("adapt", [True, False])
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_lars_equals_a_loop_over_its_formula(adapt: bool, decay: float) -> None:
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(4, 3, generator=generator, dtype=torch.float64)
    grads = list(torch.randn(5, 4, 3, generator=generator, dtype=torch.float64))
    settings: dict[str, Any] = {"lr": 0.3, "momentum": 0.9, "eta": 0.02, "adapt": adapt}
    ours = stepped(weight, grads, weight_decay=decay, **settings)
    torch.testing.assert_close(ours, reference(weight, grads, decay=decay, **settings))


def test_lars_with_a_zero_norm_is_plain_momentum() -> None:
    zero, one = torch.zeros(2, 2), torch.ones(2, 2)
    settings: dict[str, Any] = {"lr": 0.1, "momentum": 0.9, "eta": 0.001}
    assert torch.equal(stepped(zero, [one], **settings), -0.1 * one)
    assert torch.equal(stepped(one, [zero], **settings), one)


def test_lars_step_length_is_the_trusted_share_of_the_norm() -> None:
    weight, grad = torch.full((3, 3), 2.0), torch.full((3, 3), 1e6)
    moved = stepped(weight, [grad], lr=1.0, momentum=0.0, eta=0.01) - weight
    assert float(moved.norm() / weight.norm()) == pytest.approx(0.01, rel=1e-5)


def test_lars_keeps_narrow_types_and_mixes_them() -> None:
    narrow = nn.Parameter(torch.full((64, 64), 3.0, dtype=torch.bfloat16))
    wide = nn.Parameter(torch.full((2, 2), 3.0))
    optimizer = LARS([narrow, wide], lr=1.0, momentum=0.0, eta=0.5)
    for parameter in (narrow, wide):
        parameter.grad = torch.full_like(parameter, 7.0)
    optimizer.step()
    assert narrow.dtype is torch.bfloat16
    assert torch.equal(narrow, torch.full_like(narrow, 1.5))
    torch.testing.assert_close(wide.detach(), torch.full((2, 2), 1.5))


def test_lars_never_waits_for_the_device() -> None:
    parameter = nn.Parameter(torch.empty(3, 3, device="meta"))
    parameter.grad = torch.empty_like(parameter)
    LARS([parameter], lr=0.1, weight_decay=0.1).step()  # meta tensors have no value to read


def test_lars_resumes_from_its_state_exactly() -> None:
    torch_rng = torch.Generator().manual_seed(1)
    module = nn.Linear(3, 3)
    optimizer = build(Lars(lr=0.1, eta=0.1), module.named_parameters())

    def train(module: nn.Module, optimizer: torch.optim.Optimizer, data: torch.Tensor) -> None:
        for batch in data:
            optimizer.zero_grad()
            module(batch).square().sum().backward()
            optimizer.step()

    data = torch.randn(6, 4, 3, generator=torch_rng)
    train(module, optimizer, data[:3])
    other = copy.deepcopy(module)
    resumed = build(Lars(lr=0.1, eta=0.1), other.named_parameters())
    resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    train(module, optimizer, data[3:])
    train(other, resumed, data[3:])
    for ours, theirs in zip(module.parameters(), other.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_lars_closure_computes_the_loss_with_gradient() -> None:
    weight = nn.Parameter(torch.ones(2, 2))
    optimizer = LARS([weight], lr=0.1, adapt=False)

    def closure() -> float:
        optimizer.zero_grad()
        loss = weight.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())

    assert optimizer.step(closure) == 4.0
    assert optimizer.step(closure) < 4.0


def test_adams_decay_is_scaled_with_the_gradient_and_adamws_is_not() -> None:
    """With a gradient of zero, the penalty's gradient is all that Adam has to normalise."""
    moved = []
    for config in (Adam(lr=0.1, weight_decay=0.01), AdamW(lr=0.1, weight_decay=0.01)):
        weight = nn.Parameter(torch.full((2, 2), 5.0))
        optimizer = build(config, [("weight", weight)])
        weight.grad = torch.zeros_like(weight)
        optimizer.step()
        moved.append(5.0 - float(weight.detach()[0, 0]))
    assert moved == pytest.approx([0.1, 0.1 * 0.01 * 5.0], rel=1e-4)
