"""Objectives that know of vocabularies: tokens replaced, and found out."""

from tacit_text.objectives.corruption import ClusterTokens, RandomTokens
from tacit_text.objectives.courses import Courses, CoursesConfig
from tacit_text.objectives.denoising import Denoising, DenoisingConfig
from tacit_text.objectives.detection import TokenSwap, TokenSwapConfig
from tacit_text.objectives.encoding import EncoderTasks, EncoderTasksConfig
from tacit_text.objectives.generator import GeneratedTokens
from tacit_text.objectives.sources import Corruption

__all__ = [
    "ClusterTokens",
    "Corruption",
    "Courses",
    "CoursesConfig",
    "Denoising",
    "DenoisingConfig",
    "EncoderTasks",
    "EncoderTasksConfig",
    "GeneratedTokens",
    "RandomTokens",
    "TokenSwap",
    "TokenSwapConfig",
]
