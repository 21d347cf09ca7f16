"""Methods that join the encoders of several modalities."""

from __future__ import annotations

from tacit.plugin import Offer

CROSS_MODAL = (
    Offer(
        name="clip",
        target="tacit.methods:clip",
        summary="Members of a pair find each other among all of the batch, both ways",
        requires=("views:plain", "pairs"),
        source="Radford et al. 2021, arXiv:2103.00020",
    ),
    Offer(
        name="siglip",
        target="tacit.methods:siglip",
        summary="Every pair of members is told to belong together or not, by itself",
        requires=("views:plain", "pairs"),
        source="Zhai et al. 2023, arXiv:2303.15343",
    ),
    Offer(
        name="slip",
        target="tacit.methods:slip",
        summary="CLIP between modalities and SimCLR within each",
        requires=("views:two-views", "pairs"),
        source="Mu et al. 2021, arXiv:2112.12750",
    ),
    Offer(
        name="paired-isogclr",
        target="tacit.methods:paired_isogclr",
        summary="CLIP with a temperature for each instance, and averages that remember the data",
        requires=("views:plain", "pairs", "instances"),
        source="Qiu et al. 2023, arXiv:2305.11965",
    ),
    Offer(
        name="paired-vicreg",
        target="tacit.methods:paired_vicreg",
        summary="Members of a pair meet, variance is kept up and covariance down in each modality",
        requires=("views:plain", "pairs"),
        source="Bardes et al. 2022, arXiv:2105.04906",
    ),
    Offer(
        name="deep-cca",
        target="tacit.methods:deep_cca",
        summary="The directions in which modalities vary together, by gradient descent",
        requires=("views:plain", "pairs"),
        source="Chapman et al. 2024, arXiv:2310.01012",
    ),
    Offer(
        name="masked-across",
        target="tacit.methods:masked_across",
        summary="Tokens hidden of one modality are predicted with the others in sight",
        requires=("views:plain", "pairs", "tokens", "mask:replace"),
        source="Kwon et al. 2022, arXiv:2208.02131; Eymael et al. 2024, arXiv:2403.17823",
    ),
    Offer(
        name="masked-clip",
        target="tacit.methods:masked_clip",
        summary="CLIP, and tokens hidden of one modality predicted with the other in sight",
        requires=("views:plain", "pairs", "tokens", "mask:replace"),
        source="Kwon et al. 2022, arXiv:2208.02131",
    ),
    Offer(
        name="mined-triplets",
        target="tacit.methods:mined_triplets",
        summary="What is alike in one modality is brought near in the other, the rest apart",
        requires=("views:plain", "pairs", "teacher"),
        source="Zuern et al. 2019, arXiv:1912.03227",
    ),
)
"""Encoders of several modalities are joined by the pairs their instances make."""
