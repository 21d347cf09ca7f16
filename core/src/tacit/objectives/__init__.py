"""The modality-free objectives, by family."""

from tacit.objectives.adversarial import BiGan, BiGanConfig
from tacit.objectives.autoencoder import (
    Autoencoder,
    AutoencoderConfig,
    Contractive,
    Denoising,
)
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
from tacit.objectives.equivariant import SplitEquivariant, SplitEquivariantConfig
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
from tacit.objectives.labelled import (
    JointPretext,
    JointPretextConfig,
    Labelled,
    LabelledConfig,
)
from tacit.objectives.lejepa import LeJepa, LeJepaConfig
from tacit.objectives.masked_across import MaskedAcross, MaskedAcrossConfig
from tacit.objectives.masked_clip import MaskedClip, MaskedClipConfig
from tacit.objectives.masked_distillation import Ibot, IbotConfig
from tacit.objectives.masked_prediction import MaskedPrediction
from tacit.objectives.masked_settings import MaskedPredictionConfig
from tacit.objectives.mined_triplets import MinedTriplets, MinedTripletsConfig
from tacit.objectives.mixed import MixedBarlowTwins, MixedBarlowTwinsConfig
from tacit.objectives.mutual_information import CMim, CMimConfig
from tacit.objectives.offline_clustering import DeepCluster, DeepClusterConfig
from tacit.objectives.pretext import Pretext, PretextConfig
from tacit.objectives.random_teacher import RandomTeacher, RandomTeacherConfig
from tacit.objectives.remembered import MoCo, MoCoConfig, Nnclr, NnclrConfig
from tacit.objectives.self_distillation import Dino, DinoConfig
from tacit.objectives.several import Several
from tacit.objectives.sit import Sit, SitConfig
from tacit.objectives.tokenizer_distillation import (
    TokenizerDistillation,
    TokenizerDistillationConfig,
)

__all__ = [
    "Autoencoder",
    "AutoencoderConfig",
    "BarlowTwins",
    "BarlowTwinsConfig",
    "BiGan",
    "BiGanConfig",
    "Byol",
    "ByolConfig",
    "CMim",
    "CMimConfig",
    "CanonicalCorrelation",
    "CanonicalCorrelationConfig",
    "Clip",
    "ClipConfig",
    "ContextAutoencoder",
    "ContextAutoencoderConfig",
    "Contractive",
    "CrossModal",
    "CrossModalConfig",
    "Dcl",
    "DclConfig",
    "DeepCca",
    "DeepCcaConfig",
    "DeepCluster",
    "DeepClusterConfig",
    "Denoising",
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
    "JointPretext",
    "JointPretextConfig",
    "Labelled",
    "LabelledConfig",
    "LeJepa",
    "LeJepaConfig",
    "MaskedAcross",
    "MaskedAcrossConfig",
    "MaskedClip",
    "MaskedClipConfig",
    "MaskedPrediction",
    "MaskedPredictionConfig",
    "MinedTriplets",
    "MinedTripletsConfig",
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
    "Pretext",
    "PretextConfig",
    "RandomTeacher",
    "RandomTeacherConfig",
    "Several",
    "SigLip",
    "SigLipConfig",
    "SimClr",
    "SimClrConfig",
    "SimSiam",
    "SimSiamConfig",
    "Sit",
    "SitConfig",
    "SogClr",
    "SogClrConfig",
    "SplitEquivariant",
    "SplitEquivariantConfig",
    "SupCon",
    "SupConConfig",
    "Swav",
    "SwavConfig",
    "TokenizerDistillation",
    "TokenizerDistillationConfig",
    "VicReg",
    "VicRegConfig",
]
