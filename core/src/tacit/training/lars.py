"""LARS: SGD whose step is scaled for each parameter, for very large batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, overload

import torch
from torch import Tensor
from torch.optim.optimizer import ParamsT

Tensors: TypeAlias = list[Tensor] | tuple[Tensor, ...]


class LARS(torch.optim.Optimizer):
    """SGD with momentum, where a parameter's update is as large as its norm allows.

    With gradient g, weights w and decay d, the update is u = g + d w, scaled in groups with
    `adapt` by eta |w| / |u|, or by 1 where either norm is 0; then m = momentum m + u and
    w = w - lr m. Nothing is read back to the host.

    Args:
        params: parameters or groups of them; a group may set `adapt` and the values below.
        lr: learning rate.
        momentum: decay of the running sum of updates.
        weight_decay: d above.
        eta: trust coefficient: the share of a parameter's norm that a step of rate 1 moves it by.
        adapt: whether updates are scaled. Reference code leaves biases and norms alone.

    Source: You et al., Large Batch Training of Convolutional Networks (arXiv 1708.03888),
    algorithm 1; the order of operations and the guards follow `LARS` in main_vicreg.py
    (facebookresearch/vicreg), also used by Barlow Twins.
    Where we differ: from the paper, as that code does, |g + d w| stands for |g| + d |w|. From
    that code: groups instead of filter functions, so that the state can be saved; norms are
    computed in 32 bits for narrower types.
    """

    def __init__(
        self,
        params: ParamsT,
        *,
        lr: float,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        eta: float = 0.001,
        adapt: bool = True,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "weight_decay": weight_decay,
            "eta": eta,
            "adapt": adapt,
        }
        super().__init__(params, defaults)

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Take one step; parameters without a gradient stay as they are.

        Args:
            closure: recomputes and returns the loss, with gradient.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for params in _alike([p for p in group["params"] if p.grad is not None]):
                self._step_alike(params, group)
        return loss

    def _step_alike(self, params: list[Tensor], group: dict[str, Any]) -> None:
        """Step parameters of one device and type at once."""
        updates: Tensors = [p.grad for p in params if p.grad is not None]
        momenta = [self._momentum(p) for p in params]
        if group["weight_decay"]:
            updates = torch._foreach_add(updates, params, alpha=group["weight_decay"])
        if group["adapt"]:
            updates = torch._foreach_mul(updates, _scales(params, updates, group["eta"]))
        torch._foreach_mul_(momenta, group["momentum"])
        torch._foreach_add_(momenta, updates)
        torch._foreach_add_(params, momenta, alpha=-group["lr"])

    def _momentum(self, param: Tensor) -> Tensor:
        state = self.state[param]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(param, memory_format=torch.preserve_format)
        momentum: Tensor = state["momentum"]
        return momentum


def _alike(params: Sequence[Tensor]) -> list[list[Tensor]]:
    """Sort parameters by device and type, which foreach operations want to be one."""
    alike: dict[tuple[torch.device, torch.dtype], list[Tensor]] = {}
    for param in params:
        alike.setdefault((param.device, param.dtype), []).append(param)
    return list(alike.values())


def _scales(params: Tensors, updates: Tensors, eta: float) -> list[Tensor]:
    """Return eta |w| / |u| for each parameter, or 1 where a norm is 0, on the device."""
    wide = torch.promote_types(params[0].dtype, torch.float32)
    pairs = zip(
        torch._foreach_norm(params, 2, dtype=wide),
        torch._foreach_norm(updates, 2, dtype=wide),
        strict=True,
    )
    return [_scale(w, u, eta) for w, u in pairs]


def _scale(weight: Tensor, update: Tensor, eta: float) -> Tensor:
    usable = (weight > 0) & (update > 0)
    return torch.where(usable, eta * weight / update, torch.ones_like(weight))
