"""Do the methods for tables help, beside boosted trees: three tables, all labels and few.

    python benchmarks/tabular.py --data FOLDER [--sets adult ...] [--methods ...] [--seeds 0 1 2]
    python benchmarks/tabular.py --data FOLDER --sets california_housing adult --methods t-jepa \
        --steps 6000 --seeds 0 1 2 3 4 --out benchmarks/results/tabular_long.json
    python benchmarks/tabular.py --data FOLDER --validation    # to choose settings by
    python benchmarks/tabular.py --wine                        # only to see that it runs

`--data` holds folders `adult`, `california_housing` and `higgs_small`, each with `train.parquet`
and `test.parquet`. Every method trains the same number of steps on the training rows without their
labels. T-JEPA and masked values have a transformer of columns, SCARF and VIME a perceptron, as in
the papers, and each encoder has its own baseline of random weights. Probes are fitted on frozen
features: those of a transformer are the tokens of all columns side by side, as T-JEPA's authors
have it, but for the regularisation token, which they keep and we leave out. `mlp` on raw features
is the supervised network of the same size. A number to predict is standardised by the training
rows, so its error is in deviations.

T-JEPA's authors stop and choose by the test rows (their validation part is the test part). Here the
test rows are for measuring alone: penalties and the end of training are chosen on a fifth of the
labelled rows, and settings with `--validation`, which measures on a fifth of the training rows.

Rows are written one by one, and those that are there are not measured again; features of a trained
encoder are kept in `runs/tabular-features` until all their rows are (leave none there of a method
whose settings have changed).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import ClassVar

import pandas as pd
import torch
from _rows import Row, column, spread
from _rows import Table as ResultTable
from torch import Tensor

import tacit
from tacit.contract import Encoder
from tacit.evaluation import (
    KnnProbe,
    LinearProbe,
    LinearProbeConfig,
    PerceptronProbe,
    Sample,
    Target,
    random_split,
)
from tacit_tabular.baselines import boosted_trees
from tacit_tabular.data import BundledConfig, FrameSource, Wine
from tacit_tabular.encoders import Mlp, MlpConfig, Transformer, TransformerConfig
from tacit_tabular.modality import Rows, Table

RESULT = Path(__file__).parent / "results" / "tabular.json"
FEATURES = Path("runs") / "tabular-features"
LABELS = {"california_housing": "median_house_value", "adult": "income", "higgs_small": "label"}
METHODS = {"scarf": "mlp", "vime": "mlp", "mvm": "transformer", "t-jepa": "transformer"}
RAW = "raw"
PUBLISHED = (
    "published MLP on raw and on T-JEPA features: Adult accuracy 0.825 and 0.866, California "
    "housing RMSE 0.518 and 0.468, both chosen on the test rows"
)
FEW = (50, 100, 500)
DRAWS = 5
BANK = 5000
CHUNK = 2048
PROBES = (
    LinearProbe(classification=LinearProbeConfig(penalties=(1.0, 0.1, 1e-2, 1e-3, 1e-4))),
    PerceptronProbe(),
    KnnProbe(),
)


@dataclass(frozen=True)
class Parts:
    """One table: rows and labels of both parts, and the source a method trains on."""

    source: FrameSource
    train: Rows
    test: Rows
    target: Target

    @property
    def metric(self) -> str:
        """What is measured."""
        return "accuracy" if self.target.classes is not None else "rmse"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--wine", action="store_true")
    parser.add_argument("--sets", nargs="+", default=list(LABELS))
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--validation", action="store_true")
    parser.add_argument("--out", type=Path, default=RESULT, help="one file for one number of steps")
    args = parser.parse_args()
    if (args.data is None) != args.wine:
        parser.error("wanted --data FOLDER or --wine")
    torch.set_num_threads(1)
    tried = args.wine or args.validation
    out = Path("runs/tabular.json") if tried else args.out
    results = Results(out, _about(args.steps, args.validation), PUBLISHED)
    for seed in args.seeds:
        for name in ["wine"] if args.wine else args.sets:
            given = (
                wine()
                if args.wine
                else parts_of(args.data / name, LABELS[name], validation=args.validation)
            )
            measure(results, name, given, args.methods, seed, args.steps)
    print(results.text())


def measure(
    results: Results, name: str, parts: Parts, methods: Sequence[str], seed: int, steps: int
) -> None:
    """All rows of one table and seed that are not there yet; baselines first."""
    encoders = [f"random {kind}" for kind in dict.fromkeys(METHODS[m] for m in methods)]
    for features in (RAW, *encoders, *methods):
        every = counts_of(len(parts.train.cells))
        counts = [each for each in every if not results.find((name, features, seed, name_of(each)))]
        if not counts:
            continue
        file = FEATURES / f"{name}-{every[-1]}-{features.replace(' ', '-')}-{seed}-{steps}.pt"
        values, seconds = kept_features(file, parts, features, seed, steps)
        head = {"set": name, "metric": parts.metric, "features": features, "seed": seed}
        for labels, scores in probed(parts, features, values, seed, counts):
            results.add({**head, "labels": labels, **scores, "seconds": seconds})
        file.unlink(missing_ok=True)


def kept_features(
    file: Path, parts: Parts, features: str, seed: int, steps: int
) -> tuple[tuple[Tensor, Tensor], int]:
    """Features of both parts and the seconds it took to train, kept in a file."""
    if not file.is_file():
        began = time.process_time()
        values = features_of(parts, features, seed, steps)
        if features == RAW:
            return values, 0
        file.parent.mkdir(parents=True, exist_ok=True)
        spent = torch.tensor(round(time.process_time() - began))
        torch.save([*values, spent], file.with_suffix(".part"))
        file.with_suffix(".part").rename(file)
    train, test, seconds = torch.load(file, weights_only=True)
    return (train, test), int(seconds)


def counts_of(rows: int) -> tuple[int, ...]:
    """Numbers of labels that are tried, of so many rows."""
    return (*(few for few in FEW if few < rows), rows)


def name_of(count: int) -> str:
    """How a number of labels is called."""
    return str(count) if count in FEW else "all"


def features_of(parts: Parts, features: str, seed: int, steps: int) -> tuple[Tensor, Tensor]:
    """Raw features, or those of an encoder, of both parts."""
    if features == RAW:
        return Table().raw_features(parts.train), Table().raw_features(parts.test)
    if features.startswith("random "):
        encoder = fresh(features.removeprefix("random "), parts, seed)
    else:
        encoder = pretrained(features, parts, seed, steps)
    return embedded(encoder, parts.train), embedded(encoder, parts.test)


def fresh(kind: str, parts: Parts, seed: int) -> Encoder:
    """An encoder of random weights."""
    columns = parts.source.columns
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if kind == "mlp":
            return Mlp(MlpConfig(columns=columns, width=256, depth=3))
        return Transformer(TransformerConfig(columns=columns, width=32, depth=2, heads=4))


def pretrained(method: str, parts: Parts, seed: int, steps: int) -> Encoder:
    """The encoder after `steps` steps on the training rows."""
    batch = min(256, len(parts.source))
    training = {"batch": batch, "watch_every": 0, "steps": steps}
    with tempfile.TemporaryDirectory() as folder:
        run = tacit.pretrain(
            f"tabular/{method}",
            data=parts.source,
            encoder=fresh(METHODS[method], parts, seed),
            out=Path(folder) / "run",
            seed=seed,
            settings={"training": training},
        )
        return run.encoder


@torch.no_grad()
def embedded(encoder: Encoder, rows: Rows) -> Tensor:
    """The tokens of all columns side by side, or the pooled vector where an encoder has none."""
    encoder.eval()
    out = []
    for cells in rows.cells.split(CHUNK):
        encoding = encoder(rows.replaced(cells))
        tokens = encoding.tokens
        out.append(encoding.pooled if tokens is None else tokens.flatten(1))
    return torch.cat(out).cpu().float()


def probed(
    parts: Parts,
    features: str,
    values: tuple[Tensor, Tensor],
    seed: int,
    counts: Sequence[int] = (),
) -> Iterator[tuple[str, Row]]:
    """Scores with few labels, the mean over draws, and with all; or with so many labels alone."""
    train, test = values
    rows = len(train)
    for count in counts or counts_of(rows):
        draws = range(DRAWS if count < rows else 1)
        found = [_scores(parts, features, train, test, count, 100 * seed + at) for at in draws]
        mean = {probe: round(fmean(each[probe] for each in found), 4) for probe in found[0]}
        yield name_of(count), mean


def _scores(parts: Parts, features: str, train: Tensor, test: Tensor, count: int, seed: int) -> Row:
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(train), generator=generator)[:count]
    known = parts.target
    target = Target(train=known.train[chosen], test=known.test, classes=known.classes)
    scores: Row = {}
    for probe in PROBES:
        few = chosen[:BANK] if probe.name == "knn" else chosen
        own = Target(train=known.train[few], test=known.test, classes=known.classes)
        sample = Sample(train=train[few], test=test, target=own)
        scores[probe.name] = probe(sample, torch.Generator().manual_seed(seed))[parts.metric]
    if features == RAW:
        fitted = parts.train.replaced(parts.train.cells[chosen])
        found = boosted_trees(fitted, parts.test, target.train, classes=target.classes, seed=seed)
        scores["trees"] = target.scores(found)[parts.metric]
    return scores


def parts_of(folder: Path, label: str, *, validation: bool) -> Parts:
    """A table of two parquet files; to choose settings, a fifth of the first is the second."""
    train = pd.read_parquet(folder / "train.parquet")
    if validation:
        split = random_split(len(train), share=0.2, generator=torch.Generator().manual_seed(0))
        train, test = (train.iloc[part.numpy()].copy() for part in (split.train, split.held_out))
    else:
        test = pd.read_parquet(folder / "test.parquet")
    given, wanted = train.pop(label), test.pop(label)
    source = FrameSource(train)
    if given.nunique() == 2:
        known = sorted(given.unique())
        codes = [torch.tensor(pd.Index(known).get_indexer(each)) for each in (given, wanted)]
        target = Target(train=codes[0], test=codes[1], classes=2)
    else:
        scaled = [(each - given.mean()) / given.std(ddof=0) for each in (given, wanted)]
        numbers = [torch.tensor(each.to_numpy(), dtype=torch.float64)[:, None] for each in scaled]
        target = Target(train=numbers[0], test=numbers[1])
    held = _rows(FrameSource(test, columns=source.columns))
    return Parts(source=source, train=_rows(source), test=held, target=target)


def wine() -> Parts:
    """An embedded table."""
    train, test = (Wine(BundledConfig(split=part)) for part in ("train", "test"))
    labels = train.labels(), test.labels()
    assert labels[0] is not None
    assert labels[1] is not None
    target = Target(train=labels[0], test=labels[1], classes=3)
    return Parts(source=train, train=_rows(train), test=_rows(test), target=target)


def _rows(source: FrameSource) -> Rows:
    value = source.fetch(range(len(source))).values["table"]
    assert isinstance(value, Rows)
    return value


class Results(ResultTable):
    """The table; see `_rows.Table`."""

    keys: ClassVar[tuple[str, ...]] = ("set", "features", "seed", "labels")

    def summary(self) -> list[Row]:
        """One row for each table, number of labels and kind of features, over the seeds."""
        groups: dict[tuple[str, str, str], list[Row]] = {}
        for row in self.runs:
            groups.setdefault((row["set"], row["labels"], row["features"]), []).append(row)
        sets, labels = list(LABELS), [*map(str, FEW), "all"]
        order = sorted(
            groups, key=lambda g: (sets.index(g[0]) if g[0] in sets else 9, labels.index(g[1]))
        )
        return [_summed(*group, groups[group]) for group in order]


def _summed(name: str, labels: str, features: str, rows: Sequence[Row]) -> Row:
    out: Row = {"set": name, "metric": rows[0]["metric"], "labels": labels, "features": features}
    for probe in ("linear", "mlp", "knn", "trees"):
        out[probe] = spread(column(rows, probe))
    seconds = round(fmean(row["seconds"] for row in rows))
    return {**out, "seeds": len(rows), "CPU seconds to train": seconds}


def _about(steps: int, validation: bool) -> str:
    where = "a fifth of the training rows held out" if validation else "the test rows"
    return (
        f"{steps} steps of 256 rows for every method, on all training rows without their labels; "
        "accuracy, or the RMSE of a standardised number (lower is better), of probes of frozen "
        f"features on {where}; mean and standard deviation over seeds of training; with few labels "
        f"each seed is the mean of {DRAWS} draws of labelled rows, kNN has at most {BANK}"
    )


if __name__ == "__main__":
    main()
