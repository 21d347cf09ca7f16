"""Encoders as timm loads them: a folder that `timm.create_model("local-dir:...")` opens.

Source: the folder layout of timm/models/_hub.py (`save_for_hf`, `load_model_config_from_path`) of
1.0.31, read; the same files make a repository on the Hugging Face hub. timm reads such folders with
safetensors from 1.0.26 on; the card says how older ones load the weights.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor, nn

from tacit.contract import Encoder
from tacit_vision.encoders.resnet import ResNet
from tacit_vision.encoders.timm import Timm
from tacit_vision.encoders.vit import ViT
from tacit_vision.modality import Preprocessing

_PLAIN_RESNET = "resnet18"
_PLAIN_VIT = "vit_tiny_patch16_224"
_WEIGHTS, _CONFIG, _CARD = "model.safetensors", "config.json", "README.md"


@dataclass(frozen=True, kw_only=True)
class TimmForm:
    """An encoder in timm's terms.

    Args:
        architecture: a name of timm.
        arguments: what `timm.create_model` takes besides the name.
        weights: its state dict.
    """

    architecture: str
    arguments: dict[str, Any]
    weights: dict[str, Tensor]

    def create(self) -> nn.Module:
        """The network with the weights, in evaluation mode."""
        import timm

        network: nn.Module = timm.create_model(self.architecture, **self.arguments)
        network.load_state_dict(self.weights)
        return network.eval()


def to_timm(encoder: Encoder) -> TimmForm:
    """The timm network that answers, on normalised images, with the encoder's `pooled`.

    Raises:
        ValueError: timm has no such network; says why and what to do.
    """
    if isinstance(encoder, Timm):
        return _from_timm(encoder)
    if isinstance(encoder, ViT):
        return _from_vit(encoder)
    if isinstance(encoder, ResNet):
        return _from_resnet(encoder)
    raise _refusal(f"{type(encoder).__name__} has no counterpart in timm")


def export_timm(encoder: Encoder, directory: Path) -> None:
    """Write weights, configuration and a card that says how to load them.

    Args:
        encoder: ViT, ResNet (if timm has its like) or Timm.
        directory: made if absent; files of an earlier export there are overwritten.

    Raises:
        ValueError: timm has no such network.
    """
    form, preprocessing = to_timm(encoder), encoder.spec.preprocessing
    assert isinstance(preprocessing, Preprocessing)
    network = form.create()
    directory.mkdir(parents=True, exist_ok=True)
    weights = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    save_file(weights, directory / _WEIGHTS, metadata={"format": "pt"})
    config = _config(form, network, preprocessing)
    (directory / _CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    (directory / _CARD).write_text(_card(form, directory), encoding="utf-8")


def _from_timm(encoder: Timm) -> TimmForm:
    name = encoder.config.model
    if ":" in name:
        raise _refusal(f"the architecture of {name!r} is described in its own folder only")
    arguments: dict[str, Any] = {"in_chans": encoder.config.channels, "num_classes": 0}
    preprocessing = encoder.spec.preprocessing
    assert isinstance(preprocessing, Preprocessing)
    if encoder.network.pretrained_cfg.get("fixed_input_size") and preprocessing.size is not None:
        arguments["img_size"] = list(preprocessing.size)
    return TimmForm(
        architecture=name.partition(".")[0],
        arguments=arguments,
        weights=dict(encoder.network.state_dict()),
    )


def _from_vit(encoder: ViT) -> TimmForm:
    config, by_class = encoder.config, encoder.cls_token is not None
    arguments = {
        "img_size": config.size,
        "patch_size": config.patch,
        "embed_dim": config.width,
        "depth": config.depth,
        "num_heads": config.heads,
        "mlp_ratio": config.mlp_ratio,
        "in_chans": config.channels,
        "num_classes": 0,
        "class_token": by_class,
        "global_pool": "token" if by_class else "avg",
        "pos_embed": "none" if encoder.pos_embed is None else "learn",
        "no_embed_class": True,
        "fc_norm": False,
    }
    weights = {n: w for n, w in encoder.state_dict().items() if n != "mask_token"}
    return TimmForm(architecture=_PLAIN_VIT, arguments=arguments, weights=weights)


def _from_resnet(encoder: ResNet) -> TimmForm:
    config = encoder.config
    if config.stem != "large" or config.width != 64 or len(config.blocks) != 4:
        raise _refusal(
            "its residual networks begin with a 7x7 convolution of 64 channels and have 4 stages; "
            f"this one has stem={config.stem!r}, width={config.width} and {len(config.blocks)} "
            "stages: pretrain vision/timm:resnet18 instead"
        )
    arguments = {
        "layers": list(config.blocks),
        "in_chans": config.channels,
        "num_classes": 0,
    }
    weights = dict(encoder.state_dict())
    return TimmForm(architecture=_PLAIN_RESNET, arguments=arguments, weights=weights)


def _refusal(reason: str) -> ValueError:
    return ValueError(f"export to timm: {reason}; or export with --format safetensors")


def _config(form: TimmForm, network: Any, preprocessing: Preprocessing) -> dict[str, Any]:
    """The configuration file, in timm's layout."""
    known, channels = network.pretrained_cfg, preprocessing.channels
    size = preprocessing.size or known["input_size"][-2:]
    return {
        "architecture": form.architecture,
        "num_classes": 0,
        "num_features": network.num_features,
        "global_pool": network.global_pool if isinstance(network.global_pool, str) else "avg",
        "model_args": form.arguments,
        "pretrained_cfg": {
            "num_classes": 0,
            "custom_load": False,  # the weights are torch's, whatever the architecture's own were
            "input_size": [channels, *size],
            "fixed_input_size": bool(known.get("fixed_input_size")),
            "pool_size": None,
            "crop_pct": 1.0,  # the whole image, as when it was evaluated here
            "interpolation": "bicubic",
            "mean": _all_channels(preprocessing.mean, channels),
            "std": _all_channels(preprocessing.std, channels),
            "first_conv": known.get("first_conv"),
            "classifier": known.get("classifier"),
        },
    }


def _all_channels(numbers: tuple[float, ...], channels: int) -> list[float]:
    return list(numbers) if len(numbers) == channels else [numbers[0]] * channels


def _card(form: TimmForm, directory: Path) -> str:
    arguments = ", ".join(f"{name}={value!r}" for name, value in form.arguments.items())
    return f"""---
library_name: timm
---
# {directory.name}

An encoder pretrained without labels, as a `{form.architecture}` of timm. It takes normalised
images and returns one vector for each.

```python
import timm

model = timm.create_model("local-dir:{directory.name}", pretrained=True).eval()
transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model))
```

With a timm older than 1.0.26, from the weights alone:

```python
model = timm.create_model(
    "{form.architecture}",
    {arguments},
    pretrained=True,
    pretrained_cfg_overlay=dict(
        file="{directory.name}/{_WEIGHTS}", custom_load=False, num_classes=0
    ),
)
```
"""
