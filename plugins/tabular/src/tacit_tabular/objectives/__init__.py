"""Objectives of tables alone."""

from tacit_tabular.objectives.vime import Vime, VimeConfig

__all__ = ["Vime", "VimeConfig"]
