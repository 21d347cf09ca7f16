"""Encoders of waveforms as files that transformers loads: the same answers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

if TYPE_CHECKING:
    from tacit_audio.encoders.wav2vec2 import Wav2Vec2

_NAMES = (
    ("front.layers.", "feature_extractor.conv_layers."),
    ("latent_norm.", "feature_projection.layer_norm."),
    ("project.", "feature_projection.projection."),
    ("mask_token", "masked_spec_embed"),
    ("positions.direction", "encoder.pos_conv_embed.conv.parametrizations.weight.original1"),
    ("positions.length", "encoder.pos_conv_embed.conv.parametrizations.weight.original0"),
    ("positions.bias", "encoder.pos_conv_embed.conv.bias"),
    ("norm.", "encoder.layer_norm."),
    ("blocks.", "encoder.layers."),
)
_WITHIN = (
    (".attention_norm.", ".layer_norm."),
    (".feedforward_norm.", ".final_layer_norm."),
    (".attention.leave.", ".attention.out_proj."),
    (".feedforward.0.", ".feed_forward.intermediate_dense."),
    (".feedforward.2.", ".feed_forward.output_dense."),
)


def export_wav2vec2(encoder: Wav2Vec2, directory: Path) -> None:
    """Write weights, configuration and preprocessor as `AutoModel` loads them: `Wav2Vec2Model`.

    On clips of one length its answers are the encoder's. Of padded ones, a model whose norm is
    `group` takes statistics over the padding in transformers, and not here.

    Args:
        encoder: trained or not.
        directory: made if absent.

    Raises:
        ValueError: transformers is not installed.
    """
    export_network(wav2vec2_model(encoder), _extractor(encoder), directory)


def export_network(network: Any, extractor: Any, directory: Path) -> None:
    """Write a network of transformers and its preprocessor as `AutoModel` loads them.

    Args:
        network: its weights and configuration.
        extractor: its preprocessor.
        directory: made if absent.
    """
    network.save_pretrained(str(directory))
    extractor.save_pretrained(str(directory))


def wav2vec2_model(encoder: Wav2Vec2) -> Any:
    """The encoder as transformers' `Wav2Vec2Model`, with its weights."""
    transformers = imported()
    network = transformers.Wav2Vec2Model(transformers.Wav2Vec2Config(**wav2vec2_settings(encoder)))
    network.load_state_dict(renamed(encoder.state_dict()))
    return network.eval()


def renamed(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of the encoder under the names transformers has for them."""
    found: dict[str, Tensor] = {}
    for name, weight in weights.items():
        theirs = _their_name(name)
        if ".attention.enter." in theirs:  # one map here, three there
            for part, each in zip(("q_proj", "k_proj", "v_proj"), weight.chunk(3), strict=True):
                found[theirs.replace("enter", part)] = each.clone()
        else:
            found[theirs] = weight
    return found


def imported() -> Any:
    """The library.

    Raises:
        ValueError: it is not installed.
    """
    try:
        import transformers
    except ImportError as error:
        raise ValueError(
            "transformers is not installed: pip install 'tacit-audio[transformers]'"
        ) from error
    return transformers


def _their_name(name: str) -> str:
    for ours, theirs in _NAMES:
        if name.startswith(ours):
            name = theirs + name.removeprefix(ours)
            break
    if name.startswith("feature_extractor."):
        return name.replace(".norm.", ".layer_norm.")
    for ours, theirs in _WITHIN:
        name = name.replace(ours, theirs)
    return name


def wav2vec2_settings(encoder: Wav2Vec2) -> dict[str, Any]:
    """The settings of transformers' `Wav2Vec2Config` that make the same network."""
    config = encoder.config
    off = dict.fromkeys(
        (
            "hidden_dropout",
            "attention_dropout",
            "activation_dropout",
            "feat_proj_dropout",
            "final_dropout",
            "layerdrop",
        ),
        0.0,
    )
    return {
        **off,
        "hidden_size": config.width,
        "num_hidden_layers": config.depth,
        "num_attention_heads": config.heads,
        "intermediate_size": int(config.width * config.mlp_ratio),
        "conv_dim": (config.filters,) * len(config.kernels),
        "conv_kernel": config.kernels,
        "conv_stride": config.strides,
        "num_feat_extract_layers": len(config.kernels),
        "conv_bias": config.norm == "layer",
        "feat_extract_norm": config.norm,
        "do_stable_layer_norm": config.norm_first,
        "num_conv_pos_embeddings": config.position_kernel,
        "num_conv_pos_embedding_groups": config.position_groups,
        "apply_spec_augment": False,
    }


def _extractor(encoder: Wav2Vec2) -> Any:
    config = encoder.config
    return imported().Wav2Vec2FeatureExtractor(
        sampling_rate=config.rate,
        do_normalize=config.normalise,
        return_attention_mask=config.norm == "layer",
    )
