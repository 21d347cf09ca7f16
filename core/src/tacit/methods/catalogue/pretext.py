"""The core's methods that ask what was done to a view: settings for small scale."""

from __future__ import annotations

from tacit.methods.catalogue.defaults import training
from tacit.methods.method import Method, Stage
from tacit.objectives import (
    Pretext,
    PretextConfig,
    Sit,
    SitConfig,
    SplitEquivariant,
    SplitEquivariantConfig,
)


def rotnet() -> Method:
    """RotNet. What the known changes are is up to the views; of still pictures, quarter turns."""
    stage = Stage(
        views="transformed",
        objective=Pretext,
        config=PretextConfig(),
        training=training(),
    )
    return Method(
        name="rotnet",
        summary="Which of several known changes was made to a view is told from its embedding",
        source="Gidaris et al. 2018, arXiv:1803.07728",
        stages=(stage,),
    )


def jigsaw() -> Method:
    """Pieces in another order, put together again: one look at the whole, not one a piece.

    The rate is low: at a higher one the answer drives out what tells instances apart.
    """
    stage = Stage(
        views="reordered",
        objective=Pretext,
        config=PretextConfig(tasks=("order",)),
        training=training(2e-4),
    )
    return Method(
        name="jigsaw",
        summary="In which of several orders the pieces of a view are is told from its embedding",
        source="Carlucci et al. 2019, arXiv:1903.06864",
        stages=(stage,),
    )


def sit() -> Method:
    """SiT, with weights of the three losses that are learnt."""
    stage = Stage(
        views="transformed",
        objective=Sit,
        config=SitConfig(),
        training=training(),
    )
    return Method(
        name="sit",
        summary="A corrupted view is recovered, told how it was changed, and finds its other view",
        source="Atito et al. 2021, arXiv:2104.03602",
        stages=(stage,),
    )


def sie() -> Method:
    """SIE. The paper's relation is a rotation in space; here what the views bring."""
    stage = Stage(
        views="related",
        objective=SplitEquivariant,
        config=SplitEquivariantConfig(),
        training=training(),
    )
    return Method(
        name="sie",
        summary="Half of the features agree between views, half are steered by what relates them",
        source="Garrido et al. 2023, arXiv:2302.10283",
        stages=(stage,),
    )
