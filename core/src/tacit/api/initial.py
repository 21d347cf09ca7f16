"""Encoders that begin where those of another run ended."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from safetensors.torch import load_file

from tacit.api.folder import RunFolder
from tacit.contract import Encoder


def load_initial(encoders: Mapping[str, Encoder], initial: Mapping[str, str]) -> None:
    """Give encoders the trained weights of other runs.

    Args:
        encoders: by modality, changed in place.
        initial: by modality, the folder of a finished run.

    Raises:
        ValueError: a modality the run does not have, a folder without that encoder, or one of
            another configuration.
    """
    for modality, path in initial.items():
        if modality not in encoders:
            known = ", ".join(encoders)
            raise ValueError(f"initial: wanted some of {known}; got {modality!r}")
        file = RunFolder(Path(path)).encoder(modality)
        if not file.is_file():
            raise ValueError(
                f"initial.{modality}: {path} holds no trained encoder of {modality}: give the "
                "folder of a finished run"
            )
        try:
            encoders[modality].load_state_dict(load_file(file))
        except RuntimeError as error:
            raise ValueError(
                f"initial.{modality}: the encoder of {path} is of another configuration: copy "
                f"[encoder.{modality}] of its run.toml ({str(error).splitlines()[1].strip()})"
            ) from error
