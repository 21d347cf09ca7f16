"""Where recordings come from. Every source answers with `tacit_audio.sound.Sound`."""

from tacit_audio.data.clips import Cache, Clips, ReadConfig
from tacit_audio.data.folder import Folder, FolderConfig
from tacit_audio.data.hub import Hub, HubConfig
from tacit_audio.data.manifest import Manifest, ManifestConfig
from tacit_audio.data.memory import SoundsInMemory
from tacit_audio.data.notes import Notes, NotesConfig
from tacit_audio.data.parquet import Parquet, ParquetConfig

__all__ = [
    "Cache",
    "Clips",
    "Folder",
    "FolderConfig",
    "Hub",
    "HubConfig",
    "Manifest",
    "ManifestConfig",
    "Notes",
    "NotesConfig",
    "Parquet",
    "ParquetConfig",
    "ReadConfig",
    "SoundsInMemory",
]
