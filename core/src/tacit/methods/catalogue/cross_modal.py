"""The core's methods that join encoders of several modalities: settings for small scale."""

from __future__ import annotations

from tacit.methods.catalogue.defaults import training
from tacit.methods.method import Method, Stage
from tacit.nn import Frozen
from tacit.objectives import (
    Clip,
    ClipConfig,
    DeepCca,
    DeepCcaConfig,
    MaskedAcross,
    MaskedAcrossConfig,
    MaskedClip,
    MaskedClipConfig,
    MinedTriplets,
    MinedTripletsConfig,
    PairedISogClr,
    PairedISogClrConfig,
    PairedVicReg,
    PairedVicRegConfig,
    SigLip,
    SigLipConfig,
)

_BETAS = (0.9, 0.98)  # CLIP's, for transformers


def clip() -> Method:
    """CLIP. The paper decays by 0.2 and takes batches of 32,768."""
    stage = Stage(
        views="plain",
        objective=Clip,
        config=ClipConfig(),
        training=training(decay=0.1, betas=_BETAS),
    )
    return Method(
        name="clip",
        summary="Members of a pair find each other among all of the batch, both ways",
        source="Radford et al. 2021, arXiv:2103.00020",
        stages=(stage,),
    )


def slip() -> Method:
    """SLIP: CLIP and SimCLR within each modality, summed."""
    stage = Stage(
        views="two-views",
        objective=Clip,
        config=ClipConfig(within=1.0),
        training=training(decay=0.1, betas=_BETAS),
    )
    return Method(
        name="slip",
        summary="CLIP between modalities and SimCLR within each",
        source="Mu et al. 2021, arXiv:2112.12750",
        stages=(stage,),
    )


def siglip() -> Method:
    """SigLIP."""
    stage = Stage(
        views="plain",
        objective=SigLip,
        config=SigLipConfig(),
        training=training(decay=0.1, betas=_BETAS),
    )
    return Method(
        name="siglip",
        summary="Every pair of members is told to belong together or not, by itself",
        source="Zhai et al. 2023, arXiv:2303.15343",
        stages=(stage,),
    )


def paired_isogclr() -> Method:
    """The two-modality iSogCLR: for small batches, and data of which parts are alike or rare."""
    stage = Stage(
        views="plain",
        objective=PairedISogClr,
        config=PairedISogClrConfig(),
        training=training(decay=0.1, betas=_BETAS),
    )
    return Method(
        name="paired-isogclr",
        summary="CLIP with a temperature for each instance, and averages that remember the data",
        source="Qiu et al. 2023, arXiv:2305.11965",
        stages=(stage,),
    )


def paired_vicreg() -> Method:
    """VICReg between modalities."""
    stage = Stage(
        views="plain",
        objective=PairedVicReg,
        config=PairedVicRegConfig(),
        training=training(),
    )
    return Method(
        name="paired-vicreg",
        summary="Members of a pair meet, variance is kept up and covariance down in each modality",
        source="Bardes et al. 2022, arXiv:2105.04906",
        stages=(stage,),
    )


def deep_cca() -> Method:
    """Deep CCA by the loss of Eckart and Young."""
    stage = Stage(
        views="plain",
        objective=DeepCca,
        config=DeepCcaConfig(),
        training=training(),
    )
    return Method(
        name="deep-cca",
        summary="The directions in which modalities vary together, by gradient descent",
        source="Chapman et al. 2024, arXiv:2310.01012",
        stages=(stage,),
    )


def masked_across() -> Method:
    """Masked prediction with other modalities in sight. It has no space they share: no retrieval.

    MaskVLM hides 0.6 of photographs and 0.3 of their captions; here 0.6 of all: set
    `objective.ratios`.
    """
    stage = Stage(
        views="plain",
        objective=MaskedAcross,
        config=MaskedAcrossConfig(),
        training=training(decay=0.05, betas=(0.9, 0.95)),
    )
    return Method(
        name="masked-across",
        summary="Tokens hidden of one modality are predicted with the others in sight",
        source="Kwon et al. 2022, arXiv:2208.02131; Eymael et al. 2024, arXiv:2403.17823",
        stages=(stage,),
    )


def masked_clip() -> Method:
    """MaskVLM without its classifier of matching pairs."""
    stage = Stage(
        views="plain",
        objective=MaskedClip,
        config=MaskedClipConfig(),
        training=training(decay=0.05, betas=_BETAS),
    )
    return Method(
        name="masked-clip",
        summary="CLIP, and tokens hidden of one modality predicted with the other in sight",
        source="Kwon et al. 2022, arXiv:2208.02131",
        stages=(stage,),
    )


def mined_triplets() -> Method:
    """Triplets by another modality. Its guides stay as the run begins: give them `initial`.

    The paper's are features of photographs, and learn nothing; here each modality guides the other
    unless `objective.learn` says otherwise, by random weights if by none better.
    """
    stage = Stage(
        views="plain",
        objective=MinedTriplets,
        config=MinedTripletsConfig(),
        teachers={"guide": Frozen()},
        training=training(),
    )
    return Method(
        name="mined-triplets",
        summary="What is alike in one modality is brought near in the other, the rest apart",
        source="Zuern et al. 2019, arXiv:1912.03227",
        stages=(stage,),
    )
