"""Methods: named compositions, and the learner that runs one."""

from tacit.methods.catalogue import barlow_twins, byol, mae, simclr, simmim, simsiam, vicreg
from tacit.methods.catalogue_masked import (
    best_rq,
    cae,
    crop_mae,
    data2vec,
    dmjd,
    gmml,
    i_jepa,
    mp3,
    selfie,
)
from tacit.methods.learner import Learner
from tacit.methods.method import Method, Stage
from tacit.methods.recipe import Recipe

__all__ = [
    "Learner",
    "Method",
    "Recipe",
    "Stage",
    "barlow_twins",
    "best_rq",
    "byol",
    "cae",
    "crop_mae",
    "data2vec",
    "dmjd",
    "gmml",
    "i_jepa",
    "mae",
    "mp3",
    "selfie",
    "simclr",
    "simmim",
    "simsiam",
    "vicreg",
]
