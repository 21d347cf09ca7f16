"""What all encoders of text share: a tokenizer, and texts that are tokenised by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from tacit.contract import Encoder, Tokens
from tacit_text.subwords import Subwords
from tacit_text.texts import Texts
from tacit_text.tokenizers import Tokenizer


@dataclass(frozen=True, kw_only=True, eq=False)
class Sentence:
    """What an encoder of text and its own decoder mix by, beside the tokens.

    Args:
        attended: False where a row is padding.
        table: the word embeddings, to which a decoder over the vocabulary is tied.
    """

    attended: Bool[Tensor, "batch tokens"]
    table: Float[Tensor, "vocabulary features"]


class SubwordEncoder(Encoder):
    """An encoder with a tokenizer of its own. It takes `Texts`, `Subwords` or `Tokens`.

    A run's weights hold a fingerprint of the tokenizer, so that one that has changed since is
    refused and not used.

    Args:
        tokenizer: from texts to subwords.
        name: what it was opened by, for messages.
    """

    tokenizer_fingerprint: Tensor

    def __init__(self, tokenizer: Tokenizer, name: str) -> None:
        super().__init__()
        self.tokenizer, self.tokenizer_name = tokenizer, name
        self.register_buffer("tokenizer_fingerprint", tokenizer.fingerprint())

    def table(self) -> Float[Tensor, "vocabulary features"]:
        """The word embeddings."""
        raise NotImplementedError

    def subwords(self, value: Texts | Subwords) -> Subwords:
        """The value tokenised, on the encoder's device.

        Raises:
            ValueError: see `tacit_text.tokenizers.Tokenizer`.
        """
        if isinstance(value, Subwords):
            return value
        return self.tokenizer(value, self.table().device)

    def tokenize(self, value: Any) -> Tokens:
        """Word embeddings, without positions.

        `valid` is False for padding and for special tokens, which are no tokens of the text;
        `units` are its words.
        """
        subwords = self.subwords(value)
        table = self.table()
        return Tokens(
            values=torch.nn.functional.embedding(subwords.ids, table),
            valid=subwords.content,
            units=subwords.words,
            relations=Sentence(attended=subwords.attended, table=table),
        )

    def token_targets(self, value: Any) -> Int[Tensor, "batch tokens"]:
        """The ids of all tokens, special ones included."""
        return self.subwords(value).ids

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *rest: Any) -> None:
        kept = state_dict.get(f"{prefix}tokenizer_fingerprint")
        if kept is not None and not torch.equal(kept.cpu(), self.tokenizer.fingerprint()):
            raise ValueError(
                f"tokenizer: {self.tokenizer_name!r} is not the one these weights were trained "
                "with: its file has changed since; put the old one back"
            )
        super()._load_from_state_dict(state_dict, prefix, *rest)
