"""One modality's part of a batch of pairs: embeddings, and which instances have it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from tacit.contract import Context, View, Views
from tacit.functional import all_reduce_sum


@dataclass(frozen=True, kw_only=True, eq=False)
class Members:
    """The views of one modality, row by row the same instances.

    Args:
        modality: which.
        pooled: of the encoder, a view each.
        views: the same in the space that modalities share.
        present: the instances that have the modality; None: all.
    """

    modality: str
    pooled: tuple[Float[Tensor, "batch features"], ...]
    views: tuple[Float[Tensor, "batch width"], ...]
    present: Bool[Tensor, " batch"] | None

    @classmethod
    def of(cls, views: Views, ctx: Context, projector: nn.Module) -> Members:
        """Encode and project the views of one modality.

        Raises:
            ValueError: views that change the order of the instances.
        """
        first = views[0]
        check_order(views)
        pooled, present = [ctx.encode(view).pooled for view in views], first.present
        if first.rows is not None:
            pooled = [each[first.rows] for each in pooled]
            present = None if present is None else present[first.rows]
        return cls(
            modality=first.modality,
            pooled=tuple(pooled),
            views=tuple(projector(each) for each in pooled),
            present=present,
        )


def check_order(views: Sequence[View]) -> None:
    """Refuse views of one modality that are no longer paired with those of another.

    Raises:
        ValueError: they change the order of the instances.
    """
    if any(view.source is not None for view in views):
        raise ValueError(
            f"the {views[0].modality} views change the order of the instances (View.source is "
            "set), so that they are no longer paired: use views of scope 'instance'"
        )


def of_a_pair(a: Members, b: Members) -> Bool[Tensor, " batch"] | None:
    """The instances that have both members; None: all."""
    there = [each.present for each in (a, b) if each.present is not None]
    if not there:
        return None
    return there[0] if len(there) == 1 else there[0] & there[1]


def check_complete(pairs: Sequence[Bool[Tensor, " batch"] | None]) -> None:
    """Refuse a batch in which no pair of modalities has an instance with both.

    Args:
        pairs: of each pair, the instances that have both; None: all.

    Raises:
        ValueError: not one in the batches of all processes. On an accelerator the same check fails
            inside the device queue (a device-side assertion), for the host does not wait for it.
    """
    partial = [both for both in pairs if both is not None]
    if len(partial) < len(pairs):
        return
    count = all_reduce_sum(torch.stack(partial).sum().float())
    if count.device.type != "cpu":
        torch._assert_async(count > 0, "a batch without a complete pair")
    elif not count:
        raise ValueError(
            "a batch without one complete pair: make the batch larger, or leave out instances "
            "without a partner"
        )
