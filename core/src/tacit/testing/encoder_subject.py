"""An encoder to be checked, and when two of its answers are the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tacit.contract import Encoder
from tacit.testing.check import skip


@dataclass(frozen=True, kw_only=True)
class EncoderSubject:
    """An encoder to be checked.

    Args:
        make: a new one; random weights from torch's generator.
        values: the instances at some positions, as one value; None where there are no data.
        whole: instances are parts of one value, so they cannot be taken alone.
        declared: capability words its offer provides; None if it is not offered.
    """

    make: Callable[[], Encoder]
    values: Callable[[Sequence[int]], Any] | None
    whole: bool = False
    declared: frozenset[str] | None = None

    def value(self, indices: Sequence[int] = (0, 1, 2, 3)) -> Any:
        """Some instances."""
        if self.values is None:
            skip("no embedded data of its modality to try it on")
        assert self.values is not None
        return self.values(indices)

    def ready(self, *, parameters: float = 0.0) -> Encoder:
        """An encoder in evaluation; with its parameters moved at random where asked."""
        encoder = self.make().eval()
        if parameters:
            with torch.no_grad():
                for parameter in encoder.parameters():
                    parameter.add_(parameters * torch.randn_like(parameter))
        return encoder


def near(a: Tensor, b: Tensor) -> bool:
    """Whether two answers differ by rounding alone."""
    return torch.allclose(a, b, rtol=1e-3, atol=1e-4)
