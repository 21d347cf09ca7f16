"""Where tables come from."""

from tacit_tabular.data.bundled import BreastCancer, BundledConfig, Diabetes, Wine
from tacit_tabular.data.frames import FrameSource, infer

__all__ = ["BreastCancer", "BundledConfig", "Diabetes", "FrameSource", "Wine", "infer"]
