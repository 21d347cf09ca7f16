"""transformers' networks over waveforms: wav2vec 2.0, HuBERT, WavLM and those of their shape."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from tacit.contract import Encoder, EncoderSpec, Encoding, Mask, Tokens
from tacit_audio.encoders import masking
from tacit_audio.encoders.front import loudness_normalised, normed, places, reach, step
from tacit_audio.export import export_network
from tacit_audio.features.frames import FrameFeatures, FrameKind
from tacit_audio.modality import Frames, Preprocessing
from tacit_audio.sound import Sound, mean_there

KINDS = ("wav2vec2", "hubert", "wavlm", "unispeech", "unispeech-sat")
"""Model types that are convolutions over samples, one convolution of positions, a transformer."""


class BorrowedWaveform(Encoder):
    """A network of transformers over waveforms.

    A mask under `replace` puts the network's own vector for masked frames where a frame was, or a
    learned one where it has none. Layers 1 to `layers` are the blocks' outputs. The pooled vector
    is the mean over frames. Padding enters nothing, also where transformers lets it: in the group
    norm of the Base models. Layers are not dropped and features not masked at random in training,
    whatever the model's configuration says; its dropout stays.

    Args:
        network: of one of `KINDS`.
        extractor: its preprocessor.
        targets: what `token_targets` are, see `FrameKind`.
        normalise_targets: each of them over its clip.

    Raises:
        ValueError: a network with parts that let padding in.
    """

    def __init__(
        self, network: Any, extractor: Any, *, targets: FrameKind, normalise_targets: bool
    ) -> None:
        super().__init__()
        self.network, self.extractor = network, extractor
        own = network.config
        for setting in ("add_adapter", "conv_pos_batch_norm"):
            if getattr(own, setting, False):
                raise ValueError(f"model: it has {setting}, which lets padding in")
        own.layerdrop, own.apply_spec_augment = 0.0, False
        self.shapes = tuple(zip(own.conv_kernel, own.conv_stride, strict=True))
        hop, field = reach(own.conv_kernel, own.conv_stride)
        rate = extractor.sampling_rate
        self.features = FrameFeatures(rate, hop, field, targets, normalise=normalise_targets)
        self.own_mask: nn.Parameter | None = None
        if not hasattr(self.network, "masked_spec_embed"):
            self.own_mask = nn.Parameter(torch.rand(own.hidden_size))
        self.preprocessing = Preprocessing(
            rate=rate, shortest=field, frames=Frames(hop=hop, middle=field // 2)
        )
        self.spec = EncoderSpec(
            modality="audio",
            width=own.hidden_size,
            tokens="dense",
            mask_modes=frozenset({"replace"}),
            layers=own.num_hidden_layers,
            target_width=self.features.width,
            latent_width=own.conv_dim[-1],
            preprocessing=self.preprocessing,
        )

    def no_weight_decay(self) -> frozenset[str]:
        """The vector for masked frames."""
        return frozenset({"own_mask" if self.own_mask is not None else "network.masked_spec_embed"})

    def exports(self) -> Mapping[str, Callable[[Path], None]]:
        """`transformers`, see `tacit_audio.export`."""
        return {"transformers": partial(export_network, self.network, self.extractor)}

    def tokenize(self, value: Sound) -> Tokens:
        """Projected frames, without positions; zero where a row is padding.

        Raises:
            ValueError: another rate, other channels, or a clip with no room for a frame.
        """
        self.preprocessing.check(value)
        plain = not self.extractor.do_normalize
        wave = value.silenced()[:, 0] if plain else loudness_normalised(value)
        frames, valid = self._frames(wave.to(self._weight().dtype), value)
        project = self.network.feature_projection
        latents = project.layer_norm(frames) if hasattr(project, "layer_norm") else frames
        values = project.dropout(project.projection(latents))
        if valid is not None:
            values = values.masked_fill(~valid[..., None], 0.0)
        energy = frames.float().square().mean(2)
        return Tokens(values=values, valid=valid, latents=latents, energy=energy)

    def token_targets(self, value: Sound) -> Float[Tensor, "batch tokens features"]:
        """MFCCs or log-mel values around the middle of every frame."""
        self.preprocessing.check(value)
        tokens, valid = places(self.shapes, value.wave.shape[2], value.lengths)
        features: Tensor = self.features(value, tokens, valid)
        return features

    def forward(
        self, value: Sound | Tokens, *, mask: Mask | None = None, taps: Sequence[int] = ()
    ) -> Encoding:
        """Encode recordings, or tokens made by `tokenize`.

        Raises:
            ValueError: recordings that do not fit, a mask of another shape or mode, or taps
                outside the layers.
        """
        self.check_mask(mask)
        self.check_taps(taps)
        tokens = value if isinstance(value, Tokens) else self.tokenize(value)
        if mask is not None:
            mask.check(*tokens.values.shape[:2])
        with tapped(self.network.encoder.layers, taps) as layers:
            # The network writes zeros into padding in place, so it gets a copy.
            entering = masking.replaced(tokens, mask, self._mask_token()).clone()
            answer = self.network.encoder(entering, attention_mask=tokens.valid)
        last = answer.last_hidden_state
        pooled = mean_there(last, tokens.valid)
        return Encoding(pooled=pooled, tokens=last, valid=tokens.valid, layers=layers)

    def _frames(
        self, samples: Float[Tensor, "batch samples"], value: Sound
    ) -> tuple[Float[Tensor, "batch frames features"], Bool[Tensor, "batch frames"] | None]:
        """The convolutions one by one, for a norm over time must be told what is padding."""
        x, size, lengths = samples[:, None], samples.shape[1], value.lengths
        valid: Tensor | None = None
        layers = self.network.feature_extractor.conv_layers
        for layer, (kernel, stride) in zip(layers, self.shapes, strict=True):
            size, lengths, valid = step(size, lengths, kernel, stride)
            x = layer.activation(normed(layer.conv(x), valid, getattr(layer, "layer_norm", None)))
        return x.transpose(1, 2), valid

    def _mask_token(self) -> Tensor:
        token: Tensor = self.network.masked_spec_embed if self.own_mask is None else self.own_mask
        return token

    def _weight(self) -> Tensor:
        weight: Tensor = self.network.feature_projection.projection.weight
        return weight


@contextmanager
def tapped(blocks: Any, taps: Sequence[int]) -> Iterator[dict[int, Tensor]]:
    """What some blocks answer while the network runs; it has no other way to say so."""
    found: dict[int, Tensor] = {}

    def keep(number: int) -> Any:
        def hook(_block: object, _inputs: object, answer: Any) -> None:
            found[number] = answer[0] if isinstance(answer, tuple) else answer

        return hook

    hooks = [blocks[tap - 1].register_forward_hook(keep(tap)) for tap in taps]
    try:
        yield found
    finally:
        for each in hooks:
            each.remove()
