"""Embeddings of a data set, in one streaming pass over a loader.

Labels and groups come along for the probes. Every pass here runs without gradient, with the encoder
in evaluation mode; afterwards every module is in the mode it was in before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor, nn

from tacit.contract import Augmentation, Batch, Encoder, Encoding, Modality
from tacit.evaluation.embeddings import Embeddings, Table
from tacit.nn.pooling import mean_tokens

Tap: TypeAlias = Literal["pooled", "tokens"] | int
"""What of an encoding is the embedding: `pooled`; the mean of its valid `tokens`; or, by number,
that of a tapped layer's."""


@contextmanager
def evaluation_mode(module: nn.Module) -> Iterator[None]:
    """Put a module and all below it in evaluation mode, then each back in its own."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode


def embed(
    encoder: Encoder,
    loader: Iterable[Batch],
    *,
    tap: Tap = "pooled",
    autocast: torch.dtype | None = None,
    instances: int | None = None,
    keep_on: torch.device | None = None,
) -> Embeddings:
    """Embed every instance a loader yields, on the device the encoder is on.

    Args:
        encoder: run in evaluation mode.
        loader: batches with the encoder's modality, each instance once, in any order. Where a
            batch names `rows` only those are kept; instances without the modality are left out.
        tap: what of the encoding to take.
        autocast: precision to run the encoder in (`torch.bfloat16`); None leaves it as it is. The
            embeddings are float32 in any case.
        instances: how many there are at most, if known: memory for the result is then taken once
            instead of growing.
        keep_on: where the embeddings go; None means the encoder's device.

    Raises:
        ValueError: for a loader without batches, an instance that comes twice, or a tap the
            encoder lacks.
    """
    return _collect(encoder, loader, tapped(encoder, tap), autocast, instances, keep_on)


def embed_layers(
    encoder: Encoder, loader: Iterable[Batch], *, autocast: torch.dtype | None = None
) -> Embeddings:
    """Embed every instance by each layer: values of shape (instances, layers, width).

    Args:
        encoder: run in evaluation mode, once a batch.
        loader: see `embed`.
        autocast: see `embed`.

    Raises:
        ValueError: an encoder without layers that can be tapped, and as `embed`.
    """
    if encoder.spec.layers == 0:
        raise ValueError(f"{type(encoder).__name__} has no layers to tap: leave `layers` out")
    taps = tuple(range(1, encoder.spec.layers + 1))

    def of(value: Any) -> Tensor:
        encoding: Encoding = encoder(value, taps=taps)
        return torch.stack([mean_tokens(encoding.layers[tap], encoding) for tap in taps], dim=1)

    return _collect(encoder, loader, of, autocast, None, None)


def embed_views(
    encoder: Encoder,
    loader: Iterable[Batch],
    views: Augmentation,
    *,
    generator: torch.Generator,
    autocast: torch.dtype | None = None,
) -> Embeddings:
    """Embed augmented views of every instance: values of shape (instances, views, width).

    Args:
        encoder: run in evaluation mode.
        loader: see `embed`.
        views: makes at least two views of every instance by itself.
        generator: for the views, on the encoder's device.
        autocast: see `embed`.

    Raises:
        ValueError: for an augmentation that makes one view only or mixes instances, and as `embed`.
    """
    if views.scope != "instance" or len(views.roles) < 2:
        raise ValueError(
            "wanted an augmentation that makes two or more views of each instance by itself, got "
            f"{type(views).__name__} with scope {views.scope!r} and {len(views.roles)} views"
        )
    pooled = tapped(encoder, "pooled")

    def of(value: Any) -> Tensor:
        return torch.stack([pooled(view.value) for view in views(value, generator)], dim=1)

    return _collect(encoder, loader, of, autocast, None, None)


def raw_features(
    modality: Modality, loader: Iterable[Batch], *, keep_on: torch.device
) -> Embeddings:
    """Collect the modality's plain numbers for every instance: the baseline of every probe.

    Args:
        modality: says what the raw features of a value are.
        loader: see `embed`.
        keep_on: where the features go.

    Raises:
        ValueError: for a loader without batches, or an instance that comes twice.
    """
    table = Table(None, keep_on)
    for batch in loader:
        table.add(modality.raw_features(batch.values[modality.name]), batch, modality.name)
    return table.finish()


def device_of(encoder: nn.Module) -> torch.device:
    """Say where an encoder's parameters (or buffers) are; the CPU if it has none."""
    for tensor in (*encoder.parameters(), *encoder.buffers()):
        return tensor.device
    return torch.device("cpu")


def parameter_count(module: nn.Module) -> int:
    """Count the numbers among a module's parameters."""
    return sum(parameter.numel() for parameter in module.parameters())


def tapped(encoder: Encoder, tap: Tap) -> Callable[[Any], Tensor]:
    """What to call on a value to have one vector an instance.

    Raises:
        ValueError: a tap the encoder lacks.
    """
    if isinstance(tap, int) and not 1 <= tap <= encoder.spec.layers:
        raise ValueError(f"wanted a layer from 1 to {encoder.spec.layers}, got tap {tap}")
    if tap == "tokens" and encoder.spec.tokens == "none":
        raise ValueError(f"{type(encoder).__name__} has no tokens: use tap='pooled'")

    def of(value: Any) -> Tensor:
        encoding: Encoding = encoder(value, taps=(tap,) if isinstance(tap, int) else ())
        if tap == "pooled":
            return encoding.pooled
        tokens = encoding.layers[tap] if isinstance(tap, int) else encoding.tokens
        assert tokens is not None, "the spec declares tokens"
        return mean_tokens(tokens, encoding)

    return of


def _collect(
    encoder: Encoder,
    loader: Iterable[Batch],
    of: Callable[[Any], Tensor],
    autocast: torch.dtype | None,
    instances: int | None,
    keep_on: torch.device | None,
) -> Embeddings:
    device, name = device_of(encoder), encoder.spec.modality
    table = Table(instances, keep_on or device)
    cast = torch.autocast(device.type, autocast) if autocast else nullcontext()
    with evaluation_mode(encoder), torch.no_grad(), cast:
        for batch in loader:
            here = batch.to(device)
            table.add(of(here.values[name]), here, name)
    return table.finish()
