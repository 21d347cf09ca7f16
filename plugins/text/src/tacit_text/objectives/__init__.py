"""Objectives that know of vocabularies: tokens replaced, and found out."""

from tacit_text.objectives.corruption import (
    ClusterTokens,
    Corruption,
    GeneratedTokens,
    RandomTokens,
)
from tacit_text.objectives.denoising import Denoising, DenoisingConfig
from tacit_text.objectives.detection import TokenSwap, TokenSwapConfig

__all__ = [
    "ClusterTokens",
    "Corruption",
    "Denoising",
    "DenoisingConfig",
    "GeneratedTokens",
    "RandomTokens",
    "TokenSwap",
    "TokenSwapConfig",
]
