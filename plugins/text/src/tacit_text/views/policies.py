"""View policies for text."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from tacit.contract import Augmentation, View
from tacit_text.texts import Texts
from tacit_text.views.chance import beside
from tacit_text.views.edits import Edits, edited


@dataclass(frozen=True, kw_only=True)
class TwoViewsConfig:
    """Settings of two views; the defaults are SimCSE's.

    Args:
        first: changes of the first view.
        second: changes of the second.
    """

    first: Edits = Edits()
    second: Edits = Edits()


@dataclass(frozen=True, kw_only=True)
class MirrorConfig(TwoViewsConfig):
    """Settings of two views; the defaults are Mirror-BERT's for sentences."""

    second: Edits = Edits(mask=5)


@dataclass(frozen=True, kw_only=True)
class NoisyConfig(TwoViewsConfig):
    """Settings of a noisy view and its original; the defaults are TSDAE's."""

    first: Edits = Edits(delete=0.6)


@dataclass(frozen=True, kw_only=True)
class MaskedConfig:
    """The view of masked prediction has no settings: which tokens are hidden, the method says."""


class TwoViews(Augmentation):
    """Each text twice: what tells the two apart is the encoder's dropout, and edits if asked for.

    Dropout draws anew for every text and view, as both run in one batch. An encoder without
    dropout makes equal views of equal strings: give it edits.

    Source: Gao et al. 2021 (arXiv 2104.08821) section 3.
    """

    Config: type[TwoViewsConfig] = TwoViewsConfig
    roles = ("view", "view")

    def __init__(self, config: TwoViewsConfig | None = None) -> None:
        self.config = config or self.Config()

    def __call__(self, value: Texts, generator: torch.Generator) -> tuple[View, ...]:
        """Two views of a batch."""
        draw = beside(generator)
        both = (self.config.first, self.config.second)
        return tuple(
            View(value=edited(value, edits, draw), role=role)
            for edits, role in zip(both, self.roles, strict=True)
        )


class Mirror(TwoViews):
    """A text, and the same with a run of characters masked.

    Source: Liu et al. 2021 (arXiv 2104.08027) section 2.
    """

    Config = MirrorConfig


class Noisy(TwoViews):
    """A damaged text, in role `noisy`, and the text it was made of, in role `target`.

    Source: Wang et al. 2021 (arXiv 2104.06979) section 3.
    """

    Config = NoisyConfig
    roles = ("noisy", "target")


class Masked(Augmentation):
    """The text as it is, for objectives that hide or replace tokens of it."""

    Config = MaskedConfig
    roles = ("view",)

    def __init__(self, config: MaskedConfig | None = None) -> None:
        self.config = config or MaskedConfig()

    def __call__(self, value: Texts, generator: torch.Generator) -> tuple[View, ...]:
        """The view of a batch."""
        return (View(value=value),)
