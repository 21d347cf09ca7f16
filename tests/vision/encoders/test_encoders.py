from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest
import torch
from torch import nn

from tacit.contract import Composition, Encoder, PooledEncoder, Requirements, unmet
from tacit_vision.encoders import ResNet, ResNetConfig, Timm, TimmConfig, ViT, ViTConfig
from tacit_vision.modality import IMAGE, Preprocessing

SMALL = ViTConfig(size=16, patch=4, width=32, depth=2, heads=2)
MAKERS: dict[str, Callable[[], Encoder]] = {
    "vit": lambda: ViT(SMALL),
    "vit-class": lambda: ViT(
        ViTConfig(size=16, patch=4, width=32, depth=2, heads=2, pool="class", positions="learned")
    ),
    "resnet": lambda: ResNet(ResNetConfig(width=8, blocks=(1, 1))),
    "resnet-large-stem": lambda: ResNet(ResNetConfig(width=8, blocks=(1, 1), stem="large")),
    "timm-cnn": lambda: Timm(TimmConfig(model="test_resnet")),
    "timm-vit": lambda: Timm(TimmConfig(model="test_vit", size=16)),
}


@pytest.fixture(params=MAKERS)
def encoder(request: pytest.FixtureRequest) -> Encoder:
    return MAKERS[request.param]()


def test_bytes_and_views_of_them_have_one_encoding(encoder: Encoder) -> None:
    bytes_ = torch.randint(0, 256, (2, 3, 16, 16), dtype=torch.uint8)
    encoder.eval()
    assert torch.equal(encoder(bytes_).pooled, encoder(bytes_.float() / 255).pooled)


def test_rows_of_a_batch_do_not_see_each_other_in_evaluation(encoder: Encoder) -> None:
    images = torch.rand(4, 3, 16, 16)
    others = images.clone()
    others[1:] = torch.rand(3, 3, 16, 16)
    encoder.eval()
    assert torch.equal(encoder(images).pooled[0], encoder(others).pooled[0])


def test_the_declared_width_is_that_of_the_answer(encoder: Encoder) -> None:
    assert encoder(torch.rand(2, 3, 16, 16)).pooled.shape == (2, encoder.spec.width)


def test_every_weight_but_the_mask_token_learns_from_pooled(encoder: Encoder) -> None:
    encoder(torch.rand(2, 3, 16, 16)).pooled.square().sum().backward()
    idle = [name for name, weight in encoder.named_parameters() if weight.grad is None]
    assert idle in ([], ["mask_token"])


def test_bfloat16_autocast_is_close_to_full_precision(encoder: Encoder) -> None:
    images = torch.rand(2, 3, 16, 16)
    encoder.eval()
    exact = encoder(images).pooled
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough = encoder(images).pooled
    assert (rough.float() - exact).norm() < 0.05 * exact.norm()


def test_weights_in_bfloat16_take_images_in_float32(encoder: Encoder) -> None:
    pooled = encoder.to(torch.bfloat16).eval()(torch.rand(2, 3, 16, 16)).pooled
    assert pooled.dtype == torch.bfloat16
    assert pooled.isfinite().all()


def test_state_moves_to_a_second_encoder(encoder: Encoder, request: pytest.FixtureRequest) -> None:
    twin = MAKERS[request.node.callspec.params["encoder"]]()
    twin.load_state_dict(encoder.state_dict())
    images = torch.rand(2, 3, 16, 16)
    assert torch.equal(encoder.eval()(images).pooled, twin.eval()(images).pooled)


def test_other_channels_are_refused(encoder: Encoder) -> None:
    with pytest.raises(ValueError, match=r"wanted \(batch, 3, height, width\)"):
        encoder(torch.rand(2, 1, 16, 16))


def test_names_of_weights_that_never_decay_exist(encoder: Encoder) -> None:
    names = {name for name, _ in encoder.named_parameters()}
    assert encoder.no_weight_decay() <= names
    assert {n for n in names if n.endswith(("token", "pos_embed"))} <= encoder.no_weight_decay()


def test_grey_images_are_taken_where_declared() -> None:
    for encoder in (
        ViT(ViTConfig(size=8, patch=2, width=32, depth=1, heads=2, channels=1)),
        ResNet(ResNetConfig(width=8, blocks=(1,), channels=1)),
        Timm(TimmConfig(model="test_resnet", channels=1)),
    ):
        assert encoder(torch.rand(2, 1, 8, 8)).pooled.shape == (2, encoder.spec.width)


def test_layers_are_the_blocks_outputs_before_the_final_norm() -> None:
    for encoder in (ViT(SMALL).eval(), MAKERS["timm-vit"]().eval()):
        last = encoder.spec.layers
        answer = encoder(torch.rand(2, 3, 16, 16), taps=(1, last))
        norm = encoder.get_submodule("norm" if isinstance(encoder, ViT) else "network.norm")
        assert set(answer.layers) == {1, last}
        assert torch.equal(norm(answer.layers[last]), answer.tokens)


@pytest.mark.parametrize("tap", [0, 3])
def test_layers_that_are_not_there_are_refused(tap: int) -> None:
    with pytest.raises(ValueError, match=r"wanted layers 1 to 2; got \[\d\]"):
        ViT(SMALL)(torch.rand(1, 3, 16, 16), taps=(tap,))


def test_token_targets_are_the_pixels_of_the_patches() -> None:
    bytes_ = torch.randint(0, 256, (2, 3, 16, 16), dtype=torch.uint8)
    encoder = ViT(SMALL)
    targets = encoder.token_targets(bytes_)
    assert targets.shape == (2, 16, encoder.spec.target_width)
    first = bytes_[0, :, :4, :4].permute(1, 2, 0).flatten() / 255
    assert torch.equal(targets[0, 0], first)


def test_a_smaller_view_gets_the_positions_of_the_whole_stretched() -> None:
    config = ViTConfig(size=16, patch=4, width=32, depth=1, heads=2, positions="learned")
    encoder = ViT(config).eval()
    with torch.no_grad():
        encoder.pos_embed.fill_(0.25)  # type: ignore[union-attr]
    shrunk = encoder(torch.full((1, 3, 8, 8), 0.7)).tokens
    whole = encoder(torch.full((1, 3, 16, 16), 0.7)).tokens
    torch.testing.assert_close(shrunk, whole[:, :4])


def test_sides_that_are_no_multiple_of_the_patch_are_refused() -> None:
    for encoder in (ViT(SMALL), MAKERS["timm-vit"]()):
        with pytest.raises(ValueError, match="multiples of the patch"):
            encoder(torch.rand(1, 3, 18, 16))


@pytest.mark.slow
def test_compiled_without_breaks_the_answer_is_the_same() -> None:
    """Run apart, as annotation checking itself is not traceable."""
    program = (
        "import torch; from tacit.contract import Mask; from tacit_vision.encoders import *\n"
        "config = ViTConfig(size=16, patch=4, width=32, depth=2, heads=2)\n"
        "encoder = ViT(config).eval(); images = torch.rand(3, 3, 16, 16)\n"
        "compiled = torch.compile(encoder, backend='eager', fullgraph=True)\n"
        "hidden = torch.rand(3, 16).argsort(dim=1) < 10\n"
        "for mask in (None, *(Mask(hidden, m, 10) for m in ('drop', 'replace', 'query'))):\n"
        "    plain, fast = (e(images, mask=mask).tokens for e in (encoder, compiled))\n"
        "    torch.testing.assert_close(plain, fast)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=200)


def test_masking_is_refused_for_a_network_that_only_pools() -> None:
    encoder = ResNet(ResNetConfig(width=8, blocks=(1,)))
    assert not encoder.spec.capabilities()
    needs = Requirements(capabilities=frozenset({"tokens", "mask:drop", "targets"}))
    offered = Composition(specs={"image": encoder.spec}, roles={"image": ["view"]}, meta={})
    (problem,) = unmet(needs, offered)
    assert "mask:drop" in problem
    assert "pooled vectors only" in problem
    with pytest.raises(ValueError, match="only pools"):
        encoder.tokenize(torch.rand(1, 3, 8, 8))


def test_masking_fits_the_transformer() -> None:
    needs = Requirements(
        capabilities=frozenset({"tokens:dense", "targets", "taps"}),
        any_of=(frozenset({"mask:drop", "mask:replace"}), frozenset({"mask:query"})),
    )
    offered = Composition(specs={"image": ViT(SMALL).spec}, roles={"image": ["view"]}, meta={})
    assert not unmet(needs, offered)


def test_a_network_of_ones_own_is_an_image_encoder_in_one_line() -> None:
    network = nn.Sequential(nn.Conv2d(3, 5, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    encoder = PooledEncoder(
        network, modality="image", width=5, preprocessing=Preprocessing(size=(8, 8))
    )
    images = IMAGE.collate(list(torch.randint(0, 256, (2, 3, 8, 8), dtype=torch.uint8)))
    IMAGE.fit(encoder.spec.preprocessing, images)
    assert encoder(images.float() / 255).pooled.shape == (2, 5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": 30, "patch": 4}, "size: wanted a multiple of patch, 4; got 30: nearest is 32"),
        ({"width": 100, "heads": 3}, "width: wanted a multiple of heads, 3"),
        ({"width": 6, "heads": 3}, "positions are sincos"),
        ({"depth": 0}, "depth: wanted more than 0"),
    ],
)
def test_transformers_that_cannot_be_are_refused(settings: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ViTConfig(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("settings", [{"width": 0}, {"blocks": ()}, {"blocks": (1, 0)}])
def test_residual_networks_that_cannot_be_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="wanted at least 1"):
        ResNetConfig(**settings)  # type: ignore[arg-type]


def test_naming_an_encoder_does_not_wait_for_timm() -> None:
    program = (
        "import sys, tacit_vision.encoders; assert 'torch' not in sys.modules\n"
        "from tacit_vision.encoders import ViT, ResNet\n"
        "assert 'timm' not in sys.modules and ViT and ResNet"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)
