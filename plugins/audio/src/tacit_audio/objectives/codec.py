"""Codes of a neural codec as targets: what its residual codebooks make of every frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Int
from torch import Tensor, nn
from torch.nn import functional

from tacit.contract import Context, EncoderSpec, Requirements, View
from tacit.nn.judged import JudgedCodes
from tacit_audio.export import imported
from tacit_audio.modality import Frames, Preprocessing
from tacit_audio.sound import Sound

AFTER = 4  # frames of silence behind a clip, so that its last code does not know where it ends


@dataclass(frozen=True, kw_only=True)
class CodecTarget:
    """The codes of transformers' EnCodec, which is never trained here.

    Args:
        model: folder or name of the codec (`facebook/encodec_24khz`). Its rate and hop must be the
            encoder's: 24 kHz and 320 samples, 75 frames a second.
        books: how many of its codebooks, the coarsest first; MERT has 8, of 6 kbit a second.

    Raises:
        ValueError: fewer than 1 codebook.
    """

    kind: ClassVar[str] = "codec"
    needs: ClassVar[Requirements] = Requirements(capabilities=frozenset({"tokens"}))
    model: str
    books: int = 8

    def __post_init__(self) -> None:
        if self.books < 1:
            raise ValueError(f"books: wanted at least 1; got {self.books}")


class Codec(nn.Module):
    """A frozen codec that answers a code of every codebook for every token of an encoder.

    Args:
        network: an `EncodecModel`.
        books: how many codebooks.
        frames: of the encoder.

    Raises:
        ValueError: more codebooks than it has, or frames of another length.
    """

    def __init__(self, network: Any, books: int, frames: Frames) -> None:
        super().__init__()
        own = network.config
        hop = int(own.hop_length)
        if books > own.num_quantizers:
            raise ValueError(f"books: the codec has {own.num_quantizers}; got {books}")
        if hop != frames.hop:
            raise ValueError(
                f"codec: its frames are {hop} samples apart, the encoder's {frames.hop}: set the "
                "encoder's strides so that their product is the codec's"
            )
        self.network = network.requires_grad_(False)
        self.books, self.frames = books, frames
        self.bandwidth = max(own.target_bandwidths)
        self._last: tuple[Sound, int, Tensor] | None = None

    @torch.no_grad()
    def forward(self, sound: Sound, tokens: int) -> Int[Tensor, "batch tokens books"]:
        """The codes of the first so many tokens; the same request runs once."""
        if self._last is not None and self._last[0] is sound and self._last[1] == tokens:
            return self._last[2]
        wave = sound.silenced().float().mean(1, keepdim=True)
        hop, first = self.frames.hop, self.frames.middle // self.frames.hop
        wave = functional.pad(wave, (0, AFTER * hop + -wave.shape[2] % hop))
        codes: Tensor = self.network.encode(wave, bandwidth=self.bandwidth).audio_codes[0]
        codes = codes[:, : self.books, first:].transpose(1, 2)
        codes = codes.repeat_interleave(self.frames.rows, dim=1)[:, :tokens]
        self._last = (sound, tokens, codes)
        return codes

    def forget(self) -> None:
        """Let go of the last clips."""
        self._last = None


class Book(JudgedCodes):
    """One codebook of a codec as a target.

    Args:
        codec: shared by all books; it belongs to whoever made it.
        number: of the codebook.
    """

    def __init__(self, codec: Codec, number: int) -> None:
        super().__init__()
        self._codec, self.number = [codec], number  # a list: not registered a second time
        self.width = int(codec.network.config.codebook_size)

    def forward(self, view: View, ctx: Context) -> Int[Tensor, "batch tokens"]:
        """The codes of every token."""
        tokens = ctx.tokenize(view).values.shape[1]
        codes: Tensor = self._codec[0](view.value, tokens)[..., self.number]
        return codes

    def settle(self) -> None:
        """Let go of the last clips."""
        self._codec[0].forget()


def load_codec(config: CodecTarget, spec: EncoderSpec) -> Codec:
    """The codec of a configuration, for an encoder.

    Raises:
        ValueError: it cannot be loaded, is no EnCodec, or works at another rate than the encoder.
    """
    library = imported()
    try:
        network = library.EncodecModel.from_pretrained(config.model)
    except Exception as error:  # the hub, the network and the model class raise their own
        raise ValueError(
            f"codec: {config.model!r} cannot be loaded: {str(error).splitlines()[0]}. Name a "
            "folder with an EnCodec, or a name on a hub that can be reached"
        ) from error
    preprocessing = spec.preprocessing
    assert isinstance(preprocessing, Preprocessing)
    if network.config.sampling_rate != preprocessing.rate:
        raise ValueError(
            f"codec: it takes {network.config.sampling_rate} Hz, the encoder {preprocessing.rate}: "
            "give source and encoder the codec's rate"
        )
    return Codec(network, config.books, frames_of(spec))


def frames_of(spec: EncoderSpec) -> Frames:
    """When the tokens of an encoder are.

    Raises:
        ValueError: it does not say.
    """
    preprocessing = spec.preprocessing
    if not isinstance(preprocessing, Preprocessing) or preprocessing.frames is None:
        raise ValueError(
            "mert: wanted an encoder that says when its tokens are (Preprocessing.frames), as "
            "audio/wav2vec2 and audio/spectrogram-transformer do"
        )
    return preprocessing.frames
