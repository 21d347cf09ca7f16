"""The losses as pure functions of tensors, correct on one process and on many.

Sum and mean conventions under distribution are stated once, in `tacit.functional.collectives`.
"""

from tacit.functional.collectives import (
    all_reduce_sum,
    gather_rows,
    global_mean,
    global_rows,
    rank,
    world_size,
)
from tacit.functional.contrastive import Contrast, info_nce, nt_xent
from tacit.functional.distillation import (
    dino,
    masked_soft_cross_entropy,
    soft_assignment,
    soft_cross_entropy,
)
from tacit.functional.identification import contrast_within, masked_cross_entropy
from tacit.functional.pairs import Columns, Groups, Pairs
from tacit.functional.redundancy import BarlowTwins, VICReg, barlow_twins, vicreg
from tacit.functional.regression import (
    masked_l1,
    masked_mean_squared_error,
    masked_smooth_l1,
    negative_cosine,
    normalise_tokens,
    scaled_cosine_error,
)
from tacit.functional.spectrum import effective_rank, normalised_deviation

__all__ = [
    "BarlowTwins",
    "Columns",
    "Contrast",
    "Groups",
    "Pairs",
    "VICReg",
    "all_reduce_sum",
    "barlow_twins",
    "contrast_within",
    "dino",
    "effective_rank",
    "gather_rows",
    "global_mean",
    "global_rows",
    "info_nce",
    "masked_cross_entropy",
    "masked_l1",
    "masked_mean_squared_error",
    "masked_smooth_l1",
    "masked_soft_cross_entropy",
    "negative_cosine",
    "normalise_tokens",
    "normalised_deviation",
    "nt_xent",
    "rank",
    "scaled_cosine_error",
    "soft_assignment",
    "soft_cross_entropy",
    "vicreg",
    "world_size",
]
