"""The core's methods in which views of one instance agree: settings for small scale."""

from __future__ import annotations

from tacit.methods.catalogue.defaults import training
from tacit.methods.method import Method, Stage
from tacit.nn import MlpConfig
from tacit.objectives import (
    BarlowTwins,
    BarlowTwinsConfig,
    CanonicalCorrelation,
    CanonicalCorrelationConfig,
    LeJepa,
    LeJepaConfig,
    SimClr,
    SimClrConfig,
    VicReg,
    VicRegConfig,
)


def simclr() -> Method:
    """SimCLR. The paper trains with LARS at batch 4096 for 1000 epochs."""
    stage = Stage(views="two-views", objective=SimClr, config=SimClrConfig(), training=training())
    return Method(
        name="simclr",
        summary="Two views of an instance attract, those of other instances repel",
        source="Chen et al. 2020, arXiv:2002.05709",
        stages=(stage,),
    )


def barlow_twins() -> Method:
    """Barlow Twins. The paper trains with LARS at batch 2048 and a projector of 8192."""
    stage = Stage(
        views="two-views",
        objective=BarlowTwins,
        config=BarlowTwinsConfig(),
        training=training(),
    )
    return Method(
        name="barlow-twins",
        summary="Cross-correlation of two views' embeddings made the identity",
        source="Zbontar et al. 2021, arXiv:2103.03230",
        stages=(stage,),
    )


def vicreg() -> Method:
    """VICReg. The paper trains with LARS at batch 2048 and a projector of 8192."""
    stage = Stage(views="two-views", objective=VicReg, config=VicRegConfig(), training=training())
    return Method(
        name="vicreg",
        summary="Invariance between two views, variance kept up, covariance kept down",
        source="Bardes et al. 2022, arXiv:2105.04906",
        stages=(stage,),
    )


def ssl_ey() -> Method:
    """SSL-EY. The paper trains with LARS at batch 256 for 1000 epochs.

    The embedding is narrow: the rank of a batch must exceed its width, or every pair of views is
    fully correlated to begin with and there is nothing to learn.
    """
    stage = Stage(
        views="two-views",
        objective=CanonicalCorrelation,
        config=CanonicalCorrelationConfig(projector=MlpConfig(widths=(512, 64))),
        training=training(),
    )
    return Method(
        name="ssl-ey",
        summary="Deep CCA of the views, by the unconstrained loss of Eckart and Young",
        source="Chapman et al. 2024, arXiv:2310.01012",
        stages=(stage,),
    )


def lejepa() -> Method:
    """LeJEPA. The paper trains with AdamW and 2 + 6 views; two views do here."""
    stage = Stage(views="two-views", objective=LeJepa, config=LeJepaConfig(), training=training())
    return Method(
        name="lejepa",
        summary="Views meet at their centre in an embedding kept an isotropic Gaussian",
        source="Balestriero and LeCun 2025, arXiv:2511.08544",
        stages=(stage,),
    )
