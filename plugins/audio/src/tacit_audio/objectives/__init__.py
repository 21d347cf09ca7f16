"""Objectives that know what a recording is; all others are the core's."""

from tacit_audio.objectives.codec import CodecTarget
from tacit_audio.objectives.mert import Mert, MertConfig

__all__ = ["CodecTarget", "Mert", "MertConfig"]
