from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tacit.contract import (
    Augmentation,
    Batch,
    Encoder,
    EncoderSpec,
    Encoding,
    Mask,
    Modality,
    PooledEncoder,
    View,
)
from tacit.evaluation import embed, embed_views, evaluation_mode, raw_features


class Signal(Modality):
    name = "signal"


class Shift(Augmentation):
    roles = ("a", "b")

    def __call__(self, value: Any, generator: torch.Generator) -> tuple[View, ...]:
        return tuple(
            View(value=value + torch.randn(value.shape, generator=generator)) for _ in self.roles
        )


class Ragged(Encoder):
    """Its tokens are the values themselves; the second token of every instance is padding."""

    spec = EncoderSpec(modality="signal", width=1, tokens="dense", layers=2)

    def forward(
        self, value: Any, *, mask: Mask | None = None, taps: Sequence[int] = ()
    ) -> Encoding:
        tokens = value[..., None]
        valid = torch.ones(value.shape, dtype=torch.bool)
        valid[:, 1] = False
        layers = {tap: tokens * 10**tap for tap in taps}
        return Encoding(pooled=tokens[:, 0], tokens=tokens, valid=valid, layers=layers)


class Packed(Encoder):
    spec = EncoderSpec(modality="signal", width=1, tokens="packed")

    def forward(
        self, value: Any, *, mask: Mask | None = None, taps: Sequence[int] = ()
    ) -> Encoding:
        owner = torch.arange(len(value)).repeat_interleave(value.shape[1])
        return Encoding(pooled=value[:, :1], tokens=value.reshape(-1, 1), owner=owner)


def linear(seed: int = 0) -> PooledEncoder:
    torch.manual_seed(seed)
    return PooledEncoder(nn.Linear(3, 4), modality="signal", width=4)


def loader(order: Sequence[int], size: int = 4) -> list[Batch]:
    value = torch.arange(30.0).view(10, 3)
    parts = [torch.tensor(order[first : first + size]) for first in range(0, len(order), size)]
    return [
        Batch(values={"signal": value[part]}, index=part + 100, label=part % 2, group=part // 5)
        for part in parts
    ]


def test_rows_come_in_data_set_order_whatever_the_loader_does() -> None:
    encoder = linear()
    straight = embed(encoder, loader(range(10)))
    mixed = embed(encoder, loader([7, 2, 9, 0, 1, 8, 3, 6, 5, 4], size=3))
    assert torch.equal(straight.index, torch.arange(100, 110))
    assert torch.equal(straight.index, mixed.index)
    assert torch.allclose(straight.values, mixed.values)
    assert mixed.label is not None
    assert mixed.label.tolist() == [0, 1] * 5
    assert mixed.group is not None
    assert mixed.group.tolist() == [0] * 5 + [1] * 5


@pytest.mark.parametrize("instances", [None, 3, 10, 50])
def test_the_room_made_at_first_does_not_change_the_result(instances: int | None) -> None:
    found = embed(linear(), loader(range(10)), instances=instances)
    assert found.values.shape == (10, 4)
    assert torch.allclose(found.values, embed(linear(), loader(range(10), size=10)).values)


def test_every_module_is_back_in_its_own_mode_even_after_an_error() -> None:
    net = nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.5), nn.BatchNorm1d(3))
    net.train()
    net[2].eval()
    before = [part.training for part in net.modules()]

    def fail() -> None:
        with evaluation_mode(net):
            assert not any(part.training for part in net.modules())
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail()
    assert [part.training for part in net.modules()] == before


def test_embedding_touches_neither_statistics_nor_gradients() -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.9))
    encoder = PooledEncoder(net, modality="signal", width=4).train()
    before = {name: tensor.clone() for name, tensor in encoder.state_dict().items()}
    first, again = embed(encoder, loader(range(10))), embed(encoder, loader(range(10)))
    assert torch.equal(first.values, again.values)
    assert not first.values.requires_grad
    assert all(torch.equal(before[name], now) for name, now in encoder.state_dict().items())
    assert encoder.training


def test_autocast_runs_the_encoder_in_low_precision_and_returns_full() -> None:
    seen: list[torch.dtype] = []
    encoder = linear()
    encoder.module.register_forward_hook(lambda *a: seen.append(a[-1].dtype))  # type: ignore[union-attr]
    found = embed(encoder, loader(range(10)), autocast=torch.bfloat16)
    assert set(seen) == {torch.bfloat16}
    assert found.values.dtype == torch.float32


def test_only_the_rows_a_batch_names_are_kept() -> None:
    (whole,) = loader(range(10), size=10)
    found = embed(linear(), [replace(whole, rows=torch.tensor([8, 3]))])
    assert found.index.tolist() == [103, 108]
    assert torch.allclose(found.values, embed(linear(), [whole]).values[[3, 8]])


def test_instances_without_the_modality_are_left_out() -> None:
    (whole,) = loader(range(10), size=10)
    present = {"signal": torch.arange(10) < 3}
    rows = torch.tensor([0, 2, 5])
    assert embed(linear(), [replace(whole, present=present)]).index.tolist() == [100, 101, 102]
    assert embed(linear(), [replace(whole, present=present, rows=rows)]).index.tolist() == [
        100,
        102,
    ]


def test_taps_average_the_valid_tokens() -> None:
    batches = loader(range(10))
    value = torch.arange(30.0).view(10, 3)
    expected = value[:, [0, 2]].mean(1, keepdim=True)
    assert torch.equal(embed(Ragged(), batches, tap="pooled").values, value[:, :1])
    assert torch.equal(embed(Ragged(), batches, tap="tokens").values, expected)
    assert torch.equal(embed(Ragged(), batches, tap=2).values, 100 * expected)
    assert torch.equal(embed(Packed(), batches, tap="tokens").values, value.mean(1, keepdim=True))


def test_taps_an_encoder_lacks_are_refused() -> None:
    with pytest.raises(ValueError, match="has no tokens"):
        embed(linear(), loader(range(10)), tap="tokens")
    with pytest.raises(ValueError, match="layer from 1 to 2, got tap 3"):
        embed(Ragged(), loader(range(10)), tap=3)


def test_views_are_stacked_and_decided_by_the_generator() -> None:
    def views(seed: int) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        return embed_views(linear(), loader(range(10)), Shift(), generator=generator).values

    assert views(0).shape == (10, 2, 4)
    assert torch.equal(views(0), views(0))
    assert not torch.equal(views(0), views(1))
    assert not torch.equal(views(0)[:, 0], views(0)[:, 1])


def test_views_that_mix_instances_are_refused() -> None:
    class Mixing(Shift):
        scope = "batch"

    with pytest.raises(ValueError, match="each instance by itself, got Mixing with scope 'batch'"):
        embed_views(linear(), loader(range(4)), Mixing(), generator=torch.Generator())


def test_raw_features_are_those_of_the_modality() -> None:
    found = raw_features(Signal(), loader([3, 1, 2, 0]), keep_on=torch.device("cpu"))
    assert torch.equal(found.values, torch.arange(12.0).view(4, 3))


def test_an_instance_that_comes_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="index 102 more than once"):
        embed(linear(), loader([0, 1, 2, 2]))


def test_an_empty_loader_is_refused() -> None:
    with pytest.raises(ValueError, match="empty loader"):
        embed(linear(), [])


def test_labels_on_some_batches_only_are_refused() -> None:
    first, second = loader(range(8))
    with pytest.raises(ValueError, match="on 1 of 2 batches"):
        embed(linear(), [first, replace(second, label=None)])
