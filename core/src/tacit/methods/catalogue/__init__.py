"""The core's methods by family: papers' compositions with defaults for small scale."""

from tacit.methods.catalogue.clustering import deep_cluster, g_simclr, swav
from tacit.methods.catalogue.contrastive import (
    dcl,
    dclw,
    groco,
    isogclr,
    moco,
    moco_v3,
    nnclr,
    sogclr,
    supcon,
)
from tacit.methods.catalogue.cross_modal import clip, deep_cca, paired_vicreg, siglip, slip
from tacit.methods.catalogue.distillation import byol, dino, ibot, random_teacher, simsiam
from tacit.methods.catalogue.joint_embedding import barlow_twins, lejepa, simclr, ssl_ey, vicreg
from tacit.methods.catalogue.masked import (
    best_rq,
    cae,
    crop_mae,
    data2vec,
    dmjd,
    gmml,
    i_jepa,
    mae,
    mp3,
    selfie,
    simmim,
)
from tacit.methods.catalogue.redundancy import e2mc, mixed_barlow_twins

__all__ = [
    "barlow_twins",
    "best_rq",
    "byol",
    "cae",
    "clip",
    "crop_mae",
    "data2vec",
    "dcl",
    "dclw",
    "deep_cca",
    "deep_cluster",
    "dino",
    "dmjd",
    "e2mc",
    "g_simclr",
    "gmml",
    "groco",
    "i_jepa",
    "ibot",
    "isogclr",
    "lejepa",
    "mae",
    "mixed_barlow_twins",
    "moco",
    "moco_v3",
    "mp3",
    "nnclr",
    "paired_vicreg",
    "random_teacher",
    "selfie",
    "siglip",
    "simclr",
    "simmim",
    "simsiam",
    "slip",
    "sogclr",
    "ssl_ey",
    "supcon",
    "swav",
    "vicreg",
]
