"""New words for a model that is there: what their rows are worth before any further training.

    python benchmarks/vocabulary.py --data FOLDER [--seconds 200] [--words 500] [--seeds 0 1 2]

`--data` holds `wikitext2_small`, a folder of parquet files. A small BERT of transformers learns
masked language modelling on its training part for so many CPU seconds of one core; its WordPiece is
small, so that frequent words are cut into pieces. The most frequent of these become tokens, their
rows made in three ways, and the loss of masked tokens is measured on the sentences of the test part
that hold one, the same masks for all: of all masked tokens, and of the new words alone (BIOptimus'
check).
"""

from __future__ import annotations

import argparse
import copy
import time
from pathlib import Path
from typing import Any

import torch
from _measure import write
from _rows import spread
from torch.nn import functional

from tacit_text.data import Files, FilesConfig
from tacit_text.tokenizers import TokenizerConfig, train_tokenizer
from tacit_text.vocabulary import VocabularyConfig, extend_vocabulary

STARTS = ("context", "pieces", "random")
LENGTH, BATCH, SHARE = 48, 32, 0.15


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=200)
    parser.add_argument("--words", type=int, default=500)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    args = parser.parse_args()
    torch.set_num_threads(1)
    train, test = (texts(args.data, split) for split in ("train", "test"))
    found: dict[str, dict[str, list[float]]] = {
        start: {"all masked tokens": [], "new words": []} for start in STARTS
    }
    for seed in args.seeds:
        model, tokenizer = trained(train, seed, args.seconds)
        for start in STARTS:
            torch.manual_seed(seed)
            own, words = copy.deepcopy(model), copy.deepcopy(tokenizer)
            config = VocabularyConfig(words=args.words, start=start)
            added = extend_vocabulary(own, words, train, config)
            for name, value in losses(own, words, added, test, seed).items():
                found[start][name].append(value)
            print(seed, start, {name: row[-1] for name, row in found[start].items()}, flush=True)
    about = (
        f"Loss of masked tokens right after {args.words} words were added, on test sentences of "
        f"WikiText-2 that hold one, after {args.seconds:g} CPU seconds of masked language modelling"
    )
    rows = [
        {"rows made of": start, **{name: spread(values) for name, values in each.items()}}
        for start, each in found.items()
    ]
    write("vocabulary", {"about": about, "results": rows, "runs": found})


def texts(data: Path, split: str) -> list[str]:
    """Lines of a part that hold a sentence."""
    path = str(data / "wikitext2_small")
    return Files(FilesConfig(path=path, split=split, pack=32, on_error="skip")).texts()


def trained(train: list[str], seed: int, seconds: float) -> tuple[Any, Any]:
    """A small masked language model, and its tokenizer."""
    from transformers import BertConfig, BertForMaskedLM

    tokenizer = train_tokenizer(TokenizerConfig(vocabulary=2048), train)
    torch.manual_seed(seed)
    size = {"hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
    model = BertForMaskedLM(
        BertConfig(vocab_size=len(tokenizer), intermediate_size=512, **size)
    ).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
    draw = torch.Generator().manual_seed(seed)
    began = time.process_time()
    while (spent := time.process_time() - began) < seconds:
        rows = torch.randint(len(train), (BATCH,), generator=draw).tolist()
        ids, there = encoded(tokenizer, [train[row] for row in rows])
        hidden = there & (torch.rand(ids.shape, generator=draw) < SHARE)
        logits = model(ids.masked_fill(hidden, tokenizer.mask_token_id), there.long()).logits
        loss = functional.cross_entropy(logits[hidden], ids[hidden])
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * min(1, spent / seconds / 0.1 + 0.02) * (1 - spent / seconds)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.eval(), tokenizer


def encoded(tokenizer: Any, lines: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids without special tokens, and where there are any."""
    known = tokenizer(
        lines,
        add_special_tokens=False,
        truncation=True,
        max_length=LENGTH,
        padding=True,
        return_tensors="pt",
    )
    return known["input_ids"], known["attention_mask"].bool()


@torch.no_grad()
def losses(
    model: Any, tokenizer: Any, added: list[str], test: list[str], seed: int
) -> dict[str, float]:
    """The mean loss of masked tokens of the sentences that hold a new word, and of new words."""
    new = torch.tensor(tokenizer.convert_tokens_to_ids(added))
    draw = torch.Generator().manual_seed(seed)
    every, own = [], []
    for at in range(0, len(test), BATCH):
        ids, there = encoded(tokenizer, test[at : at + BATCH])
        is_new = torch.isin(ids, new)
        hidden = there & (torch.rand(ids.shape, generator=draw) < SHARE) & is_new.any(1)[:, None]
        if not hidden.any():
            continue
        logits = model(ids.masked_fill(hidden, tokenizer.mask_token_id), there.long()).logits
        each = functional.cross_entropy(logits[hidden], ids[hidden], reduction="none")
        every.append(each)
        own.append(each[is_new[hidden]])
    found = {"all masked tokens": torch.cat(every), "new words": torch.cat(own)}
    return {name: round(float(values.mean()), 4) for name, values in found.items()}


if __name__ == "__main__":
    main()
