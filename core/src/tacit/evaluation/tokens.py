"""Tokens with the labels of the parts of instances they lie in: what probes of tokens are given.

They are split as their instances are, and never among those of one: what two neighbours share
would tell the label of the one by the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from tacit.contract import Batch, Encoder, Encoding, Modality, Spans
from tacit.evaluation.embed import Tap, device_of, evaluation_mode
from tacit.evaluation.embeddings import Embeddings, kept_rows
from tacit.nn.row_sample import keys

_PLACES = 1 << 24
"""More than an instance has: a token's number is that of its instance times this, plus its own."""


@runtime_checkable
class Spanned(Protocol):
    """Batches of which it is known what parts of their instances are."""

    def __iter__(self) -> Iterator[Batch]:
        """Every instance once."""

    def spans(self) -> Spans | None:
        """Labels of parts of the instances, by their position in the data set; None: of none."""


def embed_tokens(
    encoder: Encoder,
    loader: Iterable[Batch],
    modality: Modality,
    *,
    most: int,
    tap: Tap = "tokens",
    layers: bool = False,
    autocast: torch.dtype | None = None,
) -> Embeddings:
    """Embed labelled tokens: those that are no padding and whose middle lies in a span.

    Args:
        encoder: of dense tokens; run in evaluation mode.
        loader: `Spanned`; see `embed` for what is taken from a batch.
        modality: says where tokens lie.
        most: tokens that are kept, a random part of all. Which are depends on instances and places
            alone, not on batches, so that all features are probed on the same.
        tap: the number of a layer, or the encoder's own tokens.
        layers: keep every layer instead: values of shape (tokens, layers, width).
        autocast: see `embed`.

    Returns:
        a row for each token; `index` is the position of its instance, and so is `group` where
        instances have none.

    Raises:
        ValueError: no spans, no token in any, tokens that are not dense, a layer that is not there.
    """
    taps = _taps(encoder, tap, layers)

    def of(value: Any) -> tuple[Tensor, Tensor | None, int]:
        encoding: Encoding = encoder(value, taps=taps)
        if encoding.tokens is None:
            raise ValueError(
                "tap: probes of tokens look at the encoder's own or at those of a layer; got a "
                "head, which has none"
            )
        if layers:
            found = torch.stack([encoding.layers[each] for each in taps], dim=2)
        else:
            found = encoding.layers[taps[0]] if taps else encoding.tokens
        return found, encoding.valid, found.shape[1]

    cast = torch.autocast(device_of(encoder).type, autocast) if autocast else nullcontext()
    with cast:
        return _collected(encoder, loader, modality, of, most)


def raw_tokens(
    encoder: Encoder, loader: Iterable[Batch], modality: Modality, *, most: int
) -> Embeddings:
    """Collect the modality's plain numbers at the tokens that `embed_tokens` keeps.

    Args:
        encoder: whose tokens; it cuts the values, and does not mix.
        loader: `Spanned`.
        modality: says where tokens lie, and what is there.
        most: see `embed_tokens`.

    Raises:
        ValueError: as `embed_tokens`.
    """
    _taps(encoder, "tokens", False)

    def of(value: Any) -> tuple[Tensor, Tensor | None, int]:
        tokens = encoder.tokenize(value)
        size = tokens.values.shape[1]
        raw = modality.raw_places(encoder.spec.preprocessing, value, size)
        return raw, tokens.valid, size

    return _collected(encoder, loader, modality, of, most)


def spans_of(loader: Iterable[Batch]) -> Spans:
    """The spans of a training or a test set.

    Raises:
        ValueError: it has none.
    """
    found = loader.spans() if isinstance(loader, Spanned) else None
    if found is None:
        raise ValueError(
            "probes of tokens read labels of parts of instances: wanted batches with .spans(), "
            f"such as tacit.api.evaluation.Pass of a source that has them; got "
            f"{type(loader).__name__} without: leave these probes out, or give the source labels "
            "along its instances"
        )
    return found


class _Sample:
    """At most so many rows, those of the smallest keys, whatever order they come in.

    Args:
        most: rows kept.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.held: tuple[Tensor, ...] | None = None

    def add(self, *columns: Tensor) -> None:
        """Columns of new rows, the last of them the rows' numbers."""
        if self.held is not None:
            columns = tuple(map(torch.cat, zip(self.held, columns, strict=True)))
        if len(columns[0]) > self.most:
            kept = keys(columns[-1], seed=0).topk(self.most, largest=False).indices
            columns = tuple(column[kept] for column in columns)
        self.held = columns


def _collected(
    encoder: Encoder,
    loader: Iterable[Batch],
    modality: Modality,
    of: Callable[[Any], tuple[Tensor, Tensor | None, int]],
    most: int,
) -> Embeddings:
    device, spans, sample = device_of(encoder), spans_of(loader), _Sample(most)
    with evaluation_mode(encoder), torch.no_grad():
        for batch in loader:
            here = batch.to(device)
            value = here.values[modality.name]
            rows, valid, tokens = of(value)
            places = modality.places(encoder.spec.preprocessing, value, tokens)
            label = spans.at(here.index, places.middle.to(device)[None])
            each = places.each
            if rows.shape[1] != label.shape[1]:
                rows = rows.unflatten(1, (-1, each)).mean(2)
            there = _there(here, modality.name, label, valid, each)
            sample.add(*_rows(rows, label, there, here))
    return _finished(sample)


def _there(
    batch: Batch,
    modality: str,
    label: Int[Tensor, "batch places"],
    valid: Bool[Tensor, "batch tokens"] | None,
    each: int,
) -> Bool[Tensor, "batch places"]:
    """Which places have a class, are no padding, and are of an instance that counts."""
    there = label >= 0
    if valid is not None:
        there = there & valid[:, ::each]
    kept = kept_rows(batch, modality)
    if kept is not None:
        there = there & torch.zeros_like(there[:, :1]).index_fill(0, kept.to(there.device), True)
    return there


def _rows(
    rows: Float[Tensor, "batch places *rest"],
    label: Int[Tensor, "batch places"],
    there: Bool[Tensor, "batch places"],
    batch: Batch,
) -> tuple[Tensor, ...]:
    """Columns of the labelled tokens of a batch: features, class, group, number."""
    instance, place = there.nonzero(as_tuple=True)
    index = batch.index[instance]
    group = index if batch.group is None else batch.group[instance]
    return rows[there].float(), label[there], group, index * _PLACES + place


def _finished(sample: _Sample) -> Embeddings:
    if sample.held is None or len(sample.held[0]) == 0:
        raise ValueError(
            "probes of tokens: no token lies in a labelled part of its instance: see that the "
            "parts are in the right unit, and that instances have any"
        )
    values, label, group, number = sample.held
    number, order = number.sort()
    if bool((number[1:] == number[:-1]).any()):
        raise ValueError("wanted every instance once; got one twice")
    return Embeddings(
        values=values[order],
        index=(number // _PLACES).cpu(),
        label=label[order].cpu(),
        group=group[order].cpu(),
    )


def _taps(encoder: Encoder, tap: Tap, layers: bool) -> tuple[int, ...]:
    """Layers to tap, refusing an encoder without tokens to probe.

    Raises:
        ValueError: tokens that are not dense, or layers that are not there.
    """
    name, spec = type(encoder).__name__, encoder.spec
    if spec.tokens != "dense":
        raise ValueError(
            f"probes of tokens: wanted an encoder with dense tokens; {name} has {spec.tokens}"
        )
    if layers and spec.layers == 0:
        raise ValueError(f"{name} has no layers to tap: leave `token-layers` out")
    if layers:
        return tuple(range(1, spec.layers + 1))
    if isinstance(tap, int):
        encoder.check_taps((tap,))
        return (tap,)
    return ()
