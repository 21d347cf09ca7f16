"""Tokenizers: any of the transformers library by name or path, or one trained here."""

from tacit_text.tokenizers.tokenizer import ENGLISH, Tokenizer, open_tokenizer
from tacit_text.tokenizers.training import TokenizerConfig, train_tokenizer

__all__ = ["ENGLISH", "Tokenizer", "TokenizerConfig", "open_tokenizer", "train_tokenizer"]
