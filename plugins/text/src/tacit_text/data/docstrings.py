"""Docstrings of the standard library: English that every Python has, told apart by package."""

from __future__ import annotations

import ast
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, TypeAlias

import torch

from tacit_text.data.memory import TextsInMemory
from tacit_text.data.packing import packed

Split: TypeAlias = Literal["train", "test", "all"]

PACKAGES = ("asyncio", "email", "importlib", "logging", "multiprocessing", "xml")
LEAST_WORDS = 4
TEST_EVERY = 5


@cache
def docstrings() -> tuple[tuple[str, int], ...]:
    """Every docstring of the packages once, white space folded, with its package's number.

    Read from the source files and not imported, in the order of their names. The texts are those
    of the Python that runs: others have a few more or fewer.
    """
    found: dict[str, int] = {}
    for number, package in enumerate(PACKAGES):
        for text in _texts(Path(sysconfig.get_paths()["stdlib"]) / package):
            if len(text.split()) >= LEAST_WORDS:
                found.setdefault(text, number)
    return tuple(found.items())


def _texts(folder: Path) -> Iterator[str]:
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for file in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, kinds):
                yield " ".join((ast.get_docstring(node) or "").split())


@dataclass(frozen=True, kw_only=True)
class DocstringsConfig:
    """Which docstrings.

    Args:
        split: `train` (four of five), `test` (every fifth) or `all`.
        words: longer ones are split into pieces of this many words, which share the label; none
            leaves them whole.
    """

    split: Split = "train"
    words: int | None = 16


class Docstrings(TextsInMemory):
    """About 3,000 pieces of documentation, with the package they are from as label."""

    Config = DocstringsConfig

    @classmethod
    def splits(cls, _: DocstringsConfig) -> tuple[str, ...]:
        """See `tacit.data.Source.splits`."""
        return ("train", "test", "all")

    def __init__(self, config: DocstringsConfig) -> None:
        self.config = config
        rows = [
            (piece, label)
            for number, (text, label) in enumerate(docstrings())
            if config.split == "all" or (number % TEST_EVERY == 0) == (config.split == "test")
            for piece in (packed([text], config.words) if config.words else [text])
        ]
        super().__init__(
            [text for text, _ in rows],
            labels=torch.tensor([label for _, label in rows]),
            label_names=PACKAGES,
        )
