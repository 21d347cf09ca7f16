"""The modality-free objectives, by family."""

from tacit.objectives.context_autoencoder import ContextAutoencoder, ContextAutoencoderConfig
from tacit.objectives.distillation import Byol, ByolConfig, SimSiam, SimSiamConfig
from tacit.objectives.joint_embedding import (
    BarlowTwins,
    BarlowTwinsConfig,
    SimClr,
    SimClrConfig,
    VicReg,
    VicRegConfig,
)
from tacit.objectives.masked_distillation import Ibot, IbotConfig
from tacit.objectives.masked_prediction import MaskedPrediction, MaskedPredictionConfig
from tacit.objectives.random_teacher import RandomTeacher, RandomTeacherConfig
from tacit.objectives.self_distillation import Dino, DinoConfig

__all__ = [
    "BarlowTwins",
    "BarlowTwinsConfig",
    "Byol",
    "ByolConfig",
    "ContextAutoencoder",
    "ContextAutoencoderConfig",
    "Dino",
    "DinoConfig",
    "Ibot",
    "IbotConfig",
    "MaskedPrediction",
    "MaskedPredictionConfig",
    "RandomTeacher",
    "RandomTeacherConfig",
    "SimClr",
    "SimClrConfig",
    "SimSiam",
    "SimSiamConfig",
    "VicReg",
    "VicRegConfig",
]
