"""The fenced blocks of a page, and how a test is to treat each.

A comment right before a fence leaves a block out of the test:

    <!-- skip: why -->
    ```bash

A title makes a block the content of a file, which the page goes on to use:

    ```python title="src/acme_pulse/encoder.py"
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(
    r"""
    (?:^<!--[ ](?P<marker>.*?)[ ]-->\n)?
    ^```(?P<language>\w*)(?:[ ]title="(?P<title>[^"\n]+)")?\n
    (?P<body>.*?)
    ^```$
    """,
    re.MULTILINE | re.DOTALL | re.VERBOSE,
)


@dataclass(frozen=True, kw_only=True)
class Block:
    """A fenced block.

    Args:
        language: the word after the fence; empty if there is none.
        body: what is between the fences.
        line: of its first line, counted from 1.
        title: the file it is the content of, relative to the folder the page runs in.
        skip: why it is not run; None if it is.
    """

    language: str
    body: str
    line: int
    title: str | None = None
    skip: str | None = None


def blocks(page: Path) -> Iterator[Block]:
    """The blocks of a page, in order.

    Raises:
        ValueError: a marker that is not understood.
    """
    text = page.read_text(encoding="utf-8")
    for match in _FENCE.finditer(text):
        kind, _, reason = (match["marker"] or "").partition(": ")
        if kind not in ("", "skip"):
            raise ValueError(f"{page}: unknown marker {match['marker']!r}: wanted 'skip: why'")
        line = text.count("\n", 0, match.start("body")) + 1
        yield Block(
            language=match["language"],
            body=match["body"],
            line=line,
            title=match["title"],
            skip=reason if kind else None,
        )
