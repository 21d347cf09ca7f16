"""Sources of text."""

from tacit_text.data.docstrings import Docstrings, DocstringsConfig
from tacit_text.data.files import Files, FilesConfig
from tacit_text.data.hub import Hub, HubConfig
from tacit_text.data.memory import TextsInMemory
from tacit_text.data.packing import packed

__all__ = [
    "Docstrings",
    "DocstringsConfig",
    "Files",
    "FilesConfig",
    "Hub",
    "HubConfig",
    "TextsInMemory",
    "packed",
]
