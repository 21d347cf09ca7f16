"""Probes of tokens: each has the label of the part it lies in, and instances are kept whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tacit.contract import (
    Batch,
    Encoder,
    EncoderSpec,
    Encoding,
    Mask,
    Modality,
    Places,
    Spans,
    Tokens,
)
from tacit.evaluation import Embeddings, embed_tokens, evaluate, raw_tokens

WIDTH, CLASSES, COUNT, LONG = 5, 3, 40, 12


def spans_of(*rows: tuple[int, float, float, int], **more: Any) -> Spans:
    instance, start, end, label = (torch.tensor(column) for column in zip(*rows, strict=True))
    return Spans(instance=instance, start=start, end=end, label=label, **more)


class Signal(Modality):
    """Values (batch, places, width): a place a step, from 0.5 on."""

    name = "signal"

    def __init__(self, each: int = 1) -> None:
        self.each = each

    def places(self, preprocessing: object | None, value: Any, tokens: int) -> Places:
        return Places(middle=torch.arange(tokens // self.each) + 0.5, each=self.each)

    def raw_places(self, preprocessing: object | None, value: Any, tokens: int) -> Tensor:
        return torch.zeros(len(value), tokens // self.each, 2)


class Heard(Encoder):
    """Its tokens are what it is given; the first layer is that too, the second is noise."""

    def __init__(self, lengths: Tensor | None = None, noise: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))
        self.lengths, self.noise = lengths, noise
        self.spec = EncoderSpec(modality="signal", width=WIDTH, tokens="dense", layers=2)

    def tokenize(self, value: Tensor) -> Tokens:
        return Tokens(values=value, valid=self.valid(value))

    def valid(self, value: Tensor) -> Tensor | None:
        if self.lengths is None:
            return None
        return torch.arange(value.shape[1]) < self.lengths[:, None]

    def forward(
        self, value: Any, *, mask: Mask | None = None, taps: Sequence[int] = ()
    ) -> Encoding:
        drawn = torch.randn(value.shape, generator=torch.Generator().manual_seed(len(value)))
        known = drawn if self.noise else value
        layers = {tap: known if tap == 1 else drawn for tap in taps}
        pooled = value.mean(1)
        return Encoding(pooled=pooled, tokens=known, valid=self.valid(value), layers=layers)


class Part:
    """Instances whose every place has a class of its own, in batches of a size."""

    def __init__(self, seed: int, size: int = 16, *, spans: bool = True) -> None:
        draw = torch.Generator().manual_seed(seed)
        self.label = torch.randint(CLASSES, (COUNT, LONG), generator=draw)
        noise = torch.randn(COUNT, LONG, WIDTH, generator=draw)
        self.value = noise + 4.0 * nn.functional.one_hot(self.label, WIDTH)
        self.size, self.given = size, spans

    def __iter__(self) -> Iterator[Batch]:
        for rows in torch.arange(COUNT).split(self.size):
            yield Batch(values={"signal": self.value[rows]}, index=rows)

    def spans(self) -> Spans | None:
        if not self.given:
            return None
        start = torch.arange(LONG).double().repeat(COUNT)
        instance = torch.arange(COUNT).repeat_interleave(LONG)
        return Spans(instance=instance, start=start, end=start + 1, label=self.label.flatten())


def test_a_place_has_the_class_of_the_span_it_lies_in() -> None:
    spans = spans_of((2, 1.0, 2.0, 1), (0, 3.0, 9.0, 2), (2, 0.0, 1.0, 0), (7, 0.0, 9.0, 0))
    places = torch.tensor([[0.0, 0.5, 1.0, 2.0, 3.0, 9.0]])
    found = spans.at(torch.tensor([2, 0, 5]), places)
    assert found.tolist() == [[0, 0, 1, -1, -1, -1], [-1, -1, -1, -1, 2, -1], [-1] * 6]
    gap = spans_of((2, 1.0, 2.0, 1), gap=4)
    assert gap.at(torch.tensor([2, 0]), places[:, :4]).tolist() == [[4, 4, 1, 4], [4] * 4]
    none = spans.of(torch.tensor([5]))
    assert len(none) == 0
    assert none.at(torch.tensor([0]), places).tolist() == [[-1] * 6]


def test_spans_follow_their_instances_and_names() -> None:
    spans = spans_of((2, 1.0, 2.0, 1), (0, 3.0, 9.0, 0), (7, 0.0, 9.0, 0), names=("a", "b"))
    chosen = spans.of(torch.tensor([7, 4, 2]))
    assert chosen.instance.tolist() == [0, 2]
    assert chosen.label.tolist() == [0, 1]
    other = spans.called(("c", "b"))
    assert other.names == ("c", "b", "a")
    assert [other.names[code] for code in other.label] == ["a", "b", "a"]
    with pytest.raises(ValueError, match="none in common"):
        spans.called(("x", "y"))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (((0, 1.0, 1.0, 0),), "end after it begins; got 1 to 1 in instance 0"),
        (((3, 0.0, 2.0, 0), (3, 1.0, 4.0, 1)), "in instance 3 0 to 2 and 1 to 4 overlap"),
        (((0, 0.0, 1.0, -1),), "classes from 0; got -1"),
        (((0, float("nan"), 1.0, 0),), "end after it begins"),
    ],
)
def test_spans_that_contradict_each_other_are_refused(rows: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        spans_of(*rows)


def test_what_is_kept_depends_on_no_batch_and_nothing_on_padding() -> None:
    found = [embed_tokens(Heard(), Part(0, size), Signal(), most=100) for size in (7, 40)]
    assert len(found[0]) == 100
    for name in ("values", "index", "label", "group"):
        torch.testing.assert_close(getattr(found[0], name), getattr(found[1], name))
    lengths = torch.arange(COUNT) % LONG
    whole = embed_tokens(Heard(lengths), Part(0, COUNT), Signal(), most=10_000)
    assert len(whole) == int(lengths.sum())
    assert torch.equal(whole.index.bincount(minlength=COUNT), lengths)
    raw = raw_tokens(Heard(lengths), Part(0, COUNT), Signal(), most=10_000)
    assert torch.equal(raw.index, whole.index)
    assert torch.equal(raw.label, whole.label)  # type: ignore[arg-type]


def test_tokens_of_one_place_are_averaged_and_have_one_label() -> None:
    part = Part(0, COUNT)
    found = embed_tokens(Heard(), part, Signal(each=3), most=10_000)
    wanted = part.value.unflatten(1, (-1, 3)).mean(2).flatten(0, 1)
    torch.testing.assert_close(found.values, wanted)
    assert found.label is not None
    assert torch.equal(found.label, part.label[:, : LONG // 3].flatten())


def scored(probes: Sequence[str], encoder: Encoder | None = None, **more: Any) -> Any:
    scores = evaluate(
        encoder or Heard(), Part(0), Part(1), modality=Signal(),
        encoder_factory=lambda seed: Heard(noise=True), probes=probes, seeds=(0, 1), **more,
    )  # fmt: skip
    return {(score.probe, score.features): score.value for score in scores}


def test_tokens_tell_what_is_where_and_the_rivals_stand_beside() -> None:
    probes = ["token-linear", "token-knn", "token-layers"]
    found = scored(probes, tokens=200)
    for probe in probes:
        assert found[probe, "encoder"] > 0.9 > 0.6 > found[probe, "random"]
        assert found[probe, "majority"] < 0.6
    assert {("token-linear", "raw"), ("token-knn", "raw")} <= found.keys()
    assert ("token-layers", "raw") not in found, "raw features have no layers"
    assert scored(["token-linear"], tap=2, tokens=200)["token-linear", "encoder"] < 0.6


def test_a_validation_part_keeps_instances_whole() -> None:
    found: Embeddings = embed_tokens(Heard(), Part(0), Signal(), most=200)
    assert found.group is not None
    assert torch.equal(found.group, found.index)


def test_what_cannot_be_probed_is_refused_with_what_to_do() -> None:
    class Bare(Modality):
        name = "signal"

    class Pooling(Heard):
        def __init__(self) -> None:
            super().__init__()
            self.spec = EncoderSpec(modality="signal", width=WIDTH)

    with pytest.raises(ValueError, match=r"labels of parts of instances: wanted batches with"):
        evaluate(
            Heard(), Part(0, spans=False), Part(1), modality=Signal(), encoder_factory=None,
            probes=["token-linear"],
        )  # fmt: skip
    with pytest.raises(ValueError, match="wanted an encoder with dense tokens; Pooling has none"):
        scored(["token-knn"], Pooling())
    with pytest.raises(ValueError, match="nobody says where along an instance tokens lie"):
        embed_tokens(Heard(), Part(0), Bare(), most=10)
    far = Part(0)
    far.spans = lambda: spans_of((0, 100.0, 101.0, 0))  # type: ignore[method-assign]
    with pytest.raises(ValueError, match="no token lies in a labelled part"):
        embed_tokens(Heard(), far, Signal(), most=10)
