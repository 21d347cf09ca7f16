"""Which nodes are joined."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from tacit.contract import (
    Context,
    DataInfo,
    EncoderSpec,
    Losses,
    Objective,
    Requirements,
    View,
    Views,
)
from tacit.functional import global_mean


@dataclass(frozen=True, kw_only=True)
class LinksConfig:
    """Settings of link prediction.

    Args:
        width: of the features that are multiplied.

    Raises:
        ValueError: a width below 1.
    """

    width: int = 512

    def __post_init__(self) -> None:
        if self.width < 1:
            raise ValueError(f"width: wanted at least 1; got {self.width}")


class Links(Objective):
    """Tells pairs of tokens that are joined from random ones, by the product of what each became.

    Reads `pairs` and `joined` of each view's meta. Where a loss is taken on some instances alone,
    pairs without any of these are left out.

    Source: Ju et al. 2023 (arXiv 2210.02016) section 3.1; jumxglhf/ParetoGNN, `p_link`.
    """

    Config = LinksConfig
    requires = Requirements(
        most_views=1,
        meta=frozenset({"pairs", "joined"}),
        capabilities=frozenset({"tokens:packed"}),
    )

    def __init__(self, config: LinksConfig | None = None) -> None:
        super().__init__()
        self.config = config or LinksConfig()
        self.heads = nn.ModuleDict()

    def build(self, specs: Mapping[str, EncoderSpec], data: DataInfo) -> None:
        """A head for each modality."""
        for name, spec in specs.items():
            self.heads[name] = LinkHead(spec.width, self.config.width)

    def forward(self, views: Views, ctx: Context) -> Losses:
        """The binary cross-entropy over all pairs, and the share that is told right."""
        terms: dict[str, Tensor] = {}
        metrics: dict[str, Tensor] = {}
        for name in views.modalities:
            (view,) = views.of(name)
            tokens = ctx.encode(view).tokens
            assert tokens is not None, "requirements ask for tokens"
            pairs, joined = view.meta["pairs"], view.meta["joined"]
            logits, asked = self.heads[name](tokens, pairs), _asked(view, pairs)
            each = functional.binary_cross_entropy_with_logits(
                logits, joined.to(logits.dtype), reduction="none"
            )
            right = ((logits > 0) == joined) & asked
            suffix = f"/{name}" if len(views.modalities) > 1 else ""
            terms[f"links{suffix}"] = global_mean((each * asked).sum(), asked.sum())
            metrics[f"accuracy{suffix}"] = global_mean(right.to(each.dtype).sum(), asked.sum())
        return Losses(terms=terms, metrics=metrics)


class LinkHead(nn.Module):
    """A score of two tokens: above 0 where they are taken for joined.

    Args:
        width: of the tokens.
        hidden: features that are multiplied.
    """

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.each, self.both = nn.Linear(width, hidden), nn.Linear(hidden, 1)

    def forward(
        self, tokens: Float[Tensor, "tokens width"], pairs: Int[Tensor, "2 pairs"]
    ) -> Float[Tensor, " pairs"]:
        """The score of each pair, in float32 at least."""
        made = functional.relu(self.each(functional.normalize(tokens, dim=1)))
        first, second = pairs
        out: Tensor = self.both(made[first] * made[second]).squeeze(1).float()
        return out


def _asked(view: View, pairs: Int[Tensor, "2 pairs"]) -> Bool[Tensor, " pairs"]:
    """Pairs with an instance the loss is taken on."""
    if view.rows is None:
        return torch.ones_like(pairs[0], dtype=torch.bool)
    return torch.isin(pairs, view.rows).any(0)
