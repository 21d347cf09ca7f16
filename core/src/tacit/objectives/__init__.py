"""The modality-free objectives, by family."""

from tacit.objectives.clustering import Swav, SwavConfig
from tacit.objectives.context_autoencoder import ContextAutoencoder, ContextAutoencoderConfig
from tacit.objectives.contrast import (
    Dcl,
    DclConfig,
    GroCo,
    GroCoConfig,
    SupCon,
    SupConConfig,
)
from tacit.objectives.correlation import CanonicalCorrelation, CanonicalCorrelationConfig
from tacit.objectives.cross_modal import (
    Clip,
    ClipConfig,
    CrossModal,
    CrossModalConfig,
    SigLip,
    SigLipConfig,
)
from tacit.objectives.cross_modal_global import PairedISogClr, PairedISogClrConfig
from tacit.objectives.cross_modal_redundancy import (
    DeepCca,
    DeepCcaConfig,
    PairedVicReg,
    PairedVicRegConfig,
)
from tacit.objectives.distillation import Byol, ByolConfig, SimSiam, SimSiamConfig
from tacit.objectives.entropic import (
    EffectiveEntropyConfig,
    Entropic,
    EntropicSimSiam,
    EntropicSimSiamConfig,
    EntropicVicReg,
    EntropicVicRegConfig,
)
from tacit.objectives.global_contrast import (
    ISogClr,
    ISogClrConfig,
    SogClr,
    SogClrConfig,
)
from tacit.objectives.guided import GuidedSimClr, GuidedSimClrConfig
from tacit.objectives.joint_embedding import (
    BarlowTwins,
    BarlowTwinsConfig,
    SimClr,
    SimClrConfig,
    VicReg,
    VicRegConfig,
)
from tacit.objectives.lejepa import LeJepa, LeJepaConfig
from tacit.objectives.masked_distillation import Ibot, IbotConfig
from tacit.objectives.masked_prediction import MaskedPrediction, MaskedPredictionConfig
from tacit.objectives.mixed import MixedBarlowTwins, MixedBarlowTwinsConfig
from tacit.objectives.offline_clustering import DeepCluster, DeepClusterConfig
from tacit.objectives.random_teacher import RandomTeacher, RandomTeacherConfig
from tacit.objectives.remembered import MoCo, MoCoConfig, Nnclr, NnclrConfig
from tacit.objectives.self_distillation import Dino, DinoConfig

__all__ = [
    "BarlowTwins",
    "BarlowTwinsConfig",
    "Byol",
    "ByolConfig",
    "CanonicalCorrelation",
    "CanonicalCorrelationConfig",
    "Clip",
    "ClipConfig",
    "ContextAutoencoder",
    "ContextAutoencoderConfig",
    "CrossModal",
    "CrossModalConfig",
    "Dcl",
    "DclConfig",
    "DeepCca",
    "DeepCcaConfig",
    "DeepCluster",
    "DeepClusterConfig",
    "Dino",
    "DinoConfig",
    "EffectiveEntropyConfig",
    "Entropic",
    "EntropicSimSiam",
    "EntropicSimSiamConfig",
    "EntropicVicReg",
    "EntropicVicRegConfig",
    "GroCo",
    "GroCoConfig",
    "GuidedSimClr",
    "GuidedSimClrConfig",
    "ISogClr",
    "ISogClrConfig",
    "Ibot",
    "IbotConfig",
    "LeJepa",
    "LeJepaConfig",
    "MaskedPrediction",
    "MaskedPredictionConfig",
    "MixedBarlowTwins",
    "MixedBarlowTwinsConfig",
    "MoCo",
    "MoCoConfig",
    "Nnclr",
    "NnclrConfig",
    "PairedISogClr",
    "PairedISogClrConfig",
    "PairedVicReg",
    "PairedVicRegConfig",
    "RandomTeacher",
    "RandomTeacherConfig",
    "SigLip",
    "SigLipConfig",
    "SimClr",
    "SimClrConfig",
    "SimSiam",
    "SimSiamConfig",
    "SogClr",
    "SogClrConfig",
    "SupCon",
    "SupConConfig",
    "Swav",
    "SwavConfig",
    "VicReg",
    "VicRegConfig",
]
