"""The losses as pure functions of tensors, correct on one process and on many.

Sum and mean conventions under distribution are stated once, in `tacit.functional.collectives`.
"""

from tacit.functional.across import Across, sigmoid_contrast, symmetric_contrast
from tacit.functional.assignment import sinkhorn
from tacit.functional.collectives import (
    all_reduce_sum,
    from_first,
    gather_rows,
    global_mean,
    global_rows,
    rank,
    world_size,
)
from tacit.functional.contrastive import Contrast, info_nce, nt_xent
from tacit.functional.correlation import EckartYoung, eckart_young
from tacit.functional.decoupled import dcl, von_mises_fisher_weights
from tacit.functional.distillation import (
    dino,
    masked_soft_cross_entropy,
    soft_assignment,
    soft_cross_entropy,
)
from tacit.functional.entropy import EffectiveEntropy, effective_entropy, marginal_entropy
from tacit.functional.gaussianity import sigreg
from tacit.functional.global_across import global_contrast_across
from tacit.functional.global_contrast import GlobalContrast, global_contrast
from tacit.functional.group_ordering import group_ordering
from tacit.functional.identification import (
    contrast_within,
    draw_within,
    masked_cross_entropy,
)
from tacit.functional.jacobian import jacobian_norm
from tacit.functional.min_norm import min_norm
from tacit.functional.pairs import Columns, Groups, Pairs
from tacit.functional.quantisation import CodeDiversity, code_diversity
from tacit.functional.redundancy import (
    BarlowTwins,
    MixedBarlowTwins,
    VICReg,
    barlow_twins,
    mixed_barlow_twins,
    variance_hinge,
    vicreg,
)
from tacit.functional.regression import (
    masked_l1,
    masked_mean_squared_error,
    masked_smooth_l1,
    negative_cosine,
    normalise_tokens,
    scaled_cosine_error,
)
from tacit.functional.remembered import (
    momentum_contrast,
    nearest_neighbours,
    neighbour_contrast,
)
from tacit.functional.sorting import soft_ranks
from tacit.functional.spectrum import effective_rank, normalised_deviation
from tacit.functional.supervised_contrast import supervised_contrast
from tacit.functional.triplets import Mined, Triplets, mine_triplets, triplet_margin

__all__ = [
    "Across",
    "BarlowTwins",
    "CodeDiversity",
    "Columns",
    "Contrast",
    "EckartYoung",
    "EffectiveEntropy",
    "GlobalContrast",
    "Groups",
    "Mined",
    "MixedBarlowTwins",
    "Pairs",
    "Triplets",
    "VICReg",
    "all_reduce_sum",
    "barlow_twins",
    "code_diversity",
    "contrast_within",
    "dcl",
    "dino",
    "draw_within",
    "eckart_young",
    "effective_entropy",
    "effective_rank",
    "from_first",
    "gather_rows",
    "global_contrast",
    "global_contrast_across",
    "global_mean",
    "global_rows",
    "group_ordering",
    "info_nce",
    "jacobian_norm",
    "marginal_entropy",
    "masked_cross_entropy",
    "masked_l1",
    "masked_mean_squared_error",
    "masked_smooth_l1",
    "masked_soft_cross_entropy",
    "min_norm",
    "mine_triplets",
    "mixed_barlow_twins",
    "momentum_contrast",
    "nearest_neighbours",
    "negative_cosine",
    "neighbour_contrast",
    "normalise_tokens",
    "normalised_deviation",
    "nt_xent",
    "rank",
    "scaled_cosine_error",
    "sigmoid_contrast",
    "sigreg",
    "sinkhorn",
    "soft_assignment",
    "soft_cross_entropy",
    "soft_ranks",
    "supervised_contrast",
    "symmetric_contrast",
    "triplet_margin",
    "variance_hinge",
    "vicreg",
    "von_mises_fisher_weights",
    "world_size",
]
