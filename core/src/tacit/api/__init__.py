"""The Python interface: pretrain, load, embed, evaluate, export."""

from tacit.api.config import Plugins, RunConfig
from tacit.api.run import Run, load, pretrain

__all__ = ["Plugins", "Run", "RunConfig", "load", "pretrain"]
