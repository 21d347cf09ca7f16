"""Where tables come from."""

from tacit_tabular.data.anything import frame_of
from tacit_tabular.data.bags import BagFiles, BagFilesConfig, BagSource
from tacit_tabular.data.bundled import BreastCancer, BundledConfig, Diabetes, Wine
from tacit_tabular.data.drawn_bags import DrawnBags, DrawnBagsConfig
from tacit_tabular.data.files import Files, FilesConfig
from tacit_tabular.data.frames import FrameSource, infer
from tacit_tabular.data.large import Large, LargeConfig
from tacit_tabular.data.processes import DrawnConfig, DrawnProblems, Process

__all__ = [
    "BagFiles",
    "BagFilesConfig",
    "BagSource",
    "BreastCancer",
    "BundledConfig",
    "Diabetes",
    "DrawnBags",
    "DrawnBagsConfig",
    "DrawnConfig",
    "DrawnProblems",
    "Files",
    "FilesConfig",
    "FrameSource",
    "Large",
    "LargeConfig",
    "Process",
    "Wine",
    "frame_of",
    "infer",
]
