"""Heads that answer for instances: of their vectors, or of their tokens and what joins these."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, TypeAlias

from jaxtyping import Float
from torch import Tensor, nn

from tacit.contract import EncoderSpec, Encoding, Tokens
from tacit.nn.pooling import mean_tokens

HeadKind: TypeAlias = Literal["linear", "own"]
"""`linear`: one layer on the pooled vector. `own`: see `InstanceHead`."""


class InstanceHead(nn.Module):
    """The decoder that an encoder's spec makes; an instance's answer is the mean of its tokens'.

    Where one layer of the encoder's kind is its decoder, the network as a whole is the encoder with
    that layer as its last.

    Args:
        spec: of the encoder; it makes a decoder.
        out: features answered for each instance.
    """

    def __init__(self, spec: EncoderSpec, out: int) -> None:
        super().__init__()
        assert spec.decoder is not None, "requirements ask for it"
        self.network = spec.decoder(out)

    def forward(self, encoding: Encoding, tokens: Tokens) -> Float[Tensor, "instances out"]:
        """The answer for every instance.

        Args:
            encoding: of a value, unmasked.
            tokens: of the same value before the encoder, with whatever they are mixed by.
        """
        assert encoding.tokens is not None, "requirements ask for tokens"
        return mean_tokens(self.network(replace(tokens, values=encoding.tokens)), encoding)


def head_needs(kind: HeadKind) -> frozenset[str]:
    """What a head of a kind needs of an encoder, in the words of requirements."""
    return frozenset({"tokens", "decoder"} if kind == "own" else ())


def build_head(kind: HeadKind, spec: EncoderSpec, out: int) -> nn.Module:
    """The head of a kind."""
    return InstanceHead(spec, out) if kind == "own" else nn.Linear(spec.width, out)
