"""Objectives of tables alone."""

from tacit_tabular.objectives.pfn import Pfn, PfnConfig
from tacit_tabular.objectives.vime import Vime, VimeConfig

__all__ = ["Pfn", "PfnConfig", "Vime", "VimeConfig"]
