"""Texts of about one length, made of texts of any."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def packed(texts: Iterable[str], words: int) -> list[str]:
    """Texts joined, and split between words, to a number of words each.

    Nothing is lost and the order stays. A text is joined to the one before it, so that batches
    hold little padding; where it goes on beyond the limit the rest begins a new one.

    Args:
        texts: one after the other, as a corpus has them.
        words: of every result but the last, which may have fewer; at least 1.

    Raises:
        ValueError: no words.

    Source: Liu et al. 2019 (arXiv 1907.11692) section 4.2, "full-sentences". Differs: counted in
        words, since the tokenizer is the encoder's, and without a separator between documents.
    """
    if words < 1:
        raise ValueError(f"pack: wanted at least 1 word; got {words}")
    return list(_rows(texts, words))


def _rows(texts: Iterable[str], words: int) -> Iterator[str]:
    row: list[str] = []
    for text in texts:
        row += text.split()
        while len(row) >= words:
            yield " ".join(row[:words])
            row = row[words:]
    if row:
        yield " ".join(row)
