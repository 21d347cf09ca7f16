"""A learnt tokenizer: from what an encoder makes of a token to the number of a code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from tacit.contract import Context, EncoderSpec, Requirements, View
from tacit.functional import all_reduce_sum
from tacit.functional.precision import full, no_autocast, unit
from tacit.nn.judged import JudgedCodes, perplexity


class Tokenizer(nn.Module):
    """Directions of tokens, and the nearest of some unit vectors that follow what falls to them.

    Args:
        features: of a token.
        codes: entries.
        width: features of an entry.
        decay: share of an entry that is kept at each step in which it was used, in [0, 1).

    Source: Chen et al. 2023 (arXiv 2212.09058), BEATs, section 3.2; microsoft/unilm, beats/
    quantizer.py (`NormEMAVectorQuantizer`): entries move by the direction of the mean and stay of
    length 1, unused ones stay where they are.
    """

    centres: Tensor
    made: Tensor

    def __init__(self, features: int, *, codes: int, width: int, decay: float) -> None:
        super().__init__()
        self.decay = decay
        self.embed = nn.Sequential(
            nn.Linear(features, features), nn.Tanh(), nn.Linear(features, width)
        )
        self.register_buffer("centres", torch.zeros(codes, width))
        self.register_buffer("made", torch.zeros((), dtype=torch.bool))
        self._fallen: Tensor | None = None

    def directions(
        self, tokens: Float[Tensor, "batch tokens features"]
    ) -> Float[Tensor, "batch tokens width"]:
        """Of length 1, in full precision."""
        embedded = self.embed(tokens)
        with no_autocast(embedded):
            return unit(full(embedded))

    def nearest(
        self, directions: Float[Tensor, "batch tokens width"]
    ) -> Int[Tensor, "batch tokens"]:
        """The entry that points most alike."""
        with no_autocast(directions):
            return (directions @ self.centres.to(directions.dtype).T).argmax(-1)

    def forward(
        self, tokens: Float[Tensor, "batch tokens features"]
    ) -> Int[Tensor, "batch tokens"]:
        """The code of every token."""
        return self.nearest(self.directions(tokens))

    @torch.no_grad()
    def begin(self, centres: Float[Tensor, "codes width"]) -> None:
        """Set the entries, brought to length 1."""
        self.centres.copy_(unit(centres))
        self.made.fill_(True)

    @torch.no_grad()
    def observe(
        self,
        directions: Float[Tensor, "batch tokens width"],
        codes: Int[Tensor, "batch tokens"],
        counts: Bool[Tensor, "batch tokens"],
    ) -> Float[Tensor, ""]:
        """Note what falls to each entry; how many codes are in use, on all processes."""
        weight = counts.flatten()[:, None].to(self.centres.dtype)
        rows = torch.cat([directions.flatten(0, 1).to(weight.dtype), torch.ones_like(weight)], 1)
        fallen = self.centres.new_zeros(len(self.centres), rows.shape[1])
        fallen = all_reduce_sum(fallen.index_add_(0, codes.flatten(), rows * weight))
        if self.training:
            self._fallen = fallen if self._fallen is None else self._fallen + fallen
        return perplexity(fallen[:, -1] / fallen[:, -1].sum().clamp(min=1))

    @torch.no_grad()
    def settle(self) -> None:
        """Move the entries by what fell to them."""
        fallen, self._fallen = self._fallen, None
        if fallen is None:
            return
        moved = unit(torch.lerp(unit(fallen[:, :-1]), self.centres, self.decay))
        self.centres.copy_(torch.where(fallen[:, -1:] > 0, moved, self.centres))


@dataclass(frozen=True, kw_only=True)
class TaughtCodesTarget:
    """The code a tokenizer of the stage before gives every token: BEATs' later iterations.

    Args:
        teacher: its name in the method's teachers, a policy of the previous stage, whose objective
            had a `tokenizer`.
        codes: its entries.

    Raises:
        ValueError: fewer than 2 codes.
    """

    kind: ClassVar[str] = "taught-codes"
    teacher: str = "before"
    codes: int = 256

    def __post_init__(self) -> None:
        if self.codes < 2:
            raise ValueError(f"target: wanted at least 2 codes; got {self.codes}")

    @property
    def needs(self) -> Requirements:
        """A teacher with dense tokens."""
        words = frozenset({"tokens", "tokens:dense"})
        return Requirements(capabilities=words, teachers=frozenset({self.teacher}))


class TaughtCodes(JudgedCodes):
    """What the teacher's encoder and tokenizer make of the whole view, nothing hidden."""

    def __init__(self, config: TaughtCodesTarget, spec: EncoderSpec) -> None:
        super().__init__()
        self.teacher, self.width = config.teacher, config.codes

    @torch.no_grad()
    def forward(self, view: View, ctx: Context) -> Int[Tensor, "batch tokens"]:
        """A code for every token.

        Raises:
            ValueError: the tokenizer has another number of codes than was set.
        """
        tokenizer = ctx.part("tokenizer", which=self.teacher).get_submodule(view.modality)
        assert isinstance(tokenizer, Tokenizer)
        if len(tokenizer.centres) != self.width:
            raise ValueError(
                f"target.codes: the stage before learnt {len(tokenizer.centres)} codes; got "
                f"{self.width}: set both alike"
            )
        tokens = ctx.encode(view, which=self.teacher).tokens
        assert tokens is not None, "requirements ask for tokens"
        codes: Tensor = tokenizer(tokens)
        return codes
