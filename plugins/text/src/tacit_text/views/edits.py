"""Small changes of strings: characters masked, words deleted, swapped and shuffled.

Strings stay strings: the encoder's tokenizer makes of the result what it makes of any text.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from tacit_text.texts import GAP, Texts


@dataclass(frozen=True, kw_only=True)
class Edits:
    """What is done to a text, in this order. Nothing, by default.

    Args:
        delete: share of the words that are left out; one word at least stays. TSDAE has 0.6.
        swap: share of the words that change places with the word after them.
        shuffle: words move at most about this many places; 0 leaves the order.
        mask: characters, one run of them, that one mask token replaces. Mirror-BERT has 5.
        shortest: characters a text must have for that; Mirror-BERT has 30.

    Raises:
        ValueError: shares outside [0, 1), or numbers below 0.
    """

    delete: float = 0.0
    swap: float = 0.0
    shuffle: int = 0
    mask: int = 0
    shortest: int = 30

    def __post_init__(self) -> None:
        for name in ("delete", "swap"):
            if not 0 <= (share := getattr(self, name)) < 1:
                raise ValueError(f"{name}: wanted a share of at least 0, below 1; got {share}")
        for name in ("shuffle", "mask", "shortest"):
            if (number := getattr(self, name)) < 0:
                raise ValueError(f"{name}: wanted at least 0; got {number}")

    @property
    def plain(self) -> bool:
        """Whether nothing is done."""
        return not (self.delete or self.swap or self.shuffle or self.mask)


def edited(texts: Texts, edits: Edits, draw: random.Random) -> Texts:
    """The texts, each changed by itself; themselves where nothing is to be done.

    Source: Wang et al. 2021 (arXiv 2104.06979) section 3 for deletion; Liu et al. 2021 (arXiv
        2104.08027) section 2 for masked characters, cambridgeltl/mirror-bert. Differs: any run of
        characters may be masked, where that code replaces the first occurrence of its characters;
        and the token is the encoder's own mask token, where the code writes "[MASK]" for all.
    """
    if edits.plain:
        return texts
    return Texts(tuple(_edit(text, edits, draw) for text in texts.strings))


def _edit(text: str, edits: Edits, draw: random.Random) -> str:
    if edits.delete or edits.swap or edits.shuffle:
        words = _deleted(text.split(), edits.delete, draw)
        words = _swapped(words, edits.swap, draw)
        if edits.shuffle:
            places = [place + draw.uniform(0, edits.shuffle + 1) for place in range(len(words))]
            words = [word for _, word in sorted(zip(places, words, strict=True))]
        text = " ".join(words)
    if edits.mask and len(text) >= max(edits.shortest, edits.mask + 1):
        start = draw.randrange(len(text) - edits.mask + 1)
        text = f"{text[:start]} {GAP} {text[start + edits.mask :]}"
    return text


def _deleted(words: list[str], share: float, draw: random.Random) -> list[str]:
    if not share:
        return words
    kept = [word for word in words if draw.random() >= share]
    return kept or [draw.choice(words)]


def _swapped(words: list[str], share: float, draw: random.Random) -> list[str]:
    words = list(words)
    place = 0
    while share and place < len(words) - 1:
        if draw.random() < share:
            words[place], words[place + 1] = words[place + 1], words[place]
            place += 1
        place += 1
    return words
