"""Settings of one view; every policy's configuration is built from these."""

from __future__ import annotations

from dataclasses import dataclass

from tacit_audio.sound import Sound


@dataclass(frozen=True, kw_only=True)
class CropConfig:
    """Settings of an excerpt.

    Args:
        seconds: length of the view; longer clips are cut at random, shorter ones padded. None:
            `share` decides.
        share: least and greatest part of each clip in the view, where `seconds` is None.

    Raises:
        ValueError: a setting is out of its range; says which.
    """

    seconds: float | None = None
    share: tuple[float, float] = (0.5, 1.0)

    def __post_init__(self) -> None:
        if self.seconds is not None and self.seconds <= 0:
            raise ValueError(f"seconds: wanted more than 0, or none; got {self.seconds}")
        if not 0 < self.share[0] <= self.share[1] <= 1:
            raise ValueError(f"share: wanted 0 < least <= greatest <= 1; got {self.share}")

    def samples(self, sound: Sound) -> int | None:
        """Samples of a view of `seconds`."""
        return None if self.seconds is None else max(1, round(self.seconds * sound.rate))


@dataclass(frozen=True, kw_only=True)
class ChangeConfig(CropConfig):
    """Settings of a view whose sound is changed as well.

    Args:
        speed: slowest and fastest playing, 1 as recorded; pitch moves with it.
        equalise_probability: of a random equaliser.
        equalise: deviation of its levels, dB, at nine pitches evenly spaced on the mel scale.
        bands: frequency masks of each clip (SpecAugment).
        band: width of the widest, as a share of the mel scale.
        reverb_probability: of a random room.
        reverb: shortest and longest reverberation time, seconds to -60 dB.
        noise_probability: of white noise.
        noise: least and greatest level of the clip over the noise, dB.
        gain: least and greatest change of level, dB. It matters to encoders that do not normalise.
        flip_probability: of the wave turned upside down. It matters to encoders of waveforms.
        holes: time masks of each clip (SpecAugment): silence.
        hole: length of the longest, as a share of the clip.

    Raises:
        ValueError: a setting is out of its range; says which.

    Source: SpecAugment, Park et al. 2019, arXiv:1904.08779, section 2 (masks); CLMR, Spijkervet and
    Burgoyne 2021, arXiv:2103.09410, section 3.2 (flip, noise, gain, filter, reverb).
    Differs: everything is done to the waveform, so that encoders of waveforms and of spectrograms
    take the same views; one short filter does equaliser and frequency masks.
    """

    speed: tuple[float, float] = (1.0, 1.0)
    equalise_probability: float = 0.8
    equalise: float = 6.0
    bands: int = 1
    band: float = 0.2
    reverb_probability: float = 0.2
    reverb: tuple[float, float] = (0.1, 0.5)
    noise_probability: float = 0.5
    noise: tuple[float, float] = (10.0, 40.0)
    gain: tuple[float, float] = (-6.0, 6.0)
    flip_probability: float = 0.5
    holes: int = 1
    hole: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("equalise", "reverb", "noise", "flip"):
            key = f"{name}_probability"
            if not 0 <= getattr(self, key) <= 1:
                raise ValueError(f"{key}: wanted 0 to 1; got {getattr(self, key)}")
        for name in ("speed", "reverb"):
            least, most = getattr(self, name)
            if not 0 < least <= most:
                raise ValueError(f"{name}: wanted 0 < least <= greatest; got {(least, most)}")
        for name in ("noise", "gain"):
            least, most = getattr(self, name)
            if least > most:
                raise ValueError(f"{name}: wanted least <= greatest; got {(least, most)}")
        for name in ("equalise", "bands", "holes"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}: wanted at least 0; got {getattr(self, name)}")
        for name in ("band", "hole"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name}: wanted more than 0 and at most 1")
