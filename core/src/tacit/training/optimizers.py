"""The optimisers a run may choose, and which parameters they decay."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping
from typing import Any, ClassVar, Literal, TypeAlias

import torch
from torch import nn

from tacit.training.lars import LARS


@dataclasses.dataclass(frozen=True, kw_only=True)
class AdamW:
    """Adam with decoupled weight decay: the usual choice for transformers.

    Args:
        lr: learning rate, until a schedule sets it.
        weight_decay: decay of matrices; 0.05 is common in self-supervised training.
        betas: decay of the running means of the gradient and of its square.
        eps: added to the root of the latter.

    Raises:
        ValueError: when a setting is out of its range.

    Source: Loshchilov and Hutter, Decoupled Weight Decay Regularization (arXiv 1711.05101).
    """

    kind: ClassVar[str] = "adamw"
    lr: float = 0.001
    weight_decay: float = 0.05
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8

    def __post_init__(self) -> None:
        _at_least_0(self, "lr", "weight_decay", "eps")
        if not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"betas: wanted two values in [0, 1), got {self.betas!r}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Adam(AdamW):
    """Adam whose decay is added to the gradient and so scaled with it: what older papers train by.

    Args:
        lr: learning rate, until a schedule sets it.
        weight_decay: decay of parameters, as a penalty on their squares.
        decays: `matrices` alone, and not what a module asks to leave out; or `all` parameters, as
            torch's own Adam has it and who trained by that.
        betas: decay of the running means of the gradient and of its square.
        eps: added to the root of the latter.

    Source: Kingma and Ba, Adam (arXiv 1412.6980).
    """

    kind: ClassVar[str] = "adam"
    weight_decay: float = 0.0
    decays: Literal["matrices", "all"] = "matrices"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sgd:
    """Stochastic gradient descent with momentum: the usual choice for convolutions.

    Args:
        lr: learning rate, until a schedule sets it.
        momentum: decay of the running sum of gradients.
        weight_decay: decay of matrices and kernels.
        nesterov: look ahead along the momentum.

    Raises:
        ValueError: when a setting is out of its range, or `nesterov` has no momentum.
    """

    kind: ClassVar[str] = "sgd"
    lr: float = 0.05
    momentum: float = 0.9
    weight_decay: float = 0.0001
    nesterov: bool = False

    def __post_init__(self) -> None:
        _at_least_0(self, "lr", "momentum", "weight_decay")
        if self.nesterov and not self.momentum:
            raise ValueError("nesterov: wanted momentum above 0 to look ahead along, got 0")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Lars:
    """SGD scaled for each parameter: for batches of thousands.

    Args:
        lr: learning rate, until a schedule sets it.
        momentum: decay of the running sum of updates.
        weight_decay: decay of matrices and kernels.
        eta: trust coefficient, the share of a parameter's norm that a step of rate 1 moves it by.

    Raises:
        ValueError: when a setting is out of its range.

    Source: see `tacit.training.lars.LARS`; the defaults are those of the reference code there.
    """

    kind: ClassVar[str] = "lars"
    lr: float = 0.2
    momentum: float = 0.9
    weight_decay: float = 1e-6
    eta: float = 0.001

    def __post_init__(self) -> None:
        _at_least_0(self, "lr", "momentum", "weight_decay", "eta")


OptimizerConfig: TypeAlias = AdamW | Adam | Sgd | Lars


def build(
    config: OptimizerConfig,
    named_parameters: Iterable[tuple[str, nn.Parameter]],
    *,
    no_weight_decay: Collection[str] = (),
    rates: Mapping[str, float] | None = None,
) -> torch.optim.Optimizer:
    """Make the optimiser for the parameters that want a gradient.

    They fall into groups, told apart by `decays`: matrices, kernels and so on, and those without
    weight decay (nor scaling, in LARS): everything with at most one axis, such as biases and norms,
    and what `no_weight_decay` names, unless the optimiser is told to let all of them decay; and by
    their factor on the learning rate.

    Args:
        config: the chosen optimiser.
        named_parameters: as `module.named_parameters()` yields them.
        no_weight_decay: further names to leave undecayed; see `undecayed`.
        rates: factors on the learning rate, by name; 1 where a name is not there.

    Raises:
        ValueError: when no parameter wants a gradient.
    """
    groups = _groups(config, named_parameters, no_weight_decay, rates or {})
    if isinstance(config, AdamW):
        kind = torch.optim.Adam if isinstance(config, Adam) else torch.optim.AdamW
        return kind(
            groups, lr=config.lr, betas=config.betas, eps=config.eps, fused=_fusible(groups)
        )
    if isinstance(config, Sgd):
        return torch.optim.SGD(
            groups,
            lr=config.lr,
            momentum=config.momentum,
            nesterov=config.nesterov,
            fused=_fusible(groups),
        )
    for group in groups:
        group["adapt"] = group["decays"]
    return LARS(groups, lr=config.lr, momentum=config.momentum, eta=config.eta)


def undecayed(module: nn.Module) -> frozenset[str]:
    """Collect the parameters that modules ask to leave undecayed, by their full names.

    A module asks by a method `no_weight_decay()` that returns names relative to itself; timm's
    models have it. Names without a parameter are let through, as timm lists optional ones too.
    """
    names: set[str] = set()
    for prefix, child in module.named_modules():
        listed = getattr(child, "no_weight_decay", None)
        if callable(listed):
            names |= {f"{prefix}.{name}" if prefix else name for name in listed()}
    return frozenset(names)


def set_values(
    optimizer: torch.optim.Optimizer, *, lr: float | None = None, weight_decay: float | None = None
) -> None:
    """Set scheduled values: the rate of every group, the decay of those that `build` let decay."""
    for group in optimizer.param_groups:
        if lr is not None:
            group["lr"] = lr
        if weight_decay is not None and group["decays"]:
            group["weight_decay"] = weight_decay


def _groups(
    config: OptimizerConfig,
    named_parameters: Iterable[tuple[str, nn.Parameter]],
    no_weight_decay: Collection[str],
    rates: Mapping[str, float],
) -> list[dict[str, Any]]:
    split: dict[tuple[float, bool], list[tuple[str, nn.Parameter]]] = {}
    everything = isinstance(config, Adam) and config.decays == "all"
    for name, parameter in named_parameters:
        if parameter.requires_grad:
            decays = everything or (parameter.ndim > 1 and name not in no_weight_decay)
            split.setdefault((rates.get(name, 1.0), decays), []).append((name, parameter))
    if not split:
        raise ValueError("wanted parameters to optimise, got none that wants a gradient")
    return [
        {
            "params": named,
            "lr": config.lr * factor,
            "weight_decay": config.weight_decay if decays else 0.0,
            "decays": decays,
        }
        for (factor, decays), named in sorted(split.items(), key=lambda each: each[0], reverse=True)
    ]


def _fusible(groups: list[dict[str, Any]]) -> bool:
    """Whether torch's fused kernels, several times as fast also on the CPU, take all parameters."""
    parameters = [parameter for group in groups for _, parameter in group["params"]]
    return all(p.is_floating_point() and p.device.type in ("cpu", "cuda") for p in parameters)


def _at_least_0(config: object, *names: str) -> None:
    for name in names:
        if getattr(config, name) < 0:
            raise ValueError(f"{name}: wanted at least 0, got {getattr(config, name)!r}")
