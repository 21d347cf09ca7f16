"""MERT: hidden frames of music, with others over it, are predicted as codes and as pitches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from tacit.contract import (
    Context,
    DataInfo,
    EncoderSpec,
    Encoding,
    Losses,
    Objective,
    Requirements,
    View,
    Views,
)
from tacit.functional import masked_cross_entropy, masked_mean_squared_error
from tacit.nn import (
    CosineDecoder,
    Hiding,
    InputTarget,
    KMeansTarget,
    LinearDecoder,
    RandomProjectionTarget,
    SpanMask,
    Target,
    build_decoder,
    build_target,
)
from tacit.objectives import MaskedPrediction, MaskedPredictionConfig
from tacit_audio.features import ConstantQ, ConstantQConfig
from tacit_audio.features.frames import Aligned
from tacit_audio.modality import Preprocessing
from tacit_audio.objectives.codec import Book, CodecTarget, frames_of, load_codec
from tacit_audio.sound import Sound, mean_there

FLOOR, EPS = 1e-4, 1e-5  # of magnitudes before the logarithm, and of their variance

AcousticTarget: TypeAlias = KMeansTarget | RandomProjectionTarget | CodecTarget


@dataclass(frozen=True, kw_only=True)
class MertConfig:
    """Settings of MERT; the defaults are for small data.

    Args:
        mask: which frames are hidden. The paper hides spans of 10 with HuBERT's 0.8.
        acoustic: the codes. The paper's final models have `codec`, an earlier one clusters.
        decoder: of each codebook; 64 features in the paper.
        low: the lowest pitch of the constant-Q transform, Hz.
        pitches: how many; the paper has 336, seven octaves.
        per_octave: of them; the paper has 48. Kernels grow with its square.
        musical: weight of the pitches beside the codes; the paper's.
        penalty: weight of the mean square of what the convolutions answer; the paper's 10 is for
            encoders that do not normalise it on the way.

    Raises:
        ValueError: a weight below 0.
    """

    mask: SpanMask = SpanMask(ratio=0.5, length=4)
    acoustic: AcousticTarget = KMeansTarget(of=InputTarget(), codes=100, tokens=8)
    decoder: CosineDecoder = CosineDecoder(width=64)
    low: float = 32.703
    pitches: int = 72
    per_octave: int = 12
    musical: float = 1.0
    penalty: float = 0.0

    def __post_init__(self) -> None:
        if min(self.musical, self.penalty) < 0:
            raise ValueError(
                f"musical, penalty: wanted at least 0; got {self.musical} and {self.penalty}"
            )


class Pitches(nn.Module):
    """The constant-Q spectrum at the time of every token: what it sounds like, by its notes.

    Logarithms of magnitudes, their mean over a clip 0 and their variance 1, so that loud and quiet
    clips count alike.

    Args:
        config: of the transform.
        spec: of an encoder that says when its tokens are.

    Raises:
        ValueError: it does not say, or pitches above half of the encoder's rate.
    """

    def __init__(self, config: MertConfig, spec: EncoderSpec) -> None:
        super().__init__()
        frames = frames_of(spec)
        assert isinstance(spec.preprocessing, Preprocessing)
        transform = ConstantQConfig(
            rate=spec.preprocessing.rate,
            hop=frames.hop,
            low=config.low,
            bins=config.pitches,
            per_octave=config.per_octave,
        )
        self.rows = frames.rows
        self.aligned = Aligned(ConstantQ(transform), frames.hop, frames.middle)

    @torch.no_grad()
    def forward(
        self, sound: Sound, tokens: int, valid: Bool[Tensor, "batch tokens"] | None
    ) -> Float[Tensor, "batch tokens pitches"]:
        """The spectrum of the first so many tokens of each clip."""
        with torch.autocast(sound.wave.device.type, enabled=False):
            values: Tensor = (self.aligned(sound, tokens // self.rows) + FLOOR).log()
            there = None if valid is None else valid[:, :: self.rows]
            values = values - mean_there(values.mean(2), there)[:, None, None]
            spread = mean_there(values.square().mean(2), there)[:, None, None]
            values = values * (spread + EPS).rsqrt()
            return values.repeat_interleave(self.rows, dim=1)


class Mert(Objective):
    """Predicts hidden frames twice over: as acoustic codes, and as their constant-Q spectrum.

    Both are those of the first view, the clip by itself; frames are hidden and predicted in the
    second, in which snippets of other clips may lie over it.

    Source: Li et al. 2023 (arXiv 2306.00107) sections 3.1 to 3.3; yizhilll/MERT (read). Differs:
    pitches are predicted on a logarithmic scale, normalised over each clip, where the paper has
    plain magnitudes, whose loss depends on how loud a clip is; without a codec the codes are one
    set of clusters of the encoder's own targets, where the paper's cluster models have one of
    timbre and one of chroma.
    """

    Config = MertConfig

    def __init__(self, config: MertConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or MertConfig()
        self.masking = MaskedPrediction(
            MaskedPredictionConfig(
                mask=config.mask, mode="replace", decoder=LinearDecoder(), penalty=config.penalty
            )
        )
        self.codecs, self.books, self.heads = nn.ModuleDict(), nn.ModuleDict(), nn.ModuleDict()
        self.pitches, self.tones = nn.ModuleDict(), nn.ModuleDict()
        self.specs: dict[str, EncoderSpec] = {}
        self.requires = _requirements(config, self.masking.requires)

    def build(self, specs: Mapping[str, EncoderSpec], data: DataInfo) -> None:
        """Codebooks with a head each, and a linear map to the pitches.

        Raises:
            ValueError: an encoder that does not say when its tokens are, or whose rate or frames
                are not the codec's.
        """
        for name, spec in specs.items():
            self.pitches[name] = Pitches(self.config, spec)
            self.tones[name] = nn.Linear(spec.width, self.config.pitches)
            books = self._books(name, spec)
            self.books[name] = nn.ModuleList(books)
            self.heads[name] = nn.ModuleList(
                build_decoder(self.config.decoder, spec, book.width) for book in books
            )
            self.specs[name] = spec

    def _books(self, name: str, spec: EncoderSpec) -> list[Target]:
        if not isinstance(self.config.acoustic, CodecTarget):
            return [build_target(self.config.acoustic, spec)]
        codec = self.codecs[name] = load_codec(self.config.acoustic, spec)
        return [Book(codec, number) for number in range(codec.books)]

    def before_epoch(self, ctx: Context) -> None:
        """Codes that are made of the data read it."""
        for name, book in self._each():
            book.prepare(name, ctx)

    def after_step(self, ctx: Context) -> None:
        """Let go of what was seen."""
        for _, book in self._each():
            book.settle()

    def forward(self, views: Views, ctx: Context) -> Losses:
        """One term for all codebooks together, and one for the pitches.

        Raises:
            ValueError: views that are not one `target` and one `context`.
        """
        name = views[0].modality
        clean, heard = _pair(views)
        contents = [book(clean, ctx) for book in self._of(name)]
        (hiding,) = self.masking.hidings(self.specs[name], heard, contents[0], ctx)
        encoding = self.masking.encode(heard, hiding.mask, ctx)
        asked = self.masking.asked(heard, hiding, encoding)
        terms = {"acoustic": self._acoustic(name, contents, hiding, encoding, asked)}
        if self.config.musical:
            assert encoding.tokens is not None, "requirements ask for tokens"
            wanted = self.pitches[name](clean.value, asked.shape[1], encoding.valid)
            error = masked_mean_squared_error(self.tones[name](encoding.tokens), wanted, asked)
            terms["musical"] = self.config.musical * error
        terms |= self.masking.effort(heard, encoding, ctx)
        return Losses(terms=terms, metrics=self._of(name)[0].metrics())  # the coarsest codebook

    def _acoustic(
        self, name: str, contents: list[Tensor], hiding: Hiding, encoding: Encoding, asked: Tensor
    ) -> Tensor:
        """The sum over the codebooks."""
        errors = []
        for book, head, content in zip(
            self._of(name), self.heads[name].children(), contents, strict=True
        ):
            scores = head(encoding, hiding.mask)
            book.judge(scores.detach(), content, asked)
            errors.append(masked_cross_entropy(scores, content, asked))
        return torch.stack(errors).sum()

    def _of(self, name: str) -> list[Target]:
        return [book for each, book in self._each() if each == name]

    def _each(self) -> list[tuple[str, Target]]:
        return [
            (name, book)
            for name, books in self.books.items()
            for book in books.children()
            if isinstance(book, Target)
        ]


def _pair(views: Views) -> tuple[View, View]:
    clean, heard = views.by_role("target"), views.by_role("context")
    if len(views) != 2 or len(clean) != 1 or len(heard) != 1:
        raise ValueError(
            "mert: wanted a view of role 'target' and one of role 'context', as of "
            f"audio/clean-and-mixed; got {[view.role for view in views]}"
        )
    return clean[0], heard[0]


def _requirements(config: MertConfig, masking: Requirements) -> Requirements:
    needs = config.acoustic.needs
    return replace(
        masking,
        capabilities=masking.capabilities - {"targets"} | needs.capabilities,
        teachers=needs.teachers,
        instances=needs.instances,
        views=2,
        most_views=2,
        batch=2,
    )
