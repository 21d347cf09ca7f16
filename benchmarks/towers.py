"""What pairing teaches an encoder, beside what its own modality alone would have taught it.

    python benchmarks/towers.py --data FOLDER [--only products/image] [--seeds 0 1 2]

The encoders are those of `crossmodal.py`, trained there by CLIP on pairs; a run that lies in
`--work` is not trained again. Beside each stands the same encoder trained by the same loss on two
views of its own half of those pairs (SimCLR; the other modality is never seen), one trained on the
labels of such views, and one with random weights. Both have half of CLIP's epochs, for they see
everything twice in each: as many views in all. Notes are also learned from by the methods that
give modalities no space in common, which retrieval cannot judge.

- products: the type of article (63 kinds in the test part), which titles name, and the season it is
  sold in, which they do not; of photographs and of titles;
- notes: the instrument and the pitch, of the sound. Their names say both;
- molecules: whether one crosses the blood-brain barrier (BBBP, `molecules/bbbp`), trained and
  tested on the scaffolds that its column of splits says, of which 50 would be chance. No encoder
  is trained on these molecules, so that there is no supervised row.

A linear probe on frozen features, its penalty chosen within the training part; accuracy in percent,
of molecules the area under the ROC curve.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import torch
from _measure import RESULTS
from _rows import RANDOM, RAW, SUPERVISED, Row, Table, leads, spread
from _setting import Told
from _supervised import train_supervised
from crossmodal import SETTINGS, named, pairs, run_of
from sklearn.metrics import roc_auc_score
from torch import Tensor

import tacit
from tacit.api.choice import Given
from tacit.api.plan import Plan
from tacit.api.resolve import resolve_run
from tacit.contract import Batch, Encoder
from tacit.data import Source, sequential
from tacit.evaluation import embed, linear_probe, raw_features
from tacit_graph.data.smiles import Smiles, SmilesConfig

ALONE, PAIRED = "its own modality alone", "clip"
UNSHARED = ("masked-across", "mined-triplets")
ORDER = (RAW, RANDOM, SUPERVISED, ALONE, PAIRED, *UNSHARED)
CPU = torch.device("cpu")


@dataclass(frozen=True, kw_only=True)
class Tower:
    """One encoder of a setting of `crossmodal.py`.

    Args:
        pairs: the setting.
        modality: the encoder's.
        method: that trains it on its own modality, by the loss that CLIP has across.
        views: options of that method's views.
        tasks: task to the column of its labels, in the files of the pairs; none: BBBP.
        paired: methods that train it on pairs.
    """

    pairs: str
    modality: str
    method: str
    views: dict[str, object]
    tasks: dict[str, str]
    paired: tuple[str, ...] = (PAIRED,)


PRODUCT = {"article": "article", "season": "season"}
CROPS: dict[str, object] = {"scale": (0.2, 1.0), "jitter_strength": 0.5}
TOWERS = (
    Tower(
        pairs="products",
        modality="image",
        method="simclr",
        views=CROPS,
        tasks=PRODUCT,
    ),
    Tower(
        pairs="products",
        modality="text",
        method="simclr",
        views={},
        tasks=PRODUCT,
    ),
    Tower(
        pairs="notes",
        modality="audio",
        method="audio/clmr",
        views={"seconds": 0.6},
        tasks={"instrument": "instrument", "pitch": "pitch_class"},
        paired=(PAIRED, *UNSHARED),
    ),
    Tower(
        pairs="molecules-one-hot",
        modality="graph",
        method="graph/graphcl",
        views={},
        tasks={},
    ),
)


TASKS = (*PRODUCT, "instrument", "pitch", "BBBP")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only", nargs="*", help="PAIRS/MODALITY")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--work", type=Path, default=Path("runs/crossmodal"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    about = (
        "A linear probe on an encoder of a pair, frozen: trained with the other modality, with its "
        "own alone by the same loss, with labels, and not at all; accuracy in percent, of BBBP the "
        "area under the ROC curve; mean and deviation over seeds"
    )
    rows = Rows(RESULTS / "towers.json", about)
    for seed in args.seeds:
        for tower in TOWERS:
            name = f"{tower.pairs}/{tower.modality}"
            if args.only and name not in args.only:
                continue
            bench = Bench(tower, args.data, args.work, seed)
            for features, measure in bench.cases():
                rows.take((tower.pairs, tower.modality, features, seed), measure)


@dataclass
class Bench:
    """One encoder, one seed."""

    tower: Tower
    data: Path
    work: Path
    seed: int

    def __post_init__(self) -> None:
        self.setting = SETTINGS[self.tower.pairs]
        self.folder = self.data / self.setting.folder
        if self.setting.named:
            self.folder = named(self.folder, self.work / self.tower.pairs / "named")

    def cases(self) -> Iterator[tuple[str, Callable[[], Row]]]:
        """Features and what measures them."""
        if self.seed == 0:
            yield RAW, self.raw
        yield RANDOM, lambda: self.probed(self.plan().build_encoders()[self.tower.modality])
        if self.tower.tasks:
            yield SUPERVISED, self.supervised
        yield ALONE, self.alone
        for method in self.tower.paired:
            yield method, partial(self.paired, method)

    def raw(self) -> Row:
        """What the modality calls its raw features."""
        modality = self.plan().modalities[self.tower.modality]
        return self._scored(lambda batches: raw_features(modality, batches, keep_on=CPU).values)

    def supervised(self) -> Row:
        """Of the first task; each other has an encoder of its own."""
        row: Row = {}
        for task in self.tower.tasks:
            told = Told(self.half("train"), self.labels(task, "train"))
            encoder = train_supervised(self.plan(told), told, seed=self.seed, device=CPU)
            row[task] = self.probed(encoder.eval())[task]
        return row

    def alone(self) -> Row:
        """Trained on its own modality."""
        out = self.work / f"{self.tower.pairs}-{self.tower.modality}" / str(self.seed)
        run = tacit.pretrain(
            self.tower.method,
            data=self.half("train"),
            out=out,
            seed=self.seed,
            settings=self.settings(),
        )
        return self.probed(run.encoder)

    def paired(self, method: str) -> Row:
        """Trained on pairs; without its head into a space they share."""
        out = self.work / self.tower.pairs / method / str(self.seed)
        run = run_of(self.tower.pairs, method, self.seed, self.folder, out)
        return self.probed(run.encoders[self.tower.modality])

    def settings(self) -> dict[str, Any]:
        """Of a run on one modality."""
        training = {"epochs": self.setting.epochs // 2, "batch": self.setting.batch}
        return {
            "encoder": self.setting.encoder[self.tower.modality],
            "views": dict(self.tower.views),
            "training": {**training, "watch_every": 0, "workers": 0, "checkpoint_every": 10},
        }

    def plan(self, source: Source | None = None) -> Plan:
        """The run on one modality, resolved; its encoder starts as that of this seed's does."""
        source = source or self.half("train")
        tree = {**self.settings(), "method": self.tower.method, "seed": self.seed}
        tree["data"] = {"name": f"python:{type(source).__name__}"}
        return resolve_run(tree, where="the setting", given=Given(source=source)).fitted(source)

    def half(self, split: str) -> Source:
        """Its own members of the pairs."""
        return pairs(self.tower.pairs, self.folder, split).members[self.tower.modality].source

    def labels(self, task: str, split: str) -> Tensor:
        """Of every instance of a part, numbered as in the training part; -1 if not in it."""
        known, own = (self._column(self.tower.tasks[task], part) for part in ("train", split))
        numbers = {kind: place for place, kind in enumerate(sorted(known.unique()))}
        return torch.tensor([numbers.get(kind, -1) for kind in own])

    def _column(self, name: str, split: str) -> pd.Series[Any]:
        (path,) = self.folder.glob(f"{split}*.parquet")
        return pd.read_parquet(path, columns=[name])[name]

    def probed(self, encoder: Encoder) -> Row:
        """Its pooled features, judged."""
        return self._scored(lambda batches: embed(encoder, batches).values)

    def _scored(self, features: Callable[[Sequence[Batch]], Tensor]) -> Row:
        if not self.tower.tasks:
            return {"BBBP": _crossing(self.data / "molecules" / "bbbp", features, self.seed)}
        train, test = (features(list(sequential(self.half(p), 250))) for p in ("train", "test"))
        row: Row = {}
        for task in self.tower.tasks:
            known, wanted = (self.labels(task, part) for part in ("train", "test"))
            right = _fitted(train, known, test, self.seed).argmax(1) == wanted
            row[task] = round(100 * float(right.float().mean()), 2)
        return row


def _fitted(train: Tensor, known: Tensor, test: Tensor, seed: int) -> Tensor:
    """Logits of the test part."""
    generator = torch.Generator().manual_seed(seed)
    classes = int(known.max()) + 1
    return linear_probe(train, known, classes=classes, generator=generator).logits(test)


def _crossing(folder: Path, features: Callable[[Sequence[Batch]], Tensor], seed: int) -> float:
    """BBBP by a probe on the training scaffolds: 100 times the area under the ROC curve."""
    path = folder / "bbbp.parquet"
    source = Smiles(SmilesConfig(path=path, atoms="one-hot", label="p_np"))
    split = pd.read_parquet(path, columns=["split"])["split"]
    train, test = (torch.tensor((split == part).to_numpy()) for part in ("train", "test"))
    known = source.labels()
    assert known is not None, "the column was named"
    values = features(list(sequential(source, 250)))
    logits = _fitted(values[train], known[train], values[test], seed)
    return round(100 * float(roc_auc_score(known[test], logits[:, 1] - logits[:, 0])), 2)


class Rows(Table):
    """The table; see `_rows.Table`."""

    keys: ClassVar[tuple[str, ...]] = ("pairs", "tower", "features", "seed")

    def summary(self) -> list[Row]:
        """A row for each encoder, task and way to train it, over the seeds."""
        groups: dict[tuple[str, str, str], dict[str, list[float]]] = {}
        for row in self.runs:
            for task in TASKS:
                if task in row:
                    group = groups.setdefault((row["pairs"], row["tower"], task), {})
                    group.setdefault(row["features"], []).append(row[task])
        return [self._summed(key, group) for key, group in groups.items()]

    def _summed(self, key: tuple[str, str, str], group: dict[str, list[float]]) -> Row:
        row: Row = dict(zip(("pairs", "encoder of", "task"), key, strict=True))
        row |= {name: spread(group.get(name, []), digits=1) for name in ORDER}
        paired = group.get(PAIRED, [])
        beaten = [name for name in (RANDOM, ALONE) if leads(paired, group.get(name, []))]
        row["clip ahead by more than the spread of"] = " and ".join(beaten) or "none"
        return {**row, "seeds": len(paired)}


if __name__ == "__main__":
    main()
