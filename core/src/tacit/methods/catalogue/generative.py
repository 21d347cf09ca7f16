"""The core's methods that reconstruct or generate whole instances: settings for small scale."""

from __future__ import annotations

from tacit.methods.catalogue.defaults import training
from tacit.methods.method import Method, Stage
from tacit.objectives import (
    Autoencoder,
    AutoencoderConfig,
    BiGan,
    BiGanConfig,
    CMim,
    CMimConfig,
    Contractive,
)


def dae() -> Method:
    """A denoising autoencoder; how much noise is up to the views.

    The rate is three times that of other methods: short runs reach better neighbours with it.
    """
    stage = Stage(
        views="noisy",
        objective=Autoencoder,
        config=AutoencoderConfig(),
        training=training(3e-3),
    )
    return Method(
        name="dae",
        summary="An instance is reconstructed from one vector of a noisy copy",
        source="Alain and Bengio 2014, arXiv:1211.4246",
        stages=(stage,),
    )


def rcae() -> Method:
    """A reconstruction contractive autoencoder, with one random direction a step; rate as `dae`."""
    stage = Stage(
        views="noisy",
        objective=Autoencoder,
        config=AutoencoderConfig(regulariser=Contractive()),
        training=training(3e-3),
    )
    return Method(
        name="rcae",
        summary="An instance is reconstructed from one vector, with as little change as can be",
        source="Alain and Bengio 2014, arXiv:1211.4246",
        stages=(stage,),
    )


def bigan() -> Method:
    """BiGAN. The paper's rate is 2e-4 over hundreds of epochs; a first moment that forgets soon."""
    adam = {"kind": "adam", "lr": 5e-4, "betas": (0.5, 0.999)}
    settings = training()
    settings |= {"optimizer": adam, "optimizers": {"critic": adam}}
    stage = Stage(
        views="masked",
        objective=BiGan,
        config=BiGanConfig(),
        training=settings,
    )
    return Method(
        name="bigan",
        summary="Encoder and generator invert each other, as a critic tells their pairs apart",
        source="Donahue et al. 2017, arXiv:1605.09782",
        stages=(stage,),
    )


def cmim() -> Method:
    """CMIM. Views may be augmented here; the method itself needs no second view."""
    stage = Stage(
        views="masked",
        objective=CMim,
        config=CMimConfig(),
        training=training(),
    )
    return Method(
        name="cmim",
        summary="An autoencoder of certain codes that are told apart, without a second view",
        source="Livne 2025, arXiv:2502.19642",
        stages=(stage,),
    )
