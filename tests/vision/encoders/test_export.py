"""What is exported is loaded by timm alone and answers bit for bit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import timm
import torch
from timm.data.config import resolve_model_data_config

from tacit.contract import Encoder, PooledEncoder
from tacit_vision.encoders import ResNet, ResNetConfig, Timm, TimmConfig, ViT, ViTConfig
from tacit_vision.export import export_timm, to_timm
from tacit_vision.modality import Preprocessing


def vit(**settings: object) -> ViT:
    given = {"size": 32, "patch": 8, "width": 48, "depth": 2, "heads": 3} | settings
    return ViT(ViTConfig(**given))  # type: ignore[arg-type]


def encoders() -> dict[str, Encoder]:
    return {
        "vit": vit(mean=(0.4, 0.5, 0.6), std=(0.2,)),
        "vit-class": vit(pool="class", positions="learned"),
        "vit-nowhere": vit(positions="none"),
        "vit-grey": vit(channels=1),
        "resnet18": ResNet(ResNetConfig(width=64, blocks=(2, 2, 2, 2), stem="large")),
        "resnet-short": ResNet(ResNetConfig(width=64, blocks=(1, 2, 1, 1), stem="large")),
        "timm-cnn": Timm(TimmConfig(model="test_resnet", channels=1)),
        "timm-vit": Timm(TimmConfig(model="test_vit", size=32)),
    }


NAMES = list(encoders())


def scrambled(name: str) -> Encoder:
    """An encoder in which nothing has the value that a fresh one would have."""
    encoder = encoders()[name]
    with torch.no_grad():
        for weight in (*encoder.parameters(), *encoder.buffers()):
            if weight.is_floating_point() and weight.ndim == 1 and len(weight) > 3:
                weight.add_(0.1 * torch.rand_like(weight))
    return encoder.eval()


def normalised(encoder: Encoder) -> tuple[torch.Tensor, torch.Tensor]:
    own = encoder.spec.preprocessing
    assert isinstance(own, Preprocessing)
    images = torch.rand(2, own.channels, 32, 32)
    mean, std = (torch.tensor(numbers).reshape(-1, 1, 1) for numbers in (own.mean, own.std))
    return images, (images - mean) / std


@pytest.mark.parametrize("name", NAMES)
def test_timm_opens_the_folder_and_answers_alike(name: str, tmp_path: Path) -> None:
    encoder = scrambled(name)
    export_timm(encoder, tmp_path / "out")
    model = timm.create_model(f"local-dir:{tmp_path / 'out'}", pretrained=True).eval()
    images, ready = normalised(encoder)
    assert torch.equal(model(ready), encoder(images).pooled)


@pytest.mark.parametrize("name", NAMES)
def test_the_weights_file_alone_is_enough_for_timm(name: str, tmp_path: Path) -> None:
    encoder = scrambled(name)
    export_timm(encoder, tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    model = timm.create_model(
        config["architecture"],
        pretrained=True,
        pretrained_cfg_overlay={
            "file": str(tmp_path / "model.safetensors"),
            "custom_load": False,
            "num_classes": 0,
        },
        **config["model_args"],
    ).eval()
    images, ready = normalised(encoder)
    assert torch.equal(model(ready), encoder(images).pooled)


def test_tokens_are_those_of_timm() -> None:
    encoder = scrambled("vit-class")
    images, ready = normalised(encoder)
    features = to_timm(encoder).create().forward_features(ready)  # type: ignore[operator]
    assert torch.equal(features[:, 1:], encoder(images).tokens)


def test_a_smaller_view_is_embedded_as_timm_would() -> None:
    encoder, form = scrambled("vit"), to_timm(scrambled("vit"))
    model = timm.create_model(form.architecture, **form.arguments, dynamic_img_size=True)
    model.load_state_dict(encoder.state_dict(), strict=False)
    encoder.normalise.mean.zero_()  # type: ignore[union-attr, operator]
    encoder.normalise.std.fill_(1)  # type: ignore[union-attr, operator]
    view = torch.rand(2, 3, 16, 16)
    torch.testing.assert_close(model.eval()(view), encoder(view).pooled)


@pytest.mark.parametrize("name", ["vit", "timm-vit"])
def test_timm_prepares_images_as_the_encoder_does(name: str, tmp_path: Path) -> None:
    encoder = scrambled(name)
    export_timm(encoder, tmp_path)
    model = timm.create_model(f"local-dir:{tmp_path}", pretrained=True)
    known, own = resolve_model_data_config(model), encoder.spec.preprocessing  # type: ignore[no-untyped-call]
    assert isinstance(own, Preprocessing)
    assert known["input_size"] == (3, 32, 32)
    assert known["crop_pct"] == 1.0
    assert tuple(known["mean"]) == own.mean
    assert tuple(known["std"]) == (own.std if len(own.std) == 3 else own.std * 3)


def test_the_mask_token_stays_behind() -> None:
    assert "mask_token" not in to_timm(vit()).weights


def test_the_card_says_how_to_load_it(tmp_path: Path) -> None:
    export_timm(vit(), tmp_path / "mine")
    card = (tmp_path / "mine" / "README.md").read_text()
    assert 'timm.create_model("local-dir:mine", pretrained=True)' in card
    assert "embed_dim=48" in card


def test_the_snippets_of_the_card_run_as_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = scrambled("vit")
    export_timm(encoder, tmp_path / "mine")
    monkeypatch.chdir(tmp_path)
    snippets = (tmp_path / "mine" / "README.md").read_text().split("```python\n")[1:]
    images, ready = normalised(encoder)
    for snippet in snippets:
        names: dict[str, torch.nn.Module] = {}
        exec("import timm\n" + snippet.split("```")[0], names)
        assert torch.equal(names["model"].eval()(ready), encoder(images).pooled)


def test_a_small_stem_is_refused_with_what_would_work() -> None:
    with pytest.raises(ValueError, match=r"stem='small', width=32.*vision/timm:resnet18.*saf"):
        to_timm(ResNet())


def test_an_encoder_unknown_to_timm_is_refused() -> None:
    wrapped = PooledEncoder(torch.nn.Flatten(), modality="image", width=12)
    with pytest.raises(ValueError, match="PooledEncoder has no counterpart in timm"):
        to_timm(wrapped)
