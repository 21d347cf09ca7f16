"""What tacit-audio offers: recordings, their encoders, views, sources and methods."""

from __future__ import annotations

from tacit.plugin import Offer, hookimpl

_AUDIO = frozenset({"audio"})
_OF_WAVEFORMS = ("tokens", "tokens:dense", "targets", "latents", "taps", "mask:replace")


@hookimpl
def tacit_modalities() -> list[Offer]:
    """Recordings."""
    return [
        Offer(
            name="audio/audio",
            target="tacit_audio.modality:Audio",
            summary="Recordings of speech, sound or music, as waveforms of any length",
            modality=_AUDIO,
            provides=("mix",),
        )
    ]


@hookimpl
def tacit_encoders() -> list[Offer]:
    """Networks that embed recordings."""
    return [
        Offer(
            name="audio/spectrogram-transformer",
            target="tacit_audio.encoders:SpectrogramTransformer",
            summary="Transformer over patches or frames of a log-mel spectrogram",
            modality=_AUDIO,
            provides=(
                "tokens",
                "tokens:dense",
                "targets",
                "taps",
                "mask:drop",
                "mask:replace",
                "mask:query",
                "positions:none",
            ),
            source="Gong et al. 2021, arXiv:2104.01778",
        ),
        Offer(
            name="audio/wav2vec2",
            target="tacit_audio.encoders:Wav2Vec2",
            summary="Convolutions over samples and a transformer over frames, as in wav2vec 2.0",
            modality=_AUDIO,
            provides=_OF_WAVEFORMS,
            source="Baevski et al. 2020, arXiv:2006.11477",
        ),
        Offer(
            name="audio/transformers",
            target="tacit_audio.encoders:Transformers",
            summary="wav2vec 2.0, HuBERT, WavLM or AST of transformers, by name or folder",
            modality=_AUDIO,
            provides=_OF_WAVEFORMS,
            source="Wolf et al. 2020, arXiv:1910.03771",
        ),
        Offer(
            name="audio/cnn",
            target="tacit_audio.encoders:Cnn",
            summary="Small convolutional network over a log-mel spectrogram",
            modality=_AUDIO,
            provides=("tokens", "tokens:dense"),
            source="Niizumi et al. 2021, arXiv:2103.06695",
        ),
    ]


@hookimpl
def tacit_augmentations() -> list[Offer]:
    """Ways to make views of recordings."""
    return [
        Offer(
            name="audio/two-views",
            target="tacit_audio.views:TwoViews",
            summary="Two excerpts, equalised, with noise, reverberation and holes at random",
            modality=_AUDIO,
            provides=("views:two-views",),
            source="Spijkervet and Burgoyne 2021, arXiv:2103.09410",
        ),
        Offer(
            name="audio/mixed-views",
            target="tacit_audio.views:MixedViews",
            summary="Two excerpts, each with another clip quietly under it",
            modality=_AUDIO,
            provides=("views:mixed-views",),
            source="Niizumi et al. 2021, arXiv:2103.06695",
        ),
        Offer(
            name="audio/multi-crop",
            target="tacit_audio.views:MultiCrop",
            summary="Two long excerpts and several short ones",
            modality=_AUDIO,
            provides=("views:multi-crop",),
            source="Caron et al. 2020, arXiv:2006.09882",
        ),
        Offer(
            name="audio/masked",
            target="tacit_audio.views:Masked",
            summary="One excerpt, unchanged, whose tokens are to be masked",
            modality=_AUDIO,
            provides=("views:masked",),
            source="Huang et al. 2022, arXiv:2207.06405",
        ),
        Offer(
            name="audio/clean-and-mixed",
            target="tacit_audio.views:CleanAndMixed",
            summary="One excerpt as it is, and again with snippets of other clips over it",
            modality=_AUDIO,
            provides=("views:clean-and-mixed",),
            source="Li et al. 2023, arXiv:2306.00107",
        ),
    ]


@hookimpl
def tacit_sources() -> list[Offer]:
    """Where recordings come from."""
    return [
        Offer(
            name="audio/folder",
            target="tacit_audio.data:Folder",
            summary="A folder of audio files, with or without class subfolders",
            modality=_AUDIO,
        ),
        Offer(
            name="audio/parquet",
            target="tacit_audio.data:Parquet",
            summary="Parquet or Arrow files with encoded audio in a column",
            modality=_AUDIO,
        ),
        Offer(
            name="audio/manifest",
            target="tacit_audio.data:Manifest",
            summary="A .csv, .tsv or .jsonl file that lists audio files and their labels",
            modality=_AUDIO,
        ),
        Offer(
            name="audio/hub",
            target="tacit_audio.data:Hub",
            summary="An audio data set of the Hugging Face hub, by name",
            modality=_AUDIO,
        ),
        Offer(
            name="audio/notes",
            target="tacit_audio.data:Notes",
            summary="1500 notes of six made-up instruments; needs no network",
            modality=_AUDIO,
        ),
    ]


@hookimpl
def tacit_readers() -> list[Offer]:
    """Columns of tables that can be paired with others."""
    return [
        Offer(
            name="audio/column",
            target="tacit_audio.data.column:ClipColumn",
            summary="A column of encoded clips, or of paths of audio files",
            modality=_AUDIO,
        )
    ]


_WORDS = ("tokens", "mask:replace", "targets", "views:masked")
_METHODS: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    (
        "byol-a",
        "BYOL on excerpts that have another clip quietly under them",
        ("views:mixed-views", "teacher"),
        "Niizumi et al. 2021, arXiv:2103.06695",
    ),
    (
        "clmr",
        "SimCLR on two excerpts of a recording, each changed in sound",
        ("views:two-views",),
        "Spijkervet and Burgoyne 2021, arXiv:2103.09410",
    ),
    (
        "audio-mae",
        "Patches of a spectrogram dropped before the encoder are reconstructed",
        ("tokens:dense", "mask:drop", "targets", "views:masked"),
        "Huang et al. 2022, arXiv:2207.06405",
    ),
    (
        "ssast",
        "Each hidden place finds its own patch of the spectrogram among the hidden ones",
        _WORDS,
        "Gong et al. 2022, arXiv:2110.09784",
    ),
    (
        "tera",
        "Altered frames are reconstructed, most of them hidden",
        _WORDS,
        "Liu et al. 2021, arXiv:2007.06028",
    ),
    (
        "best-rq",
        "Hidden frames are predicted as codes of a projection that is never trained",
        _WORDS,
        "Chiu et al. 2022, arXiv:2202.01855",
    ),
    (
        "wav2vec2",
        "Hidden frames find their own learnt code among those of other hidden frames",
        ("tokens", "mask:replace", "views:masked"),
        "Baevski et al. 2020, arXiv:2006.11477",
    ),
    (
        "hubert",
        "Hidden frames are predicted as clusters, of sounds and then of learnt features",
        (
            "tokens",
            "mask:replace",
            "targets",
            "taps",
            "teacher",
            "instances",
            "views:masked",
        ),
        "Hsu et al. 2021, arXiv:2106.07447",
    ),
    (
        "beats",
        "Hidden patches are predicted as codes of a random projection, then as learnt ones",
        (
            "tokens:dense",
            "mask:drop",
            "targets",
            "teacher",
            "instances",
            "views:masked",
        ),
        "Chen et al. 2023, arXiv:2212.09058",
    ),
    (
        "mert",
        "Hidden frames of music, others over it, are predicted as codes and as pitches",
        ("tokens", "mask:replace", "targets", "instances", "views:clean-and-mixed"),
        "Li et al. 2023, arXiv:2306.00107",
    ),
    (
        "data2vec",
        "A moving-average teacher's averaged layers are predicted at hidden spans",
        ("tokens:dense", "mask:replace", "taps", "teacher", "views:masked"),
        "Baevski et al. 2022, arXiv:2202.03555",
    ),
)
"""Name, what it does, what it needs, source."""


@hookimpl
def tacit_methods() -> list[Offer]:
    """Methods of the literature on recordings, as settings of the core's objectives."""
    return [
        Offer(
            name=f"audio/{name}",
            target=f"tacit_audio.methods:{name.replace('-', '_')}",
            summary=summary,
            modality=_AUDIO,
            requires=requires,
            source=source,
        )
        for name, summary, requires, source in _METHODS
    ]


@hookimpl
def tacit_recipes() -> list[Offer]:
    """Runs with measured results."""
    return [
        Offer(
            name="audio/notes-clip-v1",
            target="tacit_audio.recipes:notes_clip_v1",
            summary="CLIP on notes with their names, given with --data (needs tacit-text)",
            modality=_AUDIO | {"text"},
        )
    ]
