"""More words for a model that is there: new rows of its embeddings, made of what it knows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor

_BATCH = 32


@dataclass(frozen=True, kw_only=True)
class VocabularyConfig:
    """Settings of new words.

    Args:
        words: how many at most, those that save most pieces first.
        least: occurrences in the corpus below which a word is not worth a row.
        start: what its row is. `context`: what the model makes of the word's pieces in sentences,
            on average; `pieces`: the mean of their rows; `random`: drawn, for comparison.
        sentences: occurrences that are looked at for each word.
        layer: whose output `context` takes, counted from 1; 0 is the embeddings with positions. The
            first knows the pieces together and is still near the space of rows.

    Raises:
        ValueError: numbers below 1, or a layer below 0.
    """

    words: int = 1000
    least: int = 5
    start: Literal["context", "pieces", "random"] = "context"
    sentences: int = 20
    layer: int = 1

    def __post_init__(self) -> None:
        for name in ("words", "least", "sentences"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: wanted at least 1; got {getattr(self, name)}")
        if self.layer < 0:
            raise ValueError(f"layer: wanted at least 0; got {self.layer}")


def extend_vocabulary(
    model: Any, tokenizer: Any, texts: Iterable[str], config: VocabularyConfig | None = None
) -> list[str]:
    """Give a model of transformers, and its tokenizer, the frequent words they cut into pieces.

    Both are changed in place; rows that were there stay bit for bit. A head that is tied to the
    embeddings has the new rows too.

    Args:
        model: of transformers, with or without a head.
        tokenizer: its fast tokenizer.
        texts: the corpus; gone through twice.
        config: how many words, and what their rows are.

    Returns:
        The new words, the most useful first.

    Raises:
        ValueError: a corpus none of whose words is frequent and in pieces, a single one where rows
            are made of contexts, or a layer the model lacks.

    Source: Pavlova and Makhlouf 2023 (arXiv 2308.08625), BIOptimus, contextualised weight
        distillation. Only abstract and README could be read (the code of this step is not
        public): which layer is taken, and that rows are brought to the mean length of those that
        are there, are ours.
    """
    config, corpus = config or VocabularyConfig(), list(texts)
    depth = model.config.num_hidden_layers
    if config.layer > depth:
        raise ValueError(f"layer: the model has {depth}; got {config.layer}")
    words = new_words(tokenizer, corpus, config)
    if not words:
        raise ValueError(
            f"vocabulary: no word of the corpus occurs {config.least} times and is cut into "
            "pieces: lower `least`, or keep the tokenizer"
        )
    if config.start == "context" and len(words) < 2:
        raise ValueError(
            f"start: contexts tell new words from each other, and {words[0]!r} is alone: lower "
            "`least`, raise `words`, or set start='pieces'"
        )
    rows = _rows(model, tokenizer, corpus, words, config)
    _add(model, tokenizer, words, rows)
    return words


def open_model(folder: str) -> tuple[Any, Any]:
    """A model of a folder, with its head over the vocabulary if it has one, and its tokenizer.

    Raises:
        ValueError: it cannot be loaded.
    """
    from transformers import AutoConfig, AutoModel, AutoModelForMaskedLM, AutoTokenizer

    try:
        kinds = AutoConfig.from_pretrained(folder).architectures or []
        headed = any(kind.endswith("ForMaskedLM") for kind in kinds)
        loader = AutoModelForMaskedLM if headed else AutoModel
        return loader.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    except Exception as error:  # the hub, the network and every model class raise their own
        raise ValueError(
            f"model: {folder!r} cannot be loaded: {str(error).splitlines()[0]}. Name a folder that "
            "holds a model and its tokenizer: `tacit export RUN FOLDER --format transformers`"
        ) from error


def new_words(tokenizer: Any, texts: Sequence[str], config: VocabularyConfig) -> list[str]:
    """The words that are cut into pieces, by how many pieces a row for each would save."""
    found: Counter[str] = Counter()
    pieces: dict[str, int] = {}
    for batch in _batches(texts):
        for text, encoding in zip(batch, _encoded(tokenizer, batch), strict=True):
            for word, places in _words(text, encoding, tokenizer):
                found[word] += 1
                pieces[word] = len(places)
    saved = {
        word: count * (pieces[word] - 1)
        for word, count in found.items()
        if count >= config.least and pieces[word] > 1 and word.isalnum()
    }
    return sorted(saved, key=lambda word: (-saved[word], word))[: config.words]


@torch.no_grad()
def _rows(
    model: Any, tokenizer: Any, texts: Sequence[str], words: Sequence[str], config: VocabularyConfig
) -> Float[Tensor, "words width"]:
    """A row for each word."""
    table: Tensor = model.get_input_embeddings().weight.detach()
    if config.start == "random":
        generator = torch.Generator().manual_seed(0)
        drawn = torch.randn(len(words), table.shape[1], generator=generator)
        return (drawn * table.std().cpu()).to(table)
    number = {word: at for at, word in enumerate(words)}
    sums, counts = table.new_zeros(len(words), table.shape[1]), table.new_zeros(len(words))
    left = dict.fromkeys(words, config.sentences if config.start == "context" else 1)
    was_training = model.training
    model.eval()
    for batch in _batches(texts):
        encodings = _encoded(tokenizer, batch)
        found = [
            [(number[w], places) for w, places in _words(text, each, tokenizer) if left.get(w)]
            for text, each in zip(batch, encodings, strict=True)
        ]
        if not any(found):
            continue
        values = _values(model, tokenizer, encodings, config)
        for row, each in enumerate(found):
            for at, places in each:
                if left[words[at]]:
                    left[words[at]] -= 1
                    sums[at] += values[row, places].mean(0)
                    counts[at] += 1
    model.train(was_training)
    rows = sums / counts[:, None]
    if config.start == "pieces":
        return rows
    middle, scale = table.mean(0), (table - table.mean(0)).norm(dim=1).mean()
    spread = rows - rows.mean(0)
    long: Tensor = spread * (scale / spread.norm(dim=1, keepdim=True).clamp(min=1e-6))
    return middle + long


def _values(model: Any, tokenizer: Any, encodings: Any, config: VocabularyConfig) -> Tensor:
    """What stands for every piece of some texts: `(texts, pieces, width)`."""
    device = model.get_input_embeddings().weight.device
    ids = tokenizer.pad({"input_ids": [each.ids for each in encodings]}, return_tensors="pt").to(
        device
    )
    if config.start == "pieces":
        rows: Tensor = model.get_input_embeddings()(ids["input_ids"])
        return rows
    out: Tensor = model.base_model(**ids, output_hidden_states=True).hidden_states[config.layer]
    return out


def _add(model: Any, tokenizer: Any, words: Sequence[str], rows: Tensor) -> None:
    from tokenizers import AddedToken

    before = len(tokenizer)
    tokenizer.add_tokens([AddedToken(word, single_word=True, normalized=True) for word in words])
    model.resize_token_embeddings(
        max(len(tokenizer), model.get_input_embeddings().weight.shape[0]), mean_resizing=False
    )
    with torch.no_grad():
        model.get_input_embeddings().weight[before : len(tokenizer)] = rows
    model.tie_weights()


def _encoded(tokenizer: Any, texts: Sequence[str]) -> Any:
    longest = min(tokenizer.model_max_length, 512)
    return tokenizer(list(texts), truncation=True, max_length=longest).encodings


def _words(text: str, encoding: Any, tokenizer: Any) -> Iterator[tuple[str, list[int]]]:
    """The words of a text as the tokenizer folds them, and the places of their pieces."""
    normalizer = tokenizer.backend_tokenizer.normalizer
    places: dict[int, list[int]] = {}
    for place, word in enumerate(encoding.word_ids):
        if word is not None:
            places.setdefault(word, []).append(place)
    for these in places.values():
        first, last = encoding.offsets[these[0]][0], encoding.offsets[these[-1]][1]
        word = text[first:last].strip()
        yield (word if normalizer is None else normalizer.normalize_str(word)), these


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    left = iter(texts)
    while batch := list(islice(left, _BATCH)):
        yield batch
