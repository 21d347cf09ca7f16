"""What minutes of training are worth on text: objectives at equal CPU time, and contrasts on top.

    python benchmarks/text.py --data FOLDER [--seconds 150] [--seeds 0 1 2] [--model FOLDER]
    python benchmarks/text.py --data FOLDER --validation    # to choose settings by; keeps nothing

`--data` holds `wikitext2_small`, `sst2`, `trec6` and `stsb_en`, folders of parquet files, one a
split. Every objective trains the same small BERT on the training part of WikiText, with a WordPiece
trained on it, for as many CPU seconds of one core as the others, however many steps that is; the
rate follows a cosine over that time, and nothing is dropped out. Batch, dropout, depth and
vocabulary are the better of two or three for masked language modelling on the validation part; the
rate of each objective is the better of 1e-3 and 3e-4 there, by STS-B and TREC, but for E2S2, whose
other rate was not tried.

What is frozen is probed, the mean tokens of all layers side by side: logistic regression on SST-2
and TREC, its penalty chosen on a fifth of the training part, and the rank correlation of cosines
with STS-B's test scores; beside it that of the pooled vectors, which contrasts train. Copies are
fine-tuned on TREC besides, as the papers of these objectives judge. SimCSE and Mirror-BERT go on
from the encoder that masked language modelling left, and from `--model`, a folder of the
transformers library, on WikiText's sentences.

Rows are written one by one, and those that `results/text.json` holds are not measured again.
"""

from __future__ import annotations

import argparse
import copy
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import ClassVar

import torch
from _measure import RESULTS
from _rows import RANDOM, Row, Table, column, leads, spread
from _text_scores import FINE, LAYERS, PROBED, STS, TUNED, Measure

from tacit.contract import Encoder
from tacit.data import EpochOrder, Source
from tacit.methods import Learner, Method
from tacit_text.data import Files, FilesConfig
from tacit_text.encoders import Bert, BertConfig, Transformers, TransformersConfig, Words
from tacit_text.encoders.words import WordsConfig
from tacit_text.methods import e2s2, electra, mcl, mirror_bert, mlm, rts, simcse, slm
from tacit_text.modality import Text
from tacit_text.tokenizers import TokenizerConfig, train_tokenizer
from tacit_text.views import Masked, Mirror, TwoViews

OBJECTIVES = {
    "mlm": mlm,
    "electra": electra,
    "rts": rts,
    "slm": slm,
    "mcl": mcl,
    "e2s2": e2s2,
}
CONTRASTS = {"simcse": (simcse, TwoViews), "mirror-bert": (mirror_bert, Mirror)}
WIDTH, DEPTH, VOCABULARY = 128, 4, 2048
PACK, BATCH = 32, 16
RATES = {"mlm": 1e-3, "electra": 3e-4, "rts": 3e-4, "slm": 1e-3, "mcl": 1e-3, "e2s2": 1e-3}
JUDGED = (LAYERS, *PROBED.values(), TUNED)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=150, help="CPU time of a training")
    parser.add_argument("--contrast-steps", type=int, default=50)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--objectives", nargs="+", choices=OBJECTIVES, default=list(OBJECTIVES))
    parser.add_argument("--model", help="a folder of the transformers library")
    parser.add_argument("--rate", type=float, help="instead of that of each objective")
    parser.add_argument("--validation", action="store_true")
    parser.add_argument("--work", type=Path, default=Path("runs/text"))
    parser.add_argument("--out", type=Path, default=RESULTS / "text.json")
    args = parser.parse_args()
    torch.set_num_threads(1)
    out = None if args.validation else args.out
    bench = Bench(args, Results(out, _about(args.seconds)))
    for seed in args.seeds:
        bench.one_seed(seed)


class Results(Table):
    """The table; see `_rows.Table`."""

    keys: ClassVar[tuple[str, ...]] = ("features", "seed")

    def summary(self) -> list[Row]:
        """One row for each kind of features, over the seeds."""
        groups: dict[str, list[Row]] = {}
        for row in self.runs:
            groups.setdefault(row["features"], []).append(row)
        return [self._summed(name, rows, groups.get(RANDOM, [])) for name, rows in groups.items()]

    def _summed(self, name: str, rows: list[Row], random: list[Row]) -> Row:
        out: Row = {"features": name}
        for key in (*JUDGED, STS, "STS-B before", "anisotropy", "steps", "CPU seconds a run"):
            out[key] = spread(column(rows, key), digits=2 if key == "anisotropy" else 1)
        if rows[0].get("steps") and LAYERS in rows[0]:
            won = [key for key in JUDGED if leads(column(rows, key), column(random, key))]
            out["beats the random encoder by more than the spread"] = " and ".join(won) or "no"
        return {**out, "seeds": len(rows)}


def _about(seconds: float) -> str:
    return (
        f"WikiText-2 in rows of {PACK} words, BERT of width {WIDTH} and depth {DEPTH} with "
        f"{VOCABULARY} subwords, from scratch. Every objective has the same compute, "
        f"{seconds:g} CPU seconds of one core, measured in its row, in batches of {BATCH}, at the "
        "better of two rates on validation parts; "
        "steps are what it came to. Probes of the mean tokens of all layers side by side: "
        "accuracies in %, Spearman times 100, and that of pooled vectors; fine-tuned: all weights, "
        f"on all labels, {FINE.epochs} epochs at a rate of {FINE.lr:g} for every row; mean and "
        "standard deviation over seeds"
    )


@dataclass
class Bench:
    """The measurements."""

    args: argparse.Namespace
    rows: Results

    def __post_init__(self) -> None:
        self.tokenizer = str(_tokenizer(self.args.data, self.args.work / "tokenizer"))
        self.measure = Measure(self.args.data, validation=self.args.validation)

    def one_seed(self, seed: int) -> None:
        """All rows of one seed."""
        if seed == self.args.seeds[0]:
            self.take("majority", seed, self.measure.majority)
            self.take("TF-IDF", seed, self.measure.tfidf)
        self.take(RANDOM, seed, lambda: self.measured(self.encoder(seed)))
        for width in (WIDTH, WIDTH * DEPTH):
            words = partial(self.words, seed, width)
            name = f"mean of random vectors of {width}"
            self.take(name, seed, lambda words=words: self.measure.encoder(words()))
        for name in self.args.objectives:
            self.take(name, seed, partial(self.trained, OBJECTIVES[name](), seed))
        if self.weights("mlm", seed).is_file():
            for name in CONTRASTS:
                go_on = partial(self.contrast, name, "mlm", self.after_mlm(seed), seed)
                self.take(f"mlm then {name}", seed, go_on)
        if self.args.model:
            self.given(seed)

    def given(self, seed: int) -> None:
        """A model from elsewhere, and contrasts on top of it."""
        known = Transformers(TransformersConfig(model=self.args.model, truncate=True))
        self.take("given model", seed, partial(self.measure.encoder, known, probes=False))
        for name in CONTRASTS:
            go_on = partial(self.contrast, name, "given model", known, seed, short=True)
            self.take(f"given model then {name}", seed, go_on)

    def take(self, name: str, seed: int, measure: Callable[[], Row]) -> None:
        """A row of the table."""
        self.rows.take((name, seed), measure)

    def encoder(self, seed: int, *, dropout: float = 0.0) -> Bert:
        """The encoder all objectives train."""
        torch.manual_seed(seed)
        shape = {"width": WIDTH, "depth": DEPTH, "tokenizer": self.tokenizer}
        return Bert(BertConfig(**shape, truncate=True, dropout=dropout))

    def words(self, seed: int, width: int) -> Words:
        """Random word vectors, averaged."""
        torch.manual_seed(seed)
        config = WordsConfig(kind="cbow", width=width, tokenizer=self.tokenizer, truncate=True)
        return Words(config)

    def weights(self, name: str, seed: int) -> Path:
        """Where what an objective left is kept."""
        path: Path = self.args.work / f"{name}-{self.args.seconds:g}s-{seed}.pt"
        return path

    def after_mlm(self, seed: int) -> Bert:
        """What masked language modelling left, with the dropout that makes views of a contrast."""
        encoder = self.encoder(seed, dropout=0.1)
        encoder.load_state_dict(torch.load(self.weights("mlm", seed)))
        return encoder

    def trained(self, method: Method, seed: int) -> Row:
        """An objective from scratch, for the time it has."""
        encoder = self.encoder(seed)
        learner = _learner(method, encoder, Masked(), seed)
        name = method.name.split("/")[1]
        rate = self.args.rate or RATES[name]
        plan = Plan(rate=rate, batch=BATCH, seed=seed, seconds=self.args.seconds)
        done = plan.train(learner, _corpus(self.args.data, PACK))
        torch.save(encoder.state_dict(), self.weights(name, seed))
        return {**done, **self.measured(encoder)}

    def measured(self, encoder: Encoder) -> Row:
        """Frozen, and fine-tuned: what tells tokens apart need not show in their means."""
        return {**self.measure.encoder(encoder), TUNED: self.measure.fine_tuned(encoder)}

    def contrast(
        self, name: str, before: str, encoder: Encoder, seed: int, *, short: bool = False
    ) -> Row:
        """A contrast on top of an encoder, a copy of it; `short` for one that is good already."""
        make, views = CONTRASTS[name]
        learner = _learner(make(), copy.deepcopy(encoder), views(), seed)
        steps, rate = (25, 2e-5) if short else (self.args.contrast_steps, 3e-5)
        done = Plan(rate=rate, batch=64, seed=seed, steps=steps).train(
            learner, _corpus(self.args.data, 16)
        )
        known = self.rows.find((before, seed)) or {}
        found = self.measure.encoder(learner.encoder("text"), probes=not short)
        return {**done, "STS-B before": known.get(STS), **found}


def _learner(method: Method, encoder: Encoder, views: object, seed: int) -> Learner:
    stage = method.stages[0]
    torch.manual_seed(seed)
    return Learner(
        encoders={"text": encoder},
        objective=stage.objective(stage.config),
        augmentations={"text": views},  # type: ignore[dict-item]
        modalities={"text": Text()},
        seed=seed,
    )


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A training of a given CPU time, or of a number of steps, in batches, at a cosine rate."""

    rate: float
    batch: int
    seed: int
    seconds: float | None = None
    steps: int | None = None

    def train(self, learner: Learner, source: Source) -> Row:
        """Train; the steps done, the CPU time they took and the mean of the last losses."""
        optimizer = torch.optim.AdamW(learner.parameters(), lr=self.rate, weight_decay=0.01)
        learner.train()
        began, losses = time.process_time(), list[float]()
        order = EpochOrder(size=len(source), batch=self.batch, seed=self.seed)
        for indices in _endless(order):
            progress = self.progress(len(losses), time.process_time() - began)
            if progress >= 1:
                break
            warm, cosine = min(1, progress / 0.1 + 0.02), (1 + math.cos(math.pi * progress)) / 2
            for group in optimizer.param_groups:
                group["lr"] = self.rate * warm * cosine
            loss = learner(source.fetch(indices.tolist())).total()
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(learner.parameters(), 1.0)
            optimizer.step()
            learner.after_step()
            losses.append(float(loss.detach()))
        last = losses[-10:]
        return {
            "steps": len(losses),
            "CPU seconds a run": round(time.process_time() - began, 1),
            "last loss": round(sum(last) / len(last), 3),
        }

    def progress(self, done: int, spent: float) -> float:
        """Share of the training that is over."""
        return done / self.steps if self.steps else spent / (self.seconds or 1)


def _endless(order: EpochOrder) -> Iterator[torch.Tensor]:
    epoch = 0
    while True:
        yield from order.batches(epoch)
        epoch += 1


@cache
def _corpus(data: Path, words: int) -> Source:
    return Files(FilesConfig(path=str(data / "wikitext2_small"), pack=words))


def _tokenizer(data: Path, folder: Path) -> Path:
    if not folder.is_dir():
        source = Files(FilesConfig(path=str(data / "wikitext2_small"), on_error="skip"))
        config = TokenizerConfig(vocabulary=VOCABULARY)
        train_tokenizer(config, source.texts()).save_pretrained(str(folder))
    return folder


if __name__ == "__main__":
    main()
