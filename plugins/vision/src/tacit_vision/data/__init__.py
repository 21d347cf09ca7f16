"""Where images come from. Every source answers with uint8 images, all of one shape."""

from tacit_vision.data.digits import Digits, DigitsConfig
from tacit_vision.data.folder import Folder, FolderConfig
from tacit_vision.data.hub import Hub, HubConfig
from tacit_vision.data.images import Cache, Images, ReadConfig
from tacit_vision.data.memory import ImagesInMemory
from tacit_vision.data.parquet import Parquet, ParquetConfig
from tacit_vision.data.scenes import DigitScenes, DigitScenesConfig
from tacit_vision.data.table import ColumnConfig

__all__ = [
    "Cache",
    "ColumnConfig",
    "DigitScenes",
    "DigitScenesConfig",
    "Digits",
    "DigitsConfig",
    "Folder",
    "FolderConfig",
    "Hub",
    "HubConfig",
    "Images",
    "ImagesInMemory",
    "Parquet",
    "ParquetConfig",
    "ReadConfig",
]
