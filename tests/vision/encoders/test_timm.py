from __future__ import annotations

import pytest
import timm
import torch

from tacit_vision.encoders import Timm, TimmConfig
from tacit_vision.modality import Preprocessing


def preprocessing_of(encoder: Timm) -> Preprocessing:
    assert isinstance(encoder.spec.preprocessing, Preprocessing)
    return encoder.spec.preprocessing


def published_mean(model: str) -> tuple[float, ...]:
    known = timm.get_pretrained_cfg(model)
    assert known is not None
    return tuple(known.mean)


def test_an_unknown_name_is_answered_with_near_ones() -> None:
    with pytest.raises(ValueError, match=r"got 'resnet_18': did you mean .*resnet18.*list_models"):
        Timm(TimmConfig(model="resnet_18"))


def test_a_name_alone_is_enough() -> None:
    assert Timm.shorthand == "model"
    assert Timm.Config(model="test_resnet").size is None


@pytest.mark.parametrize(
    "model",
    [
        "test_resnet",
        "test_byobnet",
        "test_convnext",
        "test_efficientnet",
        "test_nfnet",
        "test_vit4",
        "mobilenetv3_small_050",
        "edgenext_xx_small",
    ],
)
def test_all_kinds_of_network_pool_to_the_declared_width(model: str) -> None:
    encoder = Timm(TimmConfig(model=model)).eval()
    height, width = preprocessing_of(encoder).size or (64, 64)
    answer = encoder(torch.rand(2, 3, height, width))
    assert answer.pooled.shape == (2, encoder.spec.width)


@pytest.mark.parametrize("model", ["test_vit", "test_vit2", "test_vit3", "test_resnet"])
def test_the_encoding_is_what_timm_computes_on_normalised_images(model: str) -> None:
    encoder = Timm(TimmConfig(model=model, size=64)).eval()
    images, own = torch.rand(2, 3, 64, 64), preprocessing_of(encoder)
    mean, std = (torch.tensor(numbers).reshape(-1, 1, 1) for numbers in (own.mean, own.std))
    normalised = (images - mean) / std
    answer = encoder(images)
    assert torch.equal(answer.pooled, encoder.network(normalised))
    if answer.tokens is not None:
        features = encoder.network.forward_features(normalised)
        prefix = encoder.network.num_prefix_tokens
        assert torch.equal(answer.tokens, features[:, prefix:])


def test_taps_are_timms_own_intermediates() -> None:
    encoder = Timm(TimmConfig(model="test_vit", size=64, mean=(0.0,), std=(1.0,))).eval()
    images = torch.rand(2, 3, 64, 64)
    layers = encoder(images, taps=(1, 3)).layers
    theirs = encoder.network.get_intermediate_layers(images, n=[0, 2])
    assert torch.equal(layers[1], theirs[0])
    assert torch.equal(layers[3], theirs[1])


def test_the_networks_own_normalisation_is_the_default() -> None:
    own = preprocessing_of(Timm(TimmConfig(model="resnet18")))
    assert own.mean == published_mean("resnet18")
    assert own.size is None


def test_other_channels_get_the_average_of_its_numbers() -> None:
    own = preprocessing_of(Timm(TimmConfig(model="test_resnet", channels=1)))
    numbers = published_mean("test_resnet")
    assert own.mean == (sum(numbers) / 3,)


def test_a_network_of_fixed_size_declares_it() -> None:
    assert preprocessing_of(Timm(TimmConfig(model="test_vit"))).size == (160, 160)
    assert preprocessing_of(Timm(TimmConfig(model="test_vit", size=32))).size == (32, 32)


def test_plain_transformers_alone_have_tokens() -> None:
    words = Timm(TimmConfig(model="test_vit", size=32)).spec.capabilities()
    assert {"tokens:dense", "mask:drop", "mask:replace", "targets", "taps"} <= words
    assert "mask:query" not in words
    pooling = Timm(TimmConfig(model="test_resnet"))
    assert not pooling.spec.capabilities()
    with pytest.raises(ValueError, match=r"test_resnet only pools.*vit_\*"):
        pooling.tokenize(torch.rand(1, 3, 32, 32))


def test_a_size_that_would_lose_its_border_is_refused() -> None:
    with pytest.raises(ValueError, match=r"multiples of the patch, 16 x 16; got 40 x 40"):
        Timm(TimmConfig(model="test_vit", size=40))
