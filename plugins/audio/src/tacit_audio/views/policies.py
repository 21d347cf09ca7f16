"""View policies for recordings: two views, multi-crop, mixed, and the view of masked prediction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Generator

from tacit.contract import Augmentation, Scope, View
from tacit_audio.sound import Sound
from tacit_audio.views import tone
from tacit_audio.views.config import ChangeConfig, CropConfig
from tacit_audio.views.time import change_speed, crop, punch, trimmed


def changed(sound: Sound, config: ChangeConfig, generator: Generator) -> Sound:
    """One view of each clip, its excerpt taken already; what is switched off costs nothing."""
    if config.speed != (1.0, 1.0):
        size = config.samples(sound)
        sound = change_speed(sound, *config.speed, generator)
        sound = sound if size is None else trimmed(sound, size)
    if config.equalise_probability * config.equalise > 0 or config.bands:
        sound = tone.equalise(sound, config, generator)
    if config.reverb_probability > 0:
        sound = tone.reverberate(sound, config, generator)
    if config.noise_probability > 0:
        sound = tone.add_noise(sound, config, generator)
    if config.gain != (0.0, 0.0) or config.flip_probability > 0:
        sound = tone.change_level(sound, config, generator)
    return punch(sound, config.holes, config.hole, generator) if config.holes else sound


@dataclass(frozen=True, kw_only=True)
class TwoViewsConfig(ChangeConfig):
    """Settings of `TwoViews`; see `ChangeConfig`."""


class TwoViews(Augmentation):
    """Two excerpts of each clip, each changed by itself.

    Their `meta` holds `crop`: first sample and the one after the last, in the clip.

    Args:
        config: settings; None for the defaults.

    Source: CLMR (arXiv:2103.09410); COLA (arXiv:2010.10915) has excerpts alone:
    `equalise_probability=0, bands=0, noise_probability=0, reverb_probability=0, holes=0`.
    """

    Config: ClassVar[type[TwoViewsConfig]] = TwoViewsConfig
    roles = ("global", "global")
    meta = frozenset({"crop"})

    def __init__(self, config: TwoViewsConfig | None = None) -> None:
        self.config = config or TwoViewsConfig()

    def __call__(self, value: Sound, generator: Generator) -> tuple[View, ...]:
        """The views; their values have axes of the same length."""
        return tuple(_view(value, self.config, "global", generator) for _ in self.roles)


@dataclass(frozen=True, kw_only=True)
class MixedViewsConfig(TwoViewsConfig):
    """Settings of `MixedViews`; the defaults are BYOL-A's as far as waveforms allow.

    Args:
        mix: greatest share of another clip in the power of a view; BYOL-A has 0.4, its second
            version 0.2.

    Raises:
        ValueError: a share out of range.
    """

    mix: float = 0.4
    reverb_probability: float = 0.0
    bands: int = 0
    holes: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.mix < 1:
            raise ValueError(
                f"mix: wanted more than 0 and less than 1; got {self.mix}: without mixing take "
                "audio/two-views"
            )


class MixedViews(TwoViews):
    """Two views as `TwoViews`, each with another clip of the batch quietly under it.

    Their `meta` also holds `mix`: the share of that clip in the power.

    Source: BYOL-A, Niizumi et al. 2021 (arXiv:2103.06695), section III-B.
    """

    Config: ClassVar[type[TwoViewsConfig]] = MixedViewsConfig
    scope: ClassVar[Scope] = "batch"
    meta = frozenset({"crop", "mix"})

    def __init__(self, config: MixedViewsConfig | None = None) -> None:
        super().__init__(config or MixedViewsConfig())

    def __call__(self, value: Sound, generator: Generator) -> tuple[View, ...]:
        """The views; their values have axes of the same length."""
        return tuple(self._mixed(value, generator) for _ in self.roles)

    def _mixed(self, value: Sound, generator: Generator) -> View:
        assert isinstance(self.config, MixedViewsConfig)
        excerpt, where = crop(value, self.config, generator)
        mixed, share = tone.mix(excerpt, self.config.mix, generator)
        sound = changed(mixed, self.config, generator)
        return View(value=sound, role="global", meta={"crop": where, "mix": share})


@dataclass(frozen=True, kw_only=True)
class MultiCropConfig(ChangeConfig):
    """Settings of `MultiCrop`.

    Args:
        local_count: how many short views.
        local_share: least and greatest part of each clip in a short view.
        local_seconds: their length, where `seconds` is set; None: a third of that.

    Raises:
        ValueError: a setting is out of its range; says which.
    """

    share: tuple[float, float] = (0.6, 1.0)
    local_count: int = 4
    local_share: tuple[float, float] = (0.2, 0.5)
    local_seconds: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.local_count < 1:
            raise ValueError(
                f"local_count: wanted at least 1; got {self.local_count}: or take audio/two-views"
            )
        if self.local_seconds is not None and self.seconds is None:
            raise ValueError("local_seconds has no effect without seconds: set local_share")
        self.local()  # refuses what does not fit a view

    def local(self) -> ChangeConfig:
        """The settings of the short views."""
        seconds = self.local_seconds
        if seconds is None and self.seconds is not None:
            seconds = self.seconds / 3
        whole = {name: getattr(self, name) for name in ChangeConfig.__dataclass_fields__}
        return ChangeConfig(**whole | {"share": self.local_share, "seconds": seconds})


class MultiCrop(Augmentation):
    """Two long excerpts of each clip (role `global`) and several short ones (`local`).

    Args:
        config: settings; None for the defaults.

    Source: SwAV, Caron et al. 2020 (arXiv:2006.09882), section 3.3, along time.
    """

    Config: ClassVar[type[MultiCropConfig]] = MultiCropConfig
    meta = frozenset({"crop"})

    def __init__(self, config: MultiCropConfig | None = None) -> None:
        self.config = config or MultiCropConfig()
        self.roles = ("global",) * 2 + ("local",) * self.config.local_count

    def __call__(self, value: Sound, generator: Generator) -> tuple[View, ...]:
        """The views, long ones first."""
        local = self.config.local()
        return tuple(
            _view(value, self.config if role == "global" else local, role, generator)
            for role in self.roles
        )


@dataclass(frozen=True, kw_only=True)
class MaskedConfig(CropConfig):
    """Settings of `Masked`: the whole clip, if not said otherwise."""

    share: tuple[float, float] = (1.0, 1.0)


class Masked(Augmentation):
    """One excerpt of each clip, unchanged, whose tokens are to be masked.

    Args:
        config: settings; None for the defaults.

    Source: Audio-MAE, Huang et al. 2022 (arXiv:2207.06405), section 4.2: masking is enough.
    """

    Config: ClassVar[type[MaskedConfig]] = MaskedConfig
    roles = ("view",)
    meta = frozenset({"crop"})

    def __init__(self, config: MaskedConfig | None = None) -> None:
        self.config = config or MaskedConfig()

    def __call__(self, value: Sound, generator: Generator) -> tuple[View, ...]:
        """The view."""
        excerpt, where = crop(value, self.config, generator)
        return (View(value=excerpt, meta={"crop": where}),)


def _view(value: Sound, config: ChangeConfig, role: str, generator: Generator) -> View:
    excerpt, where = crop(value, config, generator)
    return View(value=changed(excerpt, config, generator), role=role, meta={"crop": where})
