"""What tacit-vision offers: images, their encoders, views and sources."""

from __future__ import annotations

from tacit.plugin import Offer, hookimpl
from tacit_vision.offers import VIEWS

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
    return list(VIEWS)


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
    pairs = Offer(
        name="vision/products-clip-v1",
        target="tacit_vision.recipes:products_clip_v1",
        summary="CLIP on photographs with titles, given with --data (needs tacit-text)",
        modality=_IMAGE | {"text"},
    )
    return [demo, *small, pairs]
