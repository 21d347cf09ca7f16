"""The source of wrong tokens that a configuration names."""

from __future__ import annotations

from typing import TypeAlias

from tacit.contract import EncoderSpec
from tacit_text.objectives.corruption import (
    ClusterSource,
    ClusterTokens,
    RandomSource,
    RandomTokens,
)
from tacit_text.objectives.generator import GeneratedTokens, GeneratorSource

Corruption: TypeAlias = RandomTokens | ClusterTokens | GeneratedTokens


def build_source(
    config: Corruption, spec: EncoderSpec
) -> RandomSource | ClusterSource | GeneratorSource:
    """The source of a configuration."""
    if isinstance(config, ClusterTokens):
        return ClusterSource(config, spec)
    if isinstance(config, GeneratedTokens):
        return GeneratorSource(config, spec)
    return RandomSource(spec)
