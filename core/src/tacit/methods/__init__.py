"""Methods: named compositions, and the learner that runs one."""

from tacit.methods.catalogue import (
    barlow_twins,
    best_rq,
    byol,
    cae,
    crop_mae,
    data2vec,
    dino,
    dmjd,
    gmml,
    i_jepa,
    ibot,
    mae,
    mp3,
    random_teacher,
    selfie,
    simclr,
    simmim,
    simsiam,
    vicreg,
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
