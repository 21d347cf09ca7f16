"""Methods: named compositions, and the learner that runs one."""

from tacit.methods.catalogue import barlow_twins, byol, mae, simclr, simmim, simsiam, vicreg
from tacit.methods.catalogue_distillation import dino, ibot, random_teacher
from tacit.methods.learner import Learner
from tacit.methods.method import Method, Stage
from tacit.methods.recipe import Recipe

__all__ = [
    "Learner",
    "Method",
    "Recipe",
    "Stage",
    "barlow_twins",
    "byol",
    "dino",
    "ibot",
    "mae",
    "random_teacher",
    "simclr",
    "simmim",
    "simsiam",
    "vicreg",
]
