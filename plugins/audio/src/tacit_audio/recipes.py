"""Recipes for recordings: settings that were run and measured."""

from __future__ import annotations

from tacit.methods import Recipe


def notes_clip_v1() -> Recipe:
    """CLIP on notes of instruments with their names."""
    return Recipe(
        settings={
            "method": "clip",
            "encoder": {
                "audio": {
                    "name": "audio/spectrogram-transformer",
                    "rate": 16_000,
                    "frames": 4,
                    "bands": 64,
                    "depth": 3,
                },
                "text": {"name": "text/words", "kind": "cbow", "width": 256},
            },
            "training": {"epochs": 40, "batch": 128},
        },
        measured=(
            "Philharmonia notes, 3 seeds: R@10 of 404 96.4 and 96.0; linear CCA of statistics of "
            "MFCCs 93.6 and 91.6"
        ),
    )
