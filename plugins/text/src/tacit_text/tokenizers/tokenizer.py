"""A tokenizer as encoders use it: texts in, padded tokens and what is known of them out."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from tacit_text.subwords import Subwords
from tacit_text.texts import GAP, Texts

ENGLISH = "english"
"""The name of the tokenizer that comes with the package."""

_OURS = Path(__file__).parent / "english"
_KEPT = 4


class Tokenizer:
    """A fast tokenizer of the transformers library, and what masked methods must know of it.

    Args:
        fast: the tokenizer.
        longest: tokens of a row at most, special ones included.
        truncate: cut longer texts, counting them, instead of refusing them.

    Attributes:
        seen: texts tokenised so far.
        cut: those of them that were cut.

    Raises:
        ValueError: a tokenizer without padding token, or no fast one.
    """

    def __init__(self, fast: Any, *, longest: int, truncate: bool = False) -> None:
        if not getattr(fast, "is_fast", False):
            raise ValueError(
                f"tokenizer: wanted a fast one, which knows words and offsets; got "
                f"{type(fast).__name__}: save it as tokenizer.json"
            )
        if fast.pad_token_id is None:
            raise ValueError(
                "tokenizer: it has no padding token, without which texts make no batch: set one "
                "(tokenizer.pad_token = tokenizer.eos_token) and save it again"
            )
        self.fast, self.longest, self.truncate = fast, longest, truncate
        self.seen, self.cut = 0, 0
        # An unknown word is a word: it may be hidden, and a text of nothing else is one.
        self.special = tuple(sorted(set(fast.all_special_ids) - {fast.unk_token_id}))
        self._recent: list[tuple[Texts, torch.device, Subwords]] = []

    def __deepcopy__(self, memo: dict[int, object]) -> Tokenizer:
        """Itself: teachers share their student's."""
        return self

    def __len__(self) -> int:
        return len(self.fast)

    @property
    def mask_id(self) -> int | None:
        """The mask token, if the tokenizer has one."""
        number: int | None = self.fast.mask_token_id
        return number

    def fingerprint(self) -> Tensor:
        """Eight bytes that change when the tokenizer does."""
        text = self._plain().to_str().encode()
        return torch.tensor(list(hashlib.sha256(text).digest()[:8]), dtype=torch.uint8)

    def __call__(self, texts: Texts, device: torch.device) -> Subwords:
        """Tokenise; the same batch asked for again is not tokenised twice.

        Raises:
            ValueError: a text without any token, or longer than `longest` without `truncate`.
        """
        for known, where, answer in self._recent:
            if known is texts and where == device:
                return answer
        answer = self._tokenise(texts).to(device, non_blocking=True)
        self._recent = [*self._recent[1 - _KEPT :], (texts, device, answer)]
        return answer

    def lengths(self, texts: Texts) -> list[int]:
        """Tokens of each text, special ones included and nothing cut."""
        return [len(each.ids) for each in self._encode(texts)]

    def _encode(self, texts: Texts) -> Any:
        return self._plain().encode_batch([self._gaps(text) for text in texts.strings])

    def _plain(self) -> Any:
        """The tokenizer without the cutting and padding that its file or a call may have set."""
        backend = self.fast.backend_tokenizer
        backend.no_truncation()
        backend.no_padding()
        return backend

    def _gaps(self, text: str) -> str:
        if GAP not in text:
            return text
        if self.fast.mask_token is None:
            raise ValueError(
                "tokenizer: the views mask characters, and it has no mask token: take views that "
                "change no text (text/dropout-twice), or a tokenizer with one"
            )
        return text.replace(GAP, self.fast.mask_token)

    def _tokenise(self, texts: Texts) -> Subwords:
        rows = [_Row.of(each) for each in self._encode(texts)]
        self._check(texts, rows)
        rows = [row.cut(self.longest) for row in rows]
        lengths = torch.tensor([len(row.ids) for row in rows])
        ids = _padded([row.ids for row in rows], self.fast.pad_token_id)
        attended = torch.arange(ids.shape[1]) < lengths[:, None]
        return Subwords(
            ids=ids,
            attended=attended,
            content=attended & ~torch.isin(ids, torch.tensor(self.special, dtype=ids.dtype)),
            words=_padded([row.words for row in rows], 0),
        )

    def _check(self, texts: Texts, rows: Sequence[_Row]) -> None:
        for text, row in zip(texts.strings, rows, strict=True):
            if all(number in self.special for number in row.ids):
                raise ValueError(
                    f"text: {text[:40]!r} has no token besides special ones: leave such texts out "
                    "(sources do with on_error='skip')"
                )
        long = Counter(len(row.ids) > self.longest for row in rows)[True]
        self.seen += len(texts)
        if not long:
            return
        if not self.truncate:
            most = max(len(row.ids) for row in rows)
            raise ValueError(
                f"text: {long} of {len(texts)} texts of a batch have more than {self.longest} "
                f"tokens, the longest {most}: split them (the sources' pack=), raise the encoder's "
                "max_tokens, or have them cut with truncate=true"
            )
        self.cut += long


@dataclass(frozen=True)
class _Row:
    """One text's tokens, the words they are of, and whether the last one closes the text."""

    ids: list[int]
    words: list[int]
    closed: bool

    @classmethod
    def of(cls, encoded: Any) -> _Row:
        """What a tokenizer made of a text: each of its lists is asked for once, being made anew."""
        words = [0 if word is None else word for word in encoded.word_ids]
        mask = encoded.special_tokens_mask
        return cls(encoded.ids, words, bool(mask and mask[-1]))

    def cut(self, longest: int) -> _Row:
        """Of a length at most, with its closing special token kept."""
        if len(self.ids) <= longest:
            return self
        head = longest - self.closed
        tail = len(self.ids) - self.closed
        return replace(
            self,
            ids=self.ids[:head] + self.ids[tail:],
            words=self.words[:head] + self.words[tail:],
        )


def _padded(rows: Sequence[Sequence[int]], filler: int) -> Tensor:
    """Rows of numbers, filled up to the longest."""
    return pad_sequence([torch.tensor(row) for row in rows], True, filler)


def open_tokenizer(name: str, *, longest: int, truncate: bool = False) -> Tokenizer:
    """A tokenizer by name.

    Args:
        name: `english` for the one that comes with the package, a folder or a `tokenizer.json`, or
            a name on the Hugging Face hub.
        longest: see `Tokenizer`.
        truncate: see `Tokenizer`.

    Raises:
        ValueError: nothing of that name can be loaded.
    """
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    path = _OURS if name == ENGLISH else Path(name)
    try:
        fast: Any
        if path.is_file():
            fast = PreTrainedTokenizerFast(tokenizer_file=str(path))
        else:
            fast = AutoTokenizer.from_pretrained(str(path))
    except Exception as error:  # the hub, the network and every tokenizer class raise their own
        raise ValueError(
            f"tokenizer: {name!r} cannot be loaded: {str(error).splitlines()[0]}. Name a folder "
            "that holds tokenizer.json (tacit tokenizer trains one), a name on the hub, or "
            f"{ENGLISH!r}"
        ) from error
    return Tokenizer(fast, longest=longest, truncate=truncate)
