"""Which instances of a view a loss is taken on, and what a head answers for them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from tacit.contract import Context, Encoding, View
from tacit.nn.instance_heads import InstanceHead


def paired(
    views: Sequence[View], encodings: Sequence[Encoding]
) -> list[Float[Tensor, "rows width"]]:
    """The pooled vectors of the instances the loss is taken on, row by row the same in all views.

    Raises:
        ValueError: rows that are not the same instances, or instances that lack the modality.
    """
    for view in views:
        if view.source is not None:
            raise ValueError(
                f"the {view.modality} views change the order of the instances (View.source is "
                "set): row i of one view must be row i of the other. Use views of scope 'instance'"
            )
        if view.present is not None:
            raise ValueError(
                f"some instances lack the modality {view.modality}: this objective needs all of "
                "them. Leave incomplete instances out of the data"
            )
    return [
        encoding.pooled if view.rows is None else encoding.pooled[view.rows]
        for view, encoding in zip(views, encodings, strict=True)
    ]


def answers(head: nn.Module, views: Sequence[View], ctx: Context) -> Float[Tensor, "rows out"]:
    """What a head that `tacit.nn.build_head` made answers for the rows of `paired`, view by view.

    Raises:
        ValueError: as `paired`.
    """
    if not isinstance(head, InstanceHead):
        pooled: Tensor = head(torch.cat(paired(views, ctx.encode_each(views, joint=True))))
        return pooled
    every = [(ctx.tokenize(view), ctx.encode(view)) for view in views]
    told = [Encoding(pooled=head(encoding, tokens)) for tokens, encoding in every]
    return torch.cat(paired(views, told))


def counted(
    view: View, encoding: Encoding, hidden: Bool[Tensor, "*tokens"]
) -> Bool[Tensor, "*tokens"]:
    """The hidden tokens a loss is taken on: no padding, and of instances that count alone."""
    if encoding.valid is not None:
        hidden = hidden & encoding.valid
    instances = _counting(view, encoding)
    if instances is None:
        return hidden
    if encoding.owner is not None:
        return hidden & instances[encoding.owner]
    return hidden & instances[:, None]


def _counting(view: View, encoding: Encoding) -> Bool[Tensor, " instances"] | None:
    if view.rows is None:
        return view.present
    number = encoding.pooled.shape[0]
    chosen = torch.zeros(number, dtype=torch.bool, device=encoding.pooled.device)
    chosen = chosen.index_fill(0, view.rows, True)
    return chosen if view.present is None else chosen & view.present
