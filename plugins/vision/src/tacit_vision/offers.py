"""The offers of views of images, which are many."""

from __future__ import annotations

from tacit.plugin import Offer

_IMAGE = frozenset({"image"})

VIEWS = (
    Offer(
        name="vision/two-views",
        target="tacit_vision.views:TwoViews",
        summary="Two crops with flip, colour and blur changed at random",
        modality=_IMAGE,
        provides=("views:two-views",),
        source="Chen et al. 2020, arXiv:2002.05709, appendix A",
    ),
    Offer(
        name="vision/multi-crop",
        target="tacit_vision.views:MultiCrop",
        summary="Two large crops and several small ones",
        modality=_IMAGE,
        provides=("views:multi-crop",),
        source="Caron et al. 2020, arXiv:2006.09882",
    ),
    Offer(
        name="vision/masked",
        target="tacit_vision.views:Masked",
        summary="One lightly augmented view whose patches are to be masked",
        modality=_IMAGE,
        provides=("views:masked",),
        source="He et al. 2022, arXiv:2111.06377",
    ),
    Offer(
        name="vision/whole-and-part",
        target="tacit_vision.views:WholeAndPart",
        summary="A crop and a crop of that crop, of one size",
        modality=_IMAGE,
        provides=("views:whole-and-part",),
        source="Eymael et al. 2024, arXiv:2403.17823",
    ),
    Offer(
        name="vision/transformed",
        target="tacit_vision.views:Transformed",
        summary="Two crops, each turned by another number of quarters, which is to be told",
        modality=_IMAGE,
        provides=("views:transformed",),
        source="Gidaris et al. 2018, arXiv:1803.07728",
    ),
    Offer(
        name="vision/related",
        target="tacit_vision.views:Related",
        summary="Two crops, and the angle between them",
        modality=_IMAGE,
        provides=("views:related",),
        source="Garrido et al. 2023, arXiv:2302.10283",
    ),
    Offer(
        name="vision/reordered",
        target="tacit_vision.views:Reordered",
        summary="A crop, and another with its pieces in another order, which is to be told",
        modality=_IMAGE,
        provides=("views:reordered",),
        source="Carlucci et al. 2019, arXiv:1903.06864",
    ),
    Offer(
        name="vision/one-style",
        target="tacit_vision.views:OneStyle",
        summary="Two views whose images all have the style of one image of the batch",
        modality=_IMAGE,
        provides=("views:one-style",),
        source="Scalbert et al. 2023, arXiv:2303.06088",
    ),
    Offer(
        name="vision/fields",
        target="tacit_vision.views:Fields",
        summary="Two views warped and recoloured otherwise in each place, by random fields",
        modality=_IMAGE,
        provides=("views:fields",),
        source="Mansfield et al. 2023, arXiv:2311.03629",
    ),
    Offer(
        name="vision/noisy",
        target="tacit_vision.views:Noisy",
        summary="A crop, and the same crop with Gaussian noise",
        modality=_IMAGE,
        provides=("views:noisy",),
    ),
)
"""Ways to make views of images."""
