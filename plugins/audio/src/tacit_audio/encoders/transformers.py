"""transformers' networks as encoders: wav2vec 2.0, HuBERT, WavLM, AST, and those of their shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor

from tacit.contract import Encoder, Encoding, Mask, Tokens
from tacit_audio.encoders.borrowed_spectrogram import AST, BorrowedSpectrogram
from tacit_audio.encoders.borrowed_waveform import KINDS, BorrowedWaveform
from tacit_audio.export import imported
from tacit_audio.features.frames import FrameKind
from tacit_audio.sound import Sound


@dataclass(frozen=True, kw_only=True)
class TransformersConfig:
    """Which network, and what it takes.

    Args:
        model: a folder that `AutoModel` loads, a `config.json`, or a name on the Hugging Face hub.
        pretrained: load its weights; off, only its configuration is used.
        sampling_rate: samples a second; none: as the model's preprocessor says, 16,000 where it
            has none.
        normalise: give each clip mean 0 and variance 1, or for AST subtract and divide by what its
            preprocessor says; none: as the model's preprocessor says, and yes where it has none.
        targets: what `token_targets` are of networks over waveforms, see `FrameKind`; those of AST
            are its patches.
        normalise_targets: each of them over its clip, see `FrameFeatures`.

    Raises:
        ValueError: a rate below 1.
    """

    model: str
    pretrained: bool = True
    sampling_rate: int | None = None
    normalise: bool | None = None
    targets: FrameKind = "mfcc"
    normalise_targets: bool = True

    def __post_init__(self) -> None:
        if self.sampling_rate is not None and self.sampling_rate < 1:
            raise ValueError(f"sampling_rate: wanted at least 1; got {self.sampling_rate}")


class Transformers(Encoder):
    """A network of transformers, by name, folder or configuration.

    See `BorrowedWaveform` and `BorrowedSpectrogram` for what each kind does.

    Args:
        config: which network.

    Raises:
        ValueError: the model cannot be loaded, or is of another kind.
    """

    Config: ClassVar[type[TransformersConfig]] = TransformersConfig
    shorthand = "model"

    def __init__(self, config: TransformersConfig) -> None:
        super().__init__()
        self.config = config
        network = _load(config)
        extractor = _extractor(config, network)
        self.inner: BorrowedSpectrogram | BorrowedWaveform
        if network.config.model_type == AST:
            self.inner = BorrowedSpectrogram(network, extractor)
        else:
            self.inner = BorrowedWaveform(
                network,
                extractor,
                targets=config.targets,
                normalise_targets=config.normalise_targets,
            )
        self.spec = self.inner.spec

    def no_weight_decay(self) -> frozenset[str]:
        """What is no weight of a linear map."""
        return frozenset(f"inner.{name}" for name in self.inner.no_weight_decay())

    def exports(self) -> Mapping[str, Callable[[Path], None]]:
        """`transformers`, see `tacit_audio.export`."""
        return self.inner.exports()

    def tokenize(self, value: Sound) -> Tokens:
        """Frames or patches, without positions.

        Raises:
            ValueError: recordings that do not fit.
        """
        return self.inner.tokenize(value)

    def token_targets(self, value: Sound) -> Tensor:
        """What every token sounds like, or the patch it is made of."""
        return self.inner.token_targets(value)

    def forward(
        self, value: Sound | Tokens, *, mask: Mask | None = None, taps: Sequence[int] = ()
    ) -> Encoding:
        """Encode recordings, or tokens made by `tokenize`.

        Raises:
            ValueError: recordings that do not fit, a mask of another shape or mode, or taps
                outside the layers.
        """
        encoding: Encoding = self.inner(value, mask=mask, taps=taps)
        return encoding


def _load(config: TransformersConfig) -> Any:
    library = imported()
    try:
        settings = library.AutoConfig.from_pretrained(config.model)
    except Exception as error:  # the hub, the network and every model class raise their own
        raise _unreadable(config, error) from error
    known = (*KINDS, AST)
    if settings.model_type not in known:
        raise ValueError(
            f"model: wanted one of {', '.join(known)}; {config.model!r} is of the type "
            f"{settings.model_type!r}"
        )
    try:
        if config.pretrained:
            return library.AutoModel.from_pretrained(config.model)
        return library.AutoModel.from_config(settings)
    except Exception as error:
        raise _unreadable(config, error) from error


def _unreadable(config: TransformersConfig, error: Exception) -> ValueError:
    return ValueError(
        f"model: {config.model!r} cannot be loaded: {str(error).splitlines()[0]}. Name a folder, a "
        "config.json with pretrained=false, or a name on a hub that can be reached"
    )


def _extractor(config: TransformersConfig, network: Any) -> Any:
    """The model's preprocessor with what the settings change, or a plain one."""
    library, own = imported(), network.config
    path = Path(config.model)
    try:
        made = library.AutoFeatureExtractor.from_pretrained(path.parent if path.is_file() else path)
    except (OSError, ValueError):  # it has none
        if own.model_type == AST:
            made = library.ASTFeatureExtractor(
                num_mel_bins=own.num_mel_bins, max_length=own.max_length
            )
        else:
            made = library.Wav2Vec2FeatureExtractor(sampling_rate=16_000, do_normalize=True)
    if config.sampling_rate is not None:
        made.sampling_rate = config.sampling_rate
    if config.normalise is not None:
        made.do_normalize = config.normalise
    return made
