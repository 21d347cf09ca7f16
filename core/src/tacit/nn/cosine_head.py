"""A decoder of codes: each has a direction, and a token is scored by how near it points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from tacit.contract import EncoderSpec, Encoding, Mask, Tokens
from tacit.functional.precision import full, no_autocast, unit


@dataclass(frozen=True, kw_only=True)
class CosineDecoder:
    """Cosines to a learnt vector for every code, over a temperature: HuBERT's head. For codes.

    Args:
        width: features of those vectors; the paper has 256.
        temperature: cosines are divided by it; above 0.

    Raises:
        ValueError: numbers out of range.
    """

    kind: ClassVar[str] = "cosine"
    width: int = 256
    temperature: float = 0.1

    def __post_init__(self) -> None:
        if self.width < 1 or self.temperature <= 0:
            raise ValueError(
                "decoder: wanted a width of at least 1 and a temperature above 0; got "
                f"{self.width} and {self.temperature}"
            )


class CosineHead(nn.Module):
    """A linear map of every token, dense or packed, and its cosines to the vectors of the codes.

    Args:
        config: width and temperature.
        spec: of the encoder.
        out: codes.

    Source: Hsu et al. 2021 (arXiv 2106.07447) eq. 3; fairseq `hubert.py` and torchaudio's
    `_compute_logits` (read), which put the right code first and are equal otherwise, see the tests.
    """

    tokenwise = True

    def __init__(self, config: CosineDecoder, spec: EncoderSpec, out: int) -> None:
        super().__init__()
        self.temperature = config.temperature
        self.project = nn.Linear(spec.width, config.width)
        self.codes = nn.Parameter(torch.rand(out, config.width))

    def forward(
        self,
        encoding: Encoding,
        mask: Mask,
        tokens: Tokens | None = None,
        reference: Encoding | None = None,
    ) -> Float[Tensor, "*tokens out"]:
        """The scores of all codes for every token.

        Raises:
            ValueError: hidden tokens were dropped.
        """
        if mask.mode == "drop":
            raise ValueError("a cosine decoder cannot predict dropped tokens: use mode='replace'")
        assert encoding.tokens is not None, "requirements ask for tokens"
        projected = self.project(encoding.tokens)
        with no_autocast(projected):
            return unit(full(projected)) @ unit(full(self.codes)).T / self.temperature
