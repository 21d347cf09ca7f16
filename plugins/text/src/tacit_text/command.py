"""Train a tokenizer on a corpus.

tacit tokenizer --data corpus.txt --out tokenizer --vocabulary 8192
tacit tokenizer --data text/docstrings --out tokenizer --kind bpe
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tacit.cli.verbs import Verb


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `tacit tokenizer` takes."""
    parser.add_argument("--data", required=True, help="a path, or the name of a source of text")
    parser.add_argument("--out", type=Path, required=True, help="an empty or a new directory")
    parser.add_argument("--kind", default="wordpiece", choices=["wordpiece", "bpe"])
    parser.add_argument("--vocabulary", type=int, default=8192, help="tokens at most")
    parser.add_argument("--cased", action="store_true", help="keep case (wordpiece)")


def run(args: argparse.Namespace) -> int:
    """Train, write and say what came of it."""
    from tacit_text.tokenizers import TokenizerConfig, train_tokenizer
    from tacit_text.tokenizers.training import save_tokenizer

    config = TokenizerConfig(kind=args.kind, vocabulary=args.vocabulary, lowercase=not args.cased)
    texts = texts_of(args.data)
    made = train_tokenizer(config, texts)
    save_tokenizer(made, args.out)
    print(f"{args.out}  {len(made):,} tokens from {len(texts):,} texts")
    return 0


def texts_of(data: str) -> list[str]:
    """The texts of a source.

    Raises:
        ValueError: it is none of text.
    """
    from tacit.api.choice import choose_source
    from tacit.plugin import load_plugins
    from tacit_text.data import TextsInMemory

    source = choose_source(load_plugins(), data, where="--data", wanted={"text"}).make()
    if not isinstance(source, TextsInMemory):
        raise ValueError(f"{data}: wanted a source of text; got {type(source).__name__}")
    return list(source.texts())


tokenizer = Verb("tokenizer", "tacit_text.command")
