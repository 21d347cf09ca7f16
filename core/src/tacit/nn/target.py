"""What every target of masked prediction answers."""

from __future__ import annotations

from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor, nn

from tacit.contract import Context, View


class Target(nn.Module):
    """What is predicted of every token of one modality.

    Attributes:
        width: numbers a decoder is to answer for each token.
        codes: whether the target is a code, one of `width`, and not features.
    """

    width: int
    codes: bool = False

    def forward(self, view: View, ctx: Context) -> Shaped[Tensor, "*tokens_and_content"]:
        """The target of every token, dense or packed."""
        raise NotImplementedError

    def prepare(self, modality: str, ctx: Context) -> None:
        """Before each epoch, and before the first step: read the data, if the target must."""

    def observe(self, hidden: Bool[Tensor, "*tokens"]) -> None:
        """In each step, after `forward`: which tokens were asked for."""

    def alike(self) -> Int[Tensor, "*tokens"] | None:
        """After `forward`: a number for every token, the same where targets are one and the same.

        None where no two are.
        """
        return None

    def penalties(self, hidden: Bool[Tensor, "*tokens"]) -> dict[str, Float[Tensor, ""]]:
        """After `forward`: losses of the target's own, weighted, given what was asked for."""
        return {}

    def judge(
        self,
        predicted: Float[Tensor, "*tokens width"],
        content: Shaped[Tensor, "*tokens_and_content"],
        hidden: Bool[Tensor, "*tokens"],
    ) -> None:
        """In each step, after the decoder: how good predictions were, for `metrics`."""

    def metrics(self) -> dict[str, Float[Tensor, ""]]:
        """What the last step says of target and predictions."""
        return {}

    def settle(self) -> None:
        """After each optimiser step: take in what was observed."""
