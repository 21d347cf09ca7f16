"""Encoders as files that others load."""

from __future__ import annotations

import json
from pathlib import Path

from safetensors.torch import save_file

from tacit.api.plan import Plan
from tacit.config import write
from tacit.contract import Encoder


def export_encoder(
    plan: Plan, modality: str, encoder: Encoder, directory: Path, *, format: str = "safetensors"
) -> Path:
    """Write an encoder in a format of the ecosystem.

    Args:
        plan: the run's parts, for the description beside the weights.
        modality: which encoder.
        encoder: with its trained weights.
        directory: where to write; made if missing, must be empty.
        format: `safetensors` for weights and a description, or a format of the encoder's own.

    Returns:
        The directory.

    Raises:
        ValueError: a format the encoder cannot be written in, or a directory that holds files.
    """
    writers = encoder.exports()
    known = ["safetensors", *writers]
    if format not in known:
        raise ValueError(
            f"format: {type(encoder).__name__} can be written as {', '.join(known)}; got {format!r}"
        )
    if directory.is_dir() and any(directory.iterdir()):
        raise ValueError(f"{directory}: holds files already; choose an empty or a new directory")
    directory.mkdir(parents=True, exist_ok=True)
    encoder = encoder.cpu().eval()
    if format != "safetensors":
        writers[format](directory)
        return directory
    weights = {name: value.detach().contiguous() for name, value in encoder.state_dict().items()}
    save_file(weights, directory / "model.safetensors")
    chosen = plan.encoders[modality].component()
    description = {
        "encoder": chosen.name,
        "options": _plain(chosen.options),
        "modality": modality,
        "width": encoder.spec.width,
        "tokens": encoder.spec.tokens,
        "preprocessing": _preprocessing(encoder),
        "method": plan.method.name,
        "source": plan.method.source,
    }
    (directory / "config.json").write_text(json.dumps(description, indent=2) + "\n")
    return directory


def _plain(options: object) -> object:
    return json.loads(json.dumps(options))


def _preprocessing(encoder: Encoder) -> object:
    value = encoder.spec.preprocessing
    return None if value is None else _plain(write(value))
