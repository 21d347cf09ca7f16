"""Tokenizers trained on a corpus: WordPiece and byte-level BPE."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

_SPECIAL = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}


@dataclass(frozen=True, kw_only=True)
class TokenizerConfig:
    """Settings of a new tokenizer.

    Args:
        kind: `wordpiece` as BERT's, for a language written with spaces; `bpe` on bytes as
            RoBERTa's, which knows no unknown character.
        vocabulary: tokens at most, special ones included. BERT has 30522; small corpora want fewer.
        lowercase: fold case and strip accents; `wordpiece` alone.
        least: occurrences below which a piece is not learnt.

    Raises:
        ValueError: a vocabulary with no room beside bytes and special tokens, or `lowercase` with
            `bpe`.
    """

    kind: Literal["wordpiece", "bpe"] = "wordpiece"
    vocabulary: int = 8192
    lowercase: bool = True
    least: int = 2

    def __post_init__(self) -> None:
        least = 256 + len(_SPECIAL) + 1 if self.kind == "bpe" else len(_SPECIAL) + 1
        if self.vocabulary < least:
            raise ValueError(f"vocabulary: wanted at least {least}; got {self.vocabulary}")


def train_tokenizer(config: TokenizerConfig, texts: Iterable[str]) -> Any:
    """A fast tokenizer of the transformers library, with BERT's special tokens.

    Save it with `save_pretrained(folder)`; `AutoTokenizer.from_pretrained(folder)` opens it.

    Args:
        config: what kind, and how large.
        texts: the corpus; gone through once.

    Raises:
        ValueError: the corpus is empty.

    Source: Wu et al. 2016 (arXiv 1609.08144) for WordPiece, Radford et al. 2019 for BPE on bytes;
        both as the tokenizers library trains them, which merges by frequency in either case.
    """
    from tokenizers import Tokenizer as Backend
    from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    special = list(_SPECIAL.values())
    if config.kind == "bpe":
        backend = Backend(models.BPE())
        backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
        backend.decoder = decoders.ByteLevel()
        trainer: Any = trainers.BpeTrainer(
            vocab_size=config.vocabulary,
            min_frequency=config.least,
            special_tokens=special,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
    else:
        backend = Backend(models.WordPiece(unk_token=_SPECIAL["unk_token"]))
        backend.normalizer = normalizers.BertNormalizer(lowercase=config.lowercase)
        backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        backend.decoder = decoders.WordPiece()
        trainer = trainers.WordPieceTrainer(
            vocab_size=config.vocabulary,
            min_frequency=config.least,
            special_tokens=special,
            show_progress=False,
        )
    corpus = list(texts)
    if not any(text.strip() for text in corpus):
        raise ValueError("tokenizer: the corpus holds no text to learn from")
    backend.train_from_iterator(corpus, trainer)
    opening, closing = _SPECIAL["cls_token"], _SPECIAL["sep_token"]
    backend.post_processor = processors.TemplateProcessing(
        single=f"{opening} $A {closing}",
        special_tokens=[(each, backend.token_to_id(each)) for each in (opening, closing)],
    )
    return PreTrainedTokenizerFast(tokenizer_object=backend, **_SPECIAL)


def save_tokenizer(tokenizer: Any, directory: Path) -> None:
    """Write a tokenizer as `AutoTokenizer` opens it.

    Raises:
        ValueError: the directory holds files already.
    """
    if directory.is_dir() and any(directory.iterdir()):
        raise ValueError(f"{directory}: holds files already; choose an empty or a new directory")
    tokenizer.save_pretrained(str(directory))
