"""Tokenised texts whose tokens change places, make room for others, or leave."""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from tacit_text.subwords import Subwords

_NOWHERE = torch.inf


def swapped(
    ids: Int[Tensor, "batch tokens"],
    chosen: Bool[Tensor, "batch tokens"],
    generator: torch.Generator,
) -> Int[Tensor, "batch tokens"]:
    """The tokens of the chosen places of each row, put among these places in a random order.

    A token may come back to its own place, and equal tokens may change theirs.
    """
    noise = torch.rand(ids.shape, generator=generator, device=ids.device)
    line = torch.arange(ids.shape[1], device=ids.device).expand_as(ids)
    # Both orders begin with the chosen places and go on with the others, from left to right.
    places = torch.where(chosen, line, line + ids.shape[1]).argsort(1)
    origins = torch.where(chosen, noise, 1.0 + line).argsort(1)
    return torch.empty_like(ids).scatter_(1, places, ids.gather(1, origins))


def shuffled_near(
    ids: Int[Tensor, "batch tokens"],
    free: Bool[Tensor, "batch tokens"],
    share: float,
    generator: torch.Generator,
) -> Int[Tensor, "batch tokens"]:
    """Some runs of three tokens, each in a random order.

    Args:
        ids: of the tokens.
        free: what may move; a run moves whole or not at all.
        share: of the tokens that are the middle of a run that is shuffled, at most a third.
        generator: the source of randomness.
    """
    rows, tokens = ids.shape

    def draw(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator, device=ids.device)

    line = torch.arange(tokens, device=ids.device)
    run = (line + (3 * draw(rows, 1)).long()) // 3
    whole = torch.zeros(rows, tokens // 3 + 2, dtype=torch.long, device=ids.device)
    whole = whole.scatter_add_(1, run, free.long()) == 3
    moves = (whole & (draw(*whole.shape) < 3 * share)).gather(1, run)
    place = torch.where(moves, run + draw(rows, tokens), run + line / (3.0 * tokens))
    return ids.gather(1, place.argsort(dim=1, stable=True))


def without_repeats(
    subwords: Subwords, hidden: Bool[Tensor, "batch tokens"], *, pad: int
) -> tuple[Subwords, Bool[Tensor, "batch tokens"]]:
    """Texts of whose runs of hidden tokens the first alone is left, and which tokens are those.

    Rows keep their width, with more padding.

    Args:
        subwords: the texts.
        hidden: which tokens are.
        pad: the padding token.
    """
    before = torch.cat([torch.zeros_like(hidden[:, :1]), hidden[:, :-1]], 1)
    line = torch.arange(hidden.shape[1], device=hidden.device, dtype=torch.float)
    key = line.masked_fill((hidden & before) | ~subwords.attended, _NOWHERE)
    order, there = _order(key, hidden.shape[1])
    return _ordered(subwords, order, there, pad), hidden.gather(1, order) & there


def with_room(
    subwords: Subwords, share: float, *, longest: int, pad: int, generator: torch.Generator
) -> tuple[Subwords, Bool[Tensor, "batch longer"]]:
    """Texts with new places among their tokens, and which places are new.

    Each new place is put before a token of the text that is drawn at random, and holds the same
    token until something is written there. A text that would get too long loses its last tokens,
    special ones excepted.

    Args:
        subwords: the texts.
        share: new places per token of a text, rounded up.
        longest: tokens of a text at most, special ones included.
        pad: the padding token.
        generator: the source of randomness.
    """
    content, width = subwords.content, subwords.ids.shape[1]
    most = math.ceil(share * width)
    count = (share * content.sum(1, keepdim=True).double() - 1e-9).ceil()
    kept = content & ~_overflow(subwords, count, min(width + most, longest))
    before = _drawn(kept, most, generator)
    is_new = torch.arange(most, device=content.device) < count
    line = torch.arange(width, device=content.device, dtype=torch.float)
    stays = subwords.attended & (kept | ~content)
    key = line.masked_fill(~stays, _NOWHERE)
    new_key = (before - 0.5).masked_fill(~is_new, _NOWHERE)
    longer = Subwords(
        ids=torch.cat([subwords.ids, subwords.ids.gather(1, before)], 1),
        attended=torch.cat([stays, is_new], 1),
        content=torch.cat([kept, is_new], 1),
        words=torch.cat([subwords.words, subwords.words.gather(1, before)], 1),
    )
    order, there = _order(torch.cat([key, new_key], 1), longest)
    return _ordered(longer, order, there, pad), (order >= width) & there


def _overflow(
    subwords: Subwords, count: Float[Tensor, "batch 1"], longest: int
) -> Bool[Tensor, "batch tokens"]:
    """The last tokens of texts that would get longer than they may be."""
    too_many = subwords.attended.sum(1, keepdim=True) + count - longest
    from_the_end = subwords.content.flip(1).cumsum(1).flip(1)
    return from_the_end <= too_many


def _drawn(
    among: Bool[Tensor, "batch tokens"], count: int, generator: torch.Generator
) -> Int[Tensor, "batch count"]:
    """Places of each row, all equally likely, with replacement; the last where there is none."""
    up_to = among.cumsum(1)
    at = torch.rand(len(among), count, generator=generator, device=among.device)
    rank = (at * up_to[:, -1:]).long() + 1
    return torch.searchsorted(up_to, rank).clamp(max=among.shape[1] - 1)


def _order(
    key: Float[Tensor, "batch places"], longest: int
) -> tuple[Int[Tensor, "batch tokens"], Bool[Tensor, "batch tokens"]]:
    """Which place comes where, those that are nowhere last, and where there is one."""
    order = key.argsort(dim=1, stable=True)[:, :longest]
    return order, key.gather(1, order).isfinite()


def _ordered(
    subwords: Subwords,
    order: Int[Tensor, "batch tokens"],
    there: Bool[Tensor, "batch tokens"],
    pad: int,
) -> Subwords:
    return Subwords(
        ids=subwords.ids.gather(1, order).masked_fill(~there, pad),
        attended=subwords.attended.gather(1, order) & there,
        content=subwords.content.gather(1, order) & there,
        words=subwords.words.gather(1, order) * there,
    )
