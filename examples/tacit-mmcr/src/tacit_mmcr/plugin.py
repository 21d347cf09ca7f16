"""What this package offers. It must not import torch: listing what is installed imports it."""

from __future__ import annotations

from tacit.plugin import Offer, hookimpl


@hookimpl
def tacit_methods() -> list[Offer]:
    """Methods, for every modality that has the views."""
    return [
        Offer(
            name="mmcr/mmcr",
            target="tacit_mmcr.method:method",
            summary="Centroids of views spread over as many axes as they can",
            requires=("views:two-views",),
            source="Yerxa et al. 2023, arXiv:2303.03307",
        )
    ]
