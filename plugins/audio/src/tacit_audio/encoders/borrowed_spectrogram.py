"""transformers' spectrogram transformer as an encoder: patches of Kaldi's filter banks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from tacit.contract import Encoder, EncoderSpec, Encoding, Mask, Tokens
from tacit_audio.encoders.borrowed_waveform import tapped
from tacit_audio.export import export_network
from tacit_audio.features.kaldi import KaldiBank
from tacit_audio.modality import Preprocessing
from tacit_audio.sound import Sound

AST = "audio-spectrogram-transformer"


class BorrowedSpectrogram(Encoder):
    """transformers' `ASTModel` over a spectrogram of one length, filled up with zeros.

    The network looks at what fills a clip up, as it was trained to; since that is the same alone
    and in a batch, so is the embedding. The pooled vector is the mean of the class token and the
    distillation token, which are the registers too. A mask under `replace` puts a learned vector
    where a patch was, before positions. Tokens lie on a grid of (bands, times).

    Args:
        network: an `ASTModel`.
        extractor: its preprocessor.

    Source: Gong et al. 2021, "AST", arXiv:2104.01778; transformers `ASTModel` and
    `ASTFeatureExtractor` (read), to which it is equal, see the tests. Where we differ: clips that
    are too long are refused and not cut.
    """

    def __init__(self, network: Any, extractor: Any) -> None:
        super().__init__()
        self.network, self.extractor = network, extractor
        own = network.config
        self.bank = KaldiBank(extractor.sampling_rate, own.num_mel_bins)
        self.mask_token = nn.Parameter(torch.zeros(own.hidden_size))
        nn.init.trunc_normal_(self.mask_token, std=0.02)
        self.preprocessing = Preprocessing(rate=extractor.sampling_rate, shortest=self.bank.window)
        self.spec = EncoderSpec(
            modality="audio",
            width=own.hidden_size,
            tokens="dense",
            grid=tuple(network.embeddings.get_shape(own)),
            mask_modes=frozenset({"replace"}),
            layers=own.num_hidden_layers,
            target_width=own.patch_size**2,
            preprocessing=self.preprocessing,
        )

    def no_weight_decay(self) -> frozenset[str]:
        """Learned tokens and positions."""
        learned = ("cls_token", "distillation_token", "position_embeddings")
        return frozenset({"mask_token", *(f"network.embeddings.{name}" for name in learned)})

    def exports(self) -> Mapping[str, Callable[[Path], None]]:
        """`transformers`, see `tacit_audio.export`."""
        return {"transformers": partial(export_network, self.network, self.extractor)}

    def spectrogram(self, value: Sound) -> Float[Tensor, "batch time freq"]:
        """Filter banks of the network's length, zeros behind a clip, normalised as it was trained.

        Raises:
            ValueError: another rate, other channels, or a clip that is too short or too long.
        """
        self.preprocessing.check(value)
        values: Tensor
        values, valid = self.bank(value)
        most = self.network.config.max_length
        if values.shape[1] > most:
            raise ValueError(
                f"audio: the model takes {most} frames, {most * self.bank.hop} samples; got "
                f"{value.wave.shape[2]}: read excerpts (data.excerpt), or crop views"
            )
        if valid is not None:
            values = values.masked_fill(~valid[..., None], 0.0)
        values = functional.pad(values, (0, 0, 0, most - values.shape[1]))
        if self.extractor.do_normalize:
            values = (values - self.extractor.mean) / (2 * self.extractor.std)
        return values

    def tokenize(self, value: Sound) -> Tokens:
        """Embedded patches, without positions and class tokens.

        Raises:
            ValueError: recordings that do not fit, see `spectrogram`.
        """
        cut = self.network.embeddings.patch_embeddings
        values = self.spectrogram(value).to(cut.projection.weight.dtype)
        return Tokens(values=cut(values))

    def token_targets(self, value: Sound) -> Float[Tensor, "batch tokens content"]:
        """The cells of every patch."""
        own = self.network.config
        planes = self.spectrogram(value).transpose(1, 2)[:, None]
        cells: Tensor = functional.unfold(
            planes, own.patch_size, stride=(own.frequency_stride, own.time_stride)
        )
        return cells.transpose(1, 2)

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
        x = self._entering(tokens.values, mask)
        with tapped(self.network.layers, taps) as layers:
            for layer in self.network.layers:
                x = layer(x)
        x = self.network.layernorm(x)
        return Encoding(
            pooled=x[:, :2].mean(1),
            tokens=x[:, 2:],
            registers=x[:, :2],
            layers={tap: layer[:, 2:] for tap, layer in layers.items()},
        )

    def _entering(
        self, values: Float[Tensor, "batch tokens width"], mask: Mask | None
    ) -> Float[Tensor, "batch more width"]:
        if mask is not None:
            values = mask.replaced(values, self.mask_token)
        own = self.network.embeddings
        first = (own.cls_token, own.distillation_token)
        whole = torch.cat([*(each.expand(len(values), -1, -1) for each in first), values], dim=1)
        entering: Tensor = own.dropout(whole + own.position_embeddings)
        return entering
