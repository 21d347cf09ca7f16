"""What this package offers. It must not import torch: listing what is installed imports it."""

from __future__ import annotations

from tacit.plugin import Offer, hookimpl

SERIES = frozenset({"series"})


@hookimpl
def tacit_modalities() -> list[Offer]:
    """The kind of data."""
    return [
        Offer(
            name="series/series",
            target="tacit_timeseries.modality:Series",
            summary="Time series of several channels, all of one length",
            modality=SERIES,
            provides=("mix",),
        )
    ]


@hookimpl
def tacit_encoders() -> list[Offer]:
    """Encoders, and what they can do."""
    return [
        Offer(
            name="series/transformer",
            target="tacit_timeseries.encoder:Transformer",
            summary="Transformer over pieces of time",
            modality=SERIES,
            provides=(
                "tokens",
                "tokens:dense",
                "tokens:grid",
                "targets",
                "taps",
                "mask:drop",
                "mask:replace",
            ),
            source="Nie et al. 2023, arXiv:2211.14730",
        )
    ]


@hookimpl
def tacit_augmentations() -> list[Offer]:
    """Views, under the names methods ask for."""
    return [
        Offer(
            name="series/two-views",
            target="tacit_timeseries.views:TwoViews",
            summary="Two crops, scaled, with noise and silent channels",
            modality=SERIES,
            provides=("views:two-views",),
            source="Um et al. 2017, arXiv:1706.00527",
        ),
        Offer(
            name="series/masked",
            target="tacit_timeseries.views:Masked",
            summary="One crop, to be masked",
            modality=SERIES,
            provides=("views:masked",),
        ),
    ]


@hookimpl
def tacit_sources() -> list[Offer]:
    """Data."""
    return [
        Offer(
            name="series/rhythms",
            target="tacit_timeseries.rhythms:Rhythms",
            summary="Generated rhythms of 3 channels, 4 classes; no network",
            modality=SERIES,
        ),
        Offer(
            name="series/files",
            target="tacit_timeseries.files:Files",
            summary="Series in npz or parquet, or a folder of train and test",
            modality=SERIES,
        ),
    ]


@hookimpl
def tacit_readers() -> list[Offer]:
    """What reads a column of a table, so that series pair with whatever else stands in it."""
    return [
        Offer(
            name="series/column",
            target="tacit_timeseries.column:SeriesColumn",
            summary="A column of lists of numbers",
            modality=SERIES,
        )
    ]
