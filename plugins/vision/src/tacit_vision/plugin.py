"""What tacit-vision offers: images, their encoders, views and sources."""

from __future__ import annotations

from tacit.plugin import Offer, hookimpl

_IMAGE = frozenset({"image"})


@hookimpl
def tacit_modalities() -> list[Offer]:
    """Images."""
    return [
        Offer(
            name="vision/image",
            target="tacit_vision.modality:Image",
            summary="Still images, as (channels, height, width)",
            modality=_IMAGE,
            provides=("mix",),
        )
    ]


@hookimpl
def tacit_encoders() -> list[Offer]:
    """Networks that embed images."""
    return [
        Offer(
            name="vision/vit",
            target="tacit_vision.encoders:ViT",
            summary="Vision transformer over square patches",
            modality=_IMAGE,
            provides=(
                "tokens",
                "tokens:dense",
                "targets",
                "taps",
                "mask:drop",
                "mask:replace",
                "mask:query",
                "positions:none",
                "tokens:grid",
            ),
            source="Dosovitskiy et al. 2021, arXiv:2010.11929",
        ),
        Offer(
            name="vision/resnet",
            target="tacit_vision.encoders:ResNet",
            summary="Residual convolutional network, also for small images",
            modality=_IMAGE,
            source="He et al. 2016, arXiv:1512.03385",
        ),
        Offer(
            name="vision/timm",
            target="tacit_vision.encoders:Timm",
            summary="Any network of timm, by its name there",
            modality=_IMAGE,
            source="https://github.com/huggingface/pytorch-image-models",
        ),
    ]


@hookimpl
def tacit_augmentations() -> list[Offer]:
    """Ways to make views of images."""
    return [
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
    ]


@hookimpl
def tacit_sources() -> list[Offer]:
    """Where images come from."""
    return [
        Offer(
            name="vision/folder",
            target="tacit_vision.data:Folder",
            summary="A folder of image files, with or without class subfolders",
            modality=_IMAGE,
        ),
        Offer(
            name="vision/parquet",
            target="tacit_vision.data:Parquet",
            summary="Parquet files with encoded images in a column",
            modality=_IMAGE,
        ),
        Offer(
            name="vision/digits",
            target="tacit_vision.data:Digits",
            summary="1797 handwritten digits of 8 x 8 pixels; needs no network",
            modality=_IMAGE,
            source="scikit-learn, load_digits",
        ),
        Offer(
            name="vision/digit-scenes",
            target="tacit_vision.data:DigitScenes",
            summary="Digits of any size, place and colour over photographs, 32 x 32; no network",
            modality=_IMAGE,
            source="scikit-learn, load_digits and load_sample_images",
        ),
        Offer(
            name="vision/hub",
            target="tacit_vision.data:Hub",
            summary="An image data set of the Hugging Face hub, by name",
            modality=_IMAGE,
        ),
    ]


@hookimpl
def tacit_readers() -> list[Offer]:
    """Columns of tables that can be paired with others."""
    return [
        Offer(
            name="vision/column",
            target="tacit_vision.data.column:ImageColumn",
            summary="A column of encoded images, or of paths of image files",
            modality=_IMAGE,
        ),
    ]


@hookimpl
def tacit_recipes() -> list[Offer]:
    """Runs with measured results."""
    demo = Offer(
        name="vision/digits-simclr-v1",
        target="tacit_vision.recipes:digits_simclr_v1",
        summary="SimCLR and a small transformer on embedded digits: the demonstration",
        modality=_IMAGE,
    )
    small = [
        Offer(
            name=f"vision/cifar10-{method}-v1",
            target=f"tacit_vision.recipes:cifar10_{method.replace('-', '_')}_v1",
            summary=f"{title} on 10,000 images of CIFAR-10, given with --data",
            modality=_IMAGE,
        )
        for method, title in (
            ("simclr", "SimCLR"),
            ("barlow-twins", "Barlow Twins"),
            ("byol", "BYOL"),
            ("mae", "MAE"),
        )
    ]
    return [demo, *small]
