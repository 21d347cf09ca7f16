"""The methods of the core; each runs on every modality that supplies what it requires."""

from __future__ import annotations

from tacit.offers.cross_modal import CROSS_MODAL
from tacit.plugin import Offer

JOINT_EMBEDDING = (
    Offer(
        name="simclr",
        target="tacit.methods:simclr",
        summary="Two views of an instance attract, those of other instances repel",
        requires=("views:two-views",),
        source="Chen et al. 2020, arXiv:2002.05709",
    ),
    Offer(
        name="barlow-twins",
        target="tacit.methods:barlow_twins",
        summary="Cross-correlation of two views' embeddings made the identity",
        requires=("views:two-views",),
        source="Zbontar et al. 2021, arXiv:2103.03230",
    ),
    Offer(
        name="vicreg",
        target="tacit.methods:vicreg",
        summary="Invariance between two views, variance kept up, covariance kept down",
        requires=("views:two-views",),
        source="Bardes et al. 2022, arXiv:2105.04906",
    ),
    Offer(
        name="ssl-ey",
        target="tacit.methods:ssl_ey",
        summary="Deep CCA of the views, by the unconstrained loss of Eckart and Young",
        requires=("views:two-views",),
        source="Chapman et al. 2024, arXiv:2310.01012",
    ),
    Offer(
        name="lejepa",
        target="tacit.methods:lejepa",
        summary="Views meet at their centre in an embedding kept an isotropic Gaussian",
        requires=("views:two-views",),
        source="Balestriero and LeCun 2025, arXiv:2511.08544",
    ),
    Offer(
        name="mixed-barlow-twins",
        target="tacit.methods:mixed_barlow_twins",
        summary="Barlow Twins, and mixed instances embedded where the mixture of two lies",
        requires=("views:two-views", "mix"),
        source="Bandara et al. 2023, arXiv:2312.02151",
    ),
    Offer(
        name="e2mc",
        target="tacit.methods:e2mc",
        summary="VICReg, continued for a few epochs with the embedding's effective entropy raised",
        requires=("views:two-views",),
        source="Chakraborty et al. 2024, arXiv:2411.15931",
    ),
)
"""Views of one instance agree, and something keeps instances apart."""

CONTRASTIVE = (
    Offer(
        name="moco",
        target="tacit.methods:moco",
        summary="A moving-average teacher's key of the other view is found among past keys",
        requires=("views:two-views", "teacher"),
        source="He et al. 2020, arXiv:1911.05722",
    ),
    Offer(
        name="moco-v3",
        target="tacit.methods:moco_v3",
        summary="A moving-average teacher's key of the other view is found among the batch's",
        requires=("views:two-views", "teacher"),
        source="Chen et al. 2021, arXiv:2104.02057",
    ),
    Offer(
        name="nnclr",
        target="tacit.methods:nnclr",
        summary="The nearest past neighbour of one view is a positive of the other view",
        requires=("views:two-views",),
        source="Dwibedi et al. 2021, arXiv:2104.14548",
    ),
    Offer(
        name="dcl",
        target="tacit.methods:dcl",
        summary="SimCLR whose positive pair is left out of the denominator",
        requires=("views:two-views",),
        source="Yeh et al. 2022, arXiv:2110.06848",
    ),
    Offer(
        name="dclw",
        target="tacit.methods:dclw",
        summary="DCL in which unlike positive pairs pull more",
        requires=("views:two-views",),
        source="Yeh et al. 2022, arXiv:2110.06848",
    ),
    Offer(
        name="sogclr",
        target="tacit.methods:sogclr",
        summary="Contrast with all of the data in small batches, by a running average per instance",
        requires=("views:two-views", "instances"),
        source="Yuan et al. 2022, arXiv:2202.12387",
    ),
    Offer(
        name="isogclr",
        target="tacit.methods:isogclr",
        summary="SogCLR with a learnt temperature for each instance",
        requires=("views:two-views", "instances"),
        source="Qiu et al. 2023, arXiv:2305.11965",
    ),
    Offer(
        name="groco",
        target="tacit.methods:groco",
        summary="Views are sorted before the nearest other instances, by a differentiable network",
        requires=("views:two-views",),
        source="Shvetsova et al. 2023, arXiv:2301.02009",
    ),
    Offer(
        name="supcon",
        target="tacit.methods:supcon",
        summary="Instances of one group attract, all others repel",
        requires=("views:two-views", "groups"),
        source="Khosla et al. 2020, arXiv:2004.11362",
    ),
)
"""An instance's views are found among others: past ones, grouped ones, all of the data."""

DISTILLATION = (
    Offer(
        name="byol",
        target="tacit.methods:byol",
        summary="One view predicts a moving-average teacher's embedding of the other",
        requires=("views:two-views", "teacher"),
        source="Grill et al. 2020, arXiv:2006.07733",
    ),
    Offer(
        name="simsiam",
        target="tacit.methods:simsiam",
        summary="One view predicts the other, with a stop-gradient and no teacher",
        requires=("views:two-views",),
        source="Chen and He 2021, arXiv:2011.10566",
    ),
    Offer(
        name="dino",
        target="tacit.methods:dino",
        summary="Views and their parts assigned to prototypes as an averaged teacher does",
        requires=("views:multi-crop", "teacher"),
        source="Caron et al. 2021, arXiv:2104.14294",
    ),
    Offer(
        name="ibot",
        target="tacit.methods:ibot",
        summary="DINO on masked views, and a teacher's assignment of every hidden token",
        requires=("views:two-views", "teacher", "tokens", "mask:replace"),
        source="Zhou et al. 2022, arXiv:2111.07832",
    ),
    Offer(
        name="random-teacher",
        target="tacit.methods:random_teacher",
        summary="A student distilled into a teacher that was never trained",
        requires=("views:masked", "teacher"),
        source="Sarnthein et al. 2023, arXiv:2302.12091",
    ),
)
"""A teacher's answer, or the other view's, is predicted."""

CLUSTERING = (
    Offer(
        name="swav",
        target="tacit.methods:swav",
        summary="Views predict each other's prototypes, assigned in equal shares of the batch",
        requires=("views:multi-crop",),
        source="Caron et al. 2020, arXiv:2006.09882",
    ),
    Offer(
        name="deep-cluster",
        target="tacit.methods:deep_cluster",
        summary="Views predict their instance's cluster, found anew each epoch by k-means",
        requires=("views:two-views", "instances"),
        source="Caron et al. 2020, arXiv:2006.09882 (DeepCluster-v2)",
    ),
    Offer(
        name="g-simclr",
        target="tacit.methods:g_simclr",
        summary="SimCLR whose batches hold one instance of a cluster, by an encoder trained before",
        requires=("views:two-views", "teacher", "instances"),
        source="Chakraborty et al. 2020, arXiv:2009.12007",
    ),
)
"""Views of one instance belong to the same prototypes."""

MASKED = (
    Offer(
        name="mae",
        target="tacit.methods:mae",
        summary="Tokens dropped before the encoder are reconstructed from the rest",
        requires=("views:masked", "tokens:dense", "targets", "mask:drop"),
        source="He et al. 2022, arXiv:2111.06377",
    ),
    Offer(
        name="simmim",
        target="tacit.methods:simmim",
        summary="Tokens replaced by a learned one are reconstructed by a linear head",
        requires=("views:masked", "tokens", "targets", "mask:replace"),
        source="Xie et al. 2022, arXiv:2111.09886",
    ),
    Offer(
        name="gmml",
        target="tacit.methods:gmml",
        summary="Neighbouring tokens, replaced by those of another instance, are recovered",
        requires=("views:masked", "tokens", "targets", "mask:replace"),
        source="Atito et al. 2022, arXiv:2205.14986",
    ),
    Offer(
        name="dmjd",
        target="tacit.methods:dmjd",
        summary="Disjoint masks of one view, so that every token is predicted at least once",
        requires=("views:masked", "tokens:dense", "targets", "mask:drop"),
        source="Ma et al. 2023, arXiv:2301.00230",
    ),
    Offer(
        name="crop-mae",
        target="tacit.methods:crop_mae",
        summary="A part of an instance is reconstructed with the whole in sight",
        requires=("views:whole-and-part", "tokens:dense", "targets", "mask:drop"),
        source="Eymael et al. 2024, arXiv:2403.17823",
    ),
    Offer(
        name="cae",
        target="tacit.methods:cae",
        summary="Latents of hidden tokens are predicted, and their content from those alone",
        requires=("views:masked", "tokens:dense", "tokens:grid", "targets", "mask:drop"),
        source="Chen et al. 2022, arXiv:2202.03026",
    ),
    Offer(
        name="selfie",
        target="tacit.methods:selfie",
        summary="Each hidden place picks its token among the hidden ones of the instance",
        requires=("views:masked", "tokens:dense", "mask:drop"),
        source="Trinh et al. 2019, arXiv:1906.02940",
    ),
    Offer(
        name="mp3",
        target="tacit.methods:mp3",
        summary="Where tokens lie is predicted from what they hold, with few to look at",
        requires=("views:masked", "tokens:dense", "tokens:grid", "positions:none", "mask:query"),
        source="Zhai et al. 2022, arXiv:2207.07611",
    ),
    Offer(
        name="best-rq",
        target="tacit.methods:best_rq",
        summary="Hidden tokens are predicted as codes of a projection that is never trained",
        requires=("views:masked", "tokens", "targets", "mask:replace"),
        source="Chiu et al. 2022, arXiv:2202.01855",
    ),
    Offer(
        name="i-jepa",
        target="tacit.methods:i_jepa",
        summary="A moving-average teacher's latents of blocks are predicted from the rest",
        requires=("views:masked", "tokens:dense", "mask:drop", "teacher"),
        source="Assran et al. 2023, arXiv:2301.08243",
    ),
    Offer(
        name="data2vec",
        target="tacit.methods:data2vec",
        summary="A moving-average teacher's averaged layers are predicted at replaced tokens",
        requires=("views:masked", "tokens:dense", "taps", "mask:replace", "teacher"),
        source="Baevski et al. 2022, arXiv:2202.03555",
    ),
)
"""What was hidden is predicted."""

PRETEXT = (
    Offer(
        name="rotnet",
        target="tacit.methods:rotnet",
        summary="Which of several known changes was made to a view is told from its embedding",
        requires=("views:transformed",),
        source="Gidaris et al. 2018, arXiv:1803.07728",
    ),
    Offer(
        name="jigsaw",
        target="tacit.methods:jigsaw",
        summary="In which of several orders the pieces of a view are is told from its embedding",
        requires=("views:reordered",),
        source="Carlucci et al. 2019, arXiv:1903.06864",
    ),
    Offer(
        name="sit",
        target="tacit.methods:sit",
        summary="A corrupted view is recovered, told how it was changed, and finds its other view",
        requires=("views:transformed", "tokens", "targets", "mask:replace"),
        source="Atito et al. 2021, arXiv:2104.03602",
    ),
    Offer(
        name="sie",
        target="tacit.methods:sie",
        summary="Half of the features agree between views, half are steered by what relates them",
        requires=("views:related",),
        source="Garrido et al. 2023, arXiv:2302.10283",
    ),
)
"""What was done to a view is told, or steered by."""

GENERATIVE = (
    Offer(
        name="dae",
        target="tacit.methods:dae",
        summary="An instance is reconstructed from one vector of a noisy copy",
        requires=("views:noisy", "tokens:dense", "tokens:grid", "targets"),
        source="Alain and Bengio 2014, arXiv:1211.4246",
    ),
    Offer(
        name="rcae",
        target="tacit.methods:rcae",
        summary="An instance is reconstructed from one vector, with as little change as can be",
        requires=("views:noisy", "tokens:dense", "tokens:grid", "targets"),
        source="Alain and Bengio 2014, arXiv:1211.4246",
    ),
    Offer(
        name="bigan",
        target="tacit.methods:bigan",
        summary="Encoder and generator invert each other, as a critic tells their pairs apart",
        requires=("views:masked", "tokens:dense", "tokens:grid", "targets"),
        source="Donahue et al. 2017, arXiv:1605.09782",
    ),
    Offer(
        name="cmim",
        target="tacit.methods:cmim",
        summary="An autoencoder of certain codes that are told apart, without a second view",
        requires=("views:masked", "tokens:dense", "tokens:grid", "targets"),
        source="Livne 2025, arXiv:2502.19642",
    ),
)
"""Whole instances are reconstructed or generated."""

METHODS = (
    *JOINT_EMBEDDING,
    *CONTRASTIVE,
    *DISTILLATION,
    *CLUSTERING,
    *MASKED,
    *PRETEXT,
    *GENERATIVE,
    *CROSS_MODAL,
)
