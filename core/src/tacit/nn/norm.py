"""Batch norm over all processes, so that many compute what one would."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from tacit.functional import all_reduce_sum, world_size


class GlobalBatchNorm(_BatchNorm):
    """Batch norm whose training statistics are those of all processes, on any device.

    torch's own SyncBatchNorm refuses tensors on the CPU; on a GPU it is the faster one and
    `synchronise_batch_norm` uses it. Same parameters and buffers as any batch norm.

    Source: the statistics are those of `torch.nn.BatchNorm1d` on the concatenated batch: biased
    variance to normalise, unbiased for the running estimate.
    """

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim < 2:
            raise ValueError(f"batch norm: wanted (batch, width, ...); got {tuple(input.shape)}")

    def forward(self, input: Tensor) -> Tensor:
        """Normalise `(batch, width, ...)` by global statistics when training."""
        self._check_input_dim(input)
        if not self.training and self.running_mean is not None:
            return super().forward(input)
        wide = input if input.dtype == torch.float64 else input.float()
        axes = [axis for axis in range(wide.ndim) if axis != 1]
        own = wide.new_full((1,), wide.numel() / wide.shape[1])
        sums = all_reduce_sum(torch.cat([wide.sum(axes), own]))  # ranks may hold different numbers
        count = sums[-1].detach()
        mean = sums[:-1] / count
        shape = [1, -1] + [1] * (wide.ndim - 2)
        centred = wide - mean.view(shape)
        variance = all_reduce_sum(centred.square().sum(axes)) / count
        self._track(mean.detach(), variance.detach() * count / (count - 1).clamp(min=1))
        out = centred * (variance + self.eps).rsqrt().view(shape)
        if self.affine:
            out = out * self.weight.view(shape) + self.bias.view(shape)
        return out.to(input.dtype)

    @torch.no_grad()
    def _track(self, mean: Tensor, variance: Tensor) -> None:
        if self.running_mean is None or self.running_var is None:
            return
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        share: Tensor | float = self.momentum or 0.0
        if self.momentum is None:  # torch's sign for the plain mean of all batches so far
            share = (1.0 / self.num_batches_tracked).to(self.running_mean.dtype)
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), share)
        self.running_var.lerp_(variance.to(self.running_var.dtype), share)


_KNOWN = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm, GlobalBatchNorm)


def synchronise_batch_norm(module: nn.Module) -> nn.Module:
    """Give every batch norm of a module global statistics, where there are several processes.

    Changes the module in place (and returns it, or the one norm it is). Keys of its state do not
    change. Running statistics then agree on all processes.

    Raises:
        ValueError: a batch norm that is not torch's own: what else it does is not known here and
            would be lost.
    """
    if world_size() == 1:
        return module
    for child in module.modules():
        if isinstance(child, _BatchNorm) and type(child) not in _KNOWN:
            raise ValueError(
                f"cannot synchronise {type(child).__name__} over processes: it is not torch's own "
                "batch norm. Use nn.BatchNorm1d, 2d or 3d in its place, or train on one process"
            )
    on_gpu = any(parameter.is_cuda for parameter in module.parameters())
    if on_gpu:
        synchronised: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(module)
        return synchronised
    if isinstance(module, _BatchNorm):
        module.__class__ = GlobalBatchNorm
        return module
    for child in module.modules():
        if isinstance(child, _BatchNorm):
            child.__class__ = GlobalBatchNorm
    return module
