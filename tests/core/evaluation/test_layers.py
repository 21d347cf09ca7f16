"""The probe of all layers finds the one that knows, and is fitted on all of them at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tacit.contract import Batch, Encoder, EncoderSpec, Encoding, Mask, Modality
from tacit.evaluation import LayersProbeConfig, embed_layers, evaluate, layers_probe

WIDTH, CLASSES, COUNT = 6, 3, 90


class Signal(Modality):
    name = "signal"


class Deaf(Encoder):
    """Three layers of tokens; only the second says what its input was, the answer is noise."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))
        self.spec = EncoderSpec(modality="signal", width=WIDTH, tokens="dense", layers=3)

    def forward(
        self, value: Any, *, mask: Mask | None = None, taps: Sequence[int] = ()
    ) -> Encoding:
        noise = torch.randn(4, *value.shape, generator=torch.Generator().manual_seed(0))
        layers = {tap: value if tap == 2 else noise[tap] for tap in taps}
        return Encoding(pooled=noise[0].mean(1), tokens=noise[0], layers=layers)


def batches(seed: int) -> list[Batch]:
    draw = torch.Generator().manual_seed(seed)
    label = torch.randint(CLASSES, (COUNT,), generator=draw)
    value = torch.randn(COUNT, 5, WIDTH, generator=draw)
    value = value + 2.0 * nn.functional.one_hot(label, WIDTH)[:, None]
    parts = torch.arange(COUNT).split(40)
    return [Batch(values={"signal": value[p]}, index=p, label=label[p]) for p in parts]


def known(layer: int, layers: int = 4) -> tuple[Tensor, Tensor]:
    """Noise in all layers but one, which has a class as the place of its largest number."""
    labels = torch.arange(COUNT) % CLASSES
    features = torch.randn(COUNT, layers, WIDTH)
    features[:, layer] += 6.0 * nn.functional.one_hot(labels, WIDTH)
    return features, labels


@pytest.mark.parametrize("layer", [0, 2])
def test_the_layer_that_knows_counts_most(layer: int) -> None:
    features, labels = known(layer)
    draw = torch.Generator().manual_seed(0)
    model = layers_probe(features[:60], labels[:60], classes=CLASSES, generator=draw)
    assert model.shares.argmax() == layer
    assert model.shares[layer] > 0.5
    torch.testing.assert_close(model.shares.sum(), torch.tensor(1.0))
    assert (model.predict(features[60:]) == labels[60:]).float().mean() > 0.9


def test_layers_of_larger_numbers_do_not_count_more() -> None:
    features, labels = known(1)
    scaled = features * torch.tensor([1.0, 1.0, 50.0, 0.01])[:, None] + 3.0
    config = LayersProbeConfig(penalties=(0.01,))
    found = [
        layers_probe(each, labels, classes=CLASSES, generator=torch.Generator(), config=config)
        for each in (features, scaled)
    ]
    torch.testing.assert_close(found[0].shares, found[1].shares, atol=1e-2, rtol=0.0)


def test_settings_that_fit_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        LayersProbeConfig(penalties=())


def test_every_layer_is_averaged_over_its_tokens() -> None:
    data = batches(0)
    found = embed_layers(Deaf(), data).values
    value = torch.cat([batch.values["signal"] for batch in data])
    assert found.shape == (COUNT, 3, WIDTH)
    torch.testing.assert_close(found[:, 1], value.mean(1))


def test_it_sees_what_the_pooled_vector_has_lost() -> None:
    scores = evaluate(
        Deaf(), batches(0), batches(1), modality=Signal(), encoder_factory=lambda seed: Deaf(),
        probes=["linear", "layers"], seeds=(0, 1),
    )  # fmt: skip
    found = {(s.probe, s.features): s.value for s in scores if s.metric == "accuracy"}
    assert found["layers", "encoder"] > 0.9 > 0.6 > found["linear", "encoder"]
    assert ("layers", "raw") not in found, "raw features have no layers"
    assert {("layers", "random"), ("layers", "majority")} <= found.keys()


def test_numbers_and_encoders_without_layers_are_refused() -> None:
    class Flat(Deaf):
        def __init__(self) -> None:
            super().__init__()
            self.spec = EncoderSpec(modality="signal", width=WIDTH, tokens="dense")

    with pytest.raises(ValueError, match="no layers to tap"):
        embed_layers(Flat(), batches(0))
    with pytest.raises(ValueError, match="wanted labels that are classes"):
        evaluate(
            Deaf(), batches(0), batches(1), modality=Signal(), encoder_factory=None,
            probes=["layers"], task="regression",
        )  # fmt: skip
