"""Decoding the tokens of one modality with those of others in sight, dense or packed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor, nn

from tacit.contract import EncoderSpec, Encoding, Mask, Tokens
from tacit.nn.decoders import CrossDecoder, TransformerHead
from tacit.nn.positions import GridPositions


@dataclass(frozen=True, kw_only=True, eq=False)
class Places:
    """Where packed tokens lie once each instance has a row of its own.

    The rows have a length that is set and not found in the data, so that the host need not wait.

    Args:
        owner: the instance of each token.
        place: of each token in its instance's row.
        rows: instances.
        most: places of a row.
    """

    owner: Int[Tensor, " tokens"]
    place: Int[Tensor, " tokens"]
    rows: int
    most: int

    @classmethod
    def of(cls, owner: Int[Tensor, " tokens"], *, rows: int, most: int) -> Places:
        """Places in the order of the tokens.

        Raises:
            ValueError: an instance has more tokens than there are places. On an accelerator the
                same check fails inside the device queue (a device-side assertion), for the host
                does not wait for it.
        """
        counts = owner.new_zeros(rows).scatter_add(0, owner, torch.ones_like(owner))
        _check_room(counts, most)
        order = owner.argsort(stable=True)
        first = counts.cumsum(0) - counts
        ranks = torch.arange(len(owner), device=owner.device) - first[owner[order]]
        return cls(
            owner=owner,
            place=torch.empty_like(ranks).scatter(0, order, ranks),
            rows=rows,
            most=most,
        )

    def spread(self, packed: Shaped[Tensor, " tokens *rest"]) -> Shaped[Tensor, "rows most *rest"]:
        """Packed tokens as rows, 0 where there is none."""
        whole = packed.new_zeros(self.rows, self.most, *packed.shape[1:])
        return whole.index_put((self.owner, self.place), packed)

    def gather(self, dense: Shaped[Tensor, "rows most *rest"]) -> Shaped[Tensor, " tokens *rest"]:
        """The way back."""
        return dense[self.owner, self.place]

    def valid(self) -> Bool[Tensor, "rows most"]:
        """Where there is a token; in rows of none the first place, for attention needs one."""
        there = self.spread(torch.ones_like(self.owner, dtype=torch.bool))
        return there | (torch.arange(self.most, device=there.device) == 0)


class AcrossHead(TransformerHead):
    """A cross decoder whose tokens look at what a `Reader` has read, and may be packed.

    Packed tokens lie in no order, so their decoder tells them no positions: what was hidden of them
    is told apart by what the encoder made of it. That needs masks that replace.

    Args:
        config: its size.
        spec: of the encoder whose tokens are predicted.
        out: features predicted for each token.
        places: most tokens an instance has, where they are packed.

    Source: see `TransformerHead`.
    """

    def __init__(self, config: CrossDecoder, spec: EncoderSpec, out: int, *, places: int) -> None:
        packed = spec.tokens == "packed"
        super().__init__(config, replace(spec, tokens="dense") if packed else spec, out)
        self.packed, self.places = packed, places

    def forward(
        self,
        encoding: Encoding,
        mask: Mask,
        tokens: Tokens | None = None,
        reference: Encoding | None = None,
    ) -> Float[Tensor, "batch tokens out"] | Float[Tensor, "tokens out"]:
        """Predict every token from those of its instance, and from the reference."""
        if not self.packed:
            return super().forward(encoding, mask, tokens, reference)
        rows, at = unpacked(encoding, self.places)
        return at.gather(super().forward(rows, mask, tokens, reference))

    def place(self, x: Float[Tensor, "batch tokens width"]) -> Float[Tensor, "batch tokens width"]:
        """Nothing to add to tokens in no order."""
        return x if self.packed else super().place(x)

    def seen(self, reference: Encoding) -> Float[Tensor, "batch length width"]:
        """As a `Reader` answered it."""
        assert reference.tokens is not None
        return reference.tokens


class Reader(nn.Module):
    """The tokens of an instance's other members, embedded for a decoder to look at.

    Members of an encoder that only pools are one token each.

    Args:
        others: modality to encoder spec.
        width: of the decoder.
        places: most tokens an instance has, where they are packed.
    """

    def __init__(self, others: Mapping[str, EncoderSpec], width: int, *, places: int) -> None:
        super().__init__()
        self.of = nn.ModuleDict(
            {name: _Embedding(spec, width, places) for name, spec in others.items()}
        )

    def forward(
        self,
        others: Mapping[str, Encoding],
        present: Mapping[str, Bool[Tensor, " batch"] | None],
    ) -> Encoding:
        """Tokens of all that are there, one after the other.

        Args:
            others: of each other modality, or of some.
            present: the instances that have each; None: all.

        Returns:
            an encoding with `tokens` `(batch, length, width)`, and `valid` false where a member or
            a token is missing. Of an instance that has no other member all are valid, for
            attention needs one: whoever asks must leave it out.
        """
        values, there = [], []
        for name, encoding in others.items():
            tokens, valid = self.of[name](encoding)
            own = present[name]
            values.append(tokens)
            there.append(valid if own is None else valid & own[:, None])
        seen, valid = torch.cat(values, 1), torch.cat(there, 1)
        alone = ~valid.any(1, keepdim=True)
        return Encoding(pooled=seen.mean(1), tokens=seen, valid=valid | alone)


class _Embedding(nn.Module):
    """Tokens of one encoder in the decoder's width, with their positions and validity."""

    def __init__(self, spec: EncoderSpec, width: int, places: int) -> None:
        super().__init__()
        self.embed = nn.Linear(spec.width, width)
        nn.init.xavier_uniform_(self.embed.weight)
        nn.init.zeros_(self.embed.bias)
        self.positions = GridPositions(spec.grid, width) if spec.tokens == "dense" else None
        self.places = places

    def forward(
        self, encoding: Encoding
    ) -> tuple[Float[Tensor, "batch length width"], Bool[Tensor, "batch length"]]:
        if encoding.owner is not None:
            encoding, _ = unpacked(encoding, self.places)
        tokens = encoding.pooled[:, None] if encoding.tokens is None else encoding.tokens
        x = self.embed(tokens)
        if self.positions is not None:
            x = self.positions(x)
        every = torch.ones(x.shape[:2], dtype=torch.bool, device=x.device)
        return x, every if encoding.valid is None else encoding.valid


def unpacked(encoding: Encoding, most: int) -> tuple[Encoding, Places]:
    """Packed tokens as rows of an instance each, and where they lie in them."""
    assert encoding.owner is not None
    assert encoding.tokens is not None
    at = Places.of(encoding.owner, rows=len(encoding.pooled), most=most)
    rows = Encoding(pooled=encoding.pooled, tokens=at.spread(encoding.tokens), valid=at.valid())
    return rows, at


def _check_room(counts: Int[Tensor, " rows"], most: int) -> None:
    largest = counts.amax()
    if counts.device.type != "cpu":
        torch._assert_async(largest <= most, "an instance has more tokens than places")
    elif int(largest) > most:
        raise ValueError(
            f"places: wanted as many as the largest instance has tokens, {int(largest)}; got "
            f"{most}: set objective.places"
        )
