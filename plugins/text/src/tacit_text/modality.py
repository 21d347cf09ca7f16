"""Text as a modality: how strings make a batch, what plain numbers they are, what fits an encoder.

Who tokenises: the **encoder**, with the tokenizer of its own `Preprocessing`. So an encoder is
probed, embedded and exported on any strings, and no data set has to be prepared for it.
"""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from tacit.contract import Modality
from tacit_text.texts import Texts
from tacit_text.tokenizers import open_tokenizer

HASHED = 2048


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """What a text encoder does to strings before anything else.

    Args:
        tokenizer: the name it was opened by.
        vocabulary: its tokens, special ones included.
        rows: word embeddings of the encoder: as many, or some more that mean nothing.
        features: of a word embedding.
        max_tokens: of a text, special ones included.
        truncate: whether longer texts are cut, and counted, or refused.
    """

    tokenizer: str
    vocabulary: int
    rows: int
    features: int
    max_tokens: int
    truncate: bool


class Text(Modality):
    """Strings, as `Texts`."""

    name = "text"
    default_encoder = "text/bert"

    def collate(self, samples: Sequence[Any]) -> Texts:
        """Strings as one batch.

        Raises:
            ValueError: no string, or something else than strings.
        """
        if not samples:
            raise ValueError("text: wanted at least one text to collate; got none")
        for position, sample in enumerate(samples):
            if not isinstance(sample, str):
                got = type(sample).__name__
                raise ValueError(f"text: wanted strings; got {got} at {position}")
        return Texts(tuple(samples))

    def size(self, value: Any) -> int:
        """Texts of a batch."""
        return len(value)

    def concatenate(self, values: Sequence[Any]) -> Texts | None:
        """One batch with all texts; None where they are tokenised already."""
        if not all(isinstance(value, Texts) for value in values):
            return None
        return Texts(tuple(text for value in values for text in value.strings))

    def raw_features(self, value: Any) -> Float[Tensor, "instances features"]:
        """Words counted by their hash, logarithmic and of length 1: the baseline of every probe.

        Close to TF-IDF once a probe has standardised it; without a vocabulary, so that it needs no
        pass over the data. Words share a number where their hashes do.
        """
        counts = torch.zeros(len(value), HASHED)
        for row, text in enumerate(value.strings):
            places = [zlib.crc32(word.encode()) % HASHED for word in text.lower().split()]
            counts[row].scatter_add_(
                0, torch.tensor(places, dtype=torch.long), torch.ones(len(places))
            )
        logarithmic = counts.log1p()
        return torch.nn.functional.normalize(logarithmic, dim=1)

    def fit(self, preprocessing: object | None, value: Any) -> None:
        """Refuse values that are no texts.

        Raises:
            ValueError: wanted and got.
        """
        if not isinstance(value, Texts):
            raise ValueError(
                f"text: wanted a source of tacit_text.texts.Texts; got {type(value).__name__}"
            )
        if preprocessing is not None and not isinstance(preprocessing, Preprocessing):
            raise ValueError(
                "text: wanted an encoder with tacit_text.modality.Preprocessing; "
                f"got {type(preprocessing).__name__}"
            )

    def survey(self, preprocessing: object | None, values: Iterator[Any]) -> None:
        """Refuse texts longer than the encoder reads, or, where it cuts, say how many it will.

        Raises:
            ValueError: how many, the longest, and which settings mend it.
        """
        if not isinstance(preprocessing, Preprocessing):
            return
        tokenizer = open_tokenizer(preprocessing.tokenizer, longest=preprocessing.max_tokens)
        count, long = 0, []
        for texts in values:
            count += len(texts)
            # No tokenizer makes more tokens than bytes, so that most texts need not be cut up.
            doubtful = [t for t in texts.strings if len(t.encode()) > preprocessing.max_tokens - 2]
            lengths = tokenizer.lengths(Texts(tuple(doubtful)))
            long += [length for length in lengths if length > preprocessing.max_tokens]
        if not long:
            return
        lost = sum(long) - len(long) * preprocessing.max_tokens
        what = (
            f"text: {len(long):,} of {count:,} texts have more than {preprocessing.max_tokens} "
            f"tokens, the longest {max(long):,}"
        )
        if not preprocessing.truncate:
            raise ValueError(
                f"{what}: split them (the source's pack=), raise the encoder's max_tokens, or have "
                "them cut with the encoder's truncate=true"
            )
        warnings.warn(f"{what}: they are cut, which loses {lost:,} tokens", stacklevel=2)
