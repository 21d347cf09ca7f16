"""Methods: named compositions, and the learner that runs one."""

from tacit.methods.catalogue import barlow_twins, byol, mae, simclr, simmim, simsiam, vicreg
from tacit.methods.learner import Learner
from tacit.methods.method import Method, Stage

__all__ = [
    "Learner",
    "Method",
    "Stage",
    "barlow_twins",
    "byol",
    "mae",
    "simclr",
    "simmim",
    "simsiam",
    "vicreg",
]
