"""Views of rows."""

from tacit_tabular.views.corruption import CorruptionConfig, Masked, MaskedConfig, TwoViews

__all__ = ["CorruptionConfig", "Masked", "MaskedConfig", "TwoViews"]
