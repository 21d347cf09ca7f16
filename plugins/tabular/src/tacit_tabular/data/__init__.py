"""Where tables come from."""

from tacit_tabular.data.anything import frame_of
from tacit_tabular.data.bundled import BreastCancer, BundledConfig, Diabetes, Wine
from tacit_tabular.data.files import Files, FilesConfig
from tacit_tabular.data.frames import FrameSource, infer

__all__ = [
    "BreastCancer",
    "BundledConfig",
    "Diabetes",
    "Files",
    "FilesConfig",
    "FrameSource",
    "Wine",
    "frame_of",
    "infer",
]
