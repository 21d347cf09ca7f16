"""Give a model the frequent words of a corpus that its tokenizer cuts into pieces.

tacit vocabulary --model exported --data corpus.txt --out wider --words 500
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tacit.cli.verbs import Verb


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `tacit vocabulary` takes."""
    parser.add_argument("--model", required=True, help="a folder of the transformers library")
    parser.add_argument("--data", required=True, help="a path, or the name of a source of text")
    parser.add_argument("--out", type=Path, required=True, help="an empty or a new directory")
    parser.add_argument("--words", type=int, default=1000, help="new words at most")
    parser.add_argument("--least", type=int, default=5, help="occurrences that earn a word a row")
    parser.add_argument("--start", default="context", choices=["context", "pieces", "random"])


def run(args: argparse.Namespace) -> int:
    """Extend, write and say what came of it."""
    from tacit_text.command import texts_of
    from tacit_text.tokenizers.training import save_tokenizer
    from tacit_text.vocabulary import VocabularyConfig, extend_vocabulary, open_model

    config = VocabularyConfig(words=args.words, least=args.least, start=args.start)
    model, tokenizer = open_model(args.model)
    words = extend_vocabulary(model, tokenizer, texts_of(args.data), config)
    save_tokenizer(tokenizer, args.out)
    model.save_pretrained(str(args.out))
    few = ", ".join(words[:8])
    print(f"{args.out}  {len(words):,} new words, {len(tokenizer):,} tokens: {few} ...")
    return 0


vocabulary = Verb("vocabulary", "tacit_text.vocabulary_command")
