"""The core's methods by family: papers' compositions with defaults for small scale."""

from tacit.methods.catalogue.distillation import byol, dino, ibot, random_teacher, simsiam
from tacit.methods.catalogue.joint_embedding import barlow_twins, simclr, vicreg
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

__all__ = [
    "barlow_twins",
    "best_rq",
    "byol",
    "cae",
    "crop_mae",
    "data2vec",
    "dino",
    "dmjd",
    "gmml",
    "i_jepa",
    "ibot",
    "mae",
    "mp3",
    "random_teacher",
    "selfie",
    "simclr",
    "simmim",
    "simsiam",
    "vicreg",
]
