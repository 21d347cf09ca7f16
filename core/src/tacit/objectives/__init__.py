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
from tacit.objectives.masked_prediction import MaskedPrediction, MaskedPredictionConfig

__all__ = [
    "BarlowTwins",
    "BarlowTwinsConfig",
    "Byol",
    "ByolConfig",
    "ContextAutoencoder",
    "ContextAutoencoderConfig",
    "MaskedPrediction",
    "MaskedPredictionConfig",
    "SimClr",
    "SimClrConfig",
    "SimSiam",
    "SimSiamConfig",
    "VicReg",
    "VicRegConfig",
]
