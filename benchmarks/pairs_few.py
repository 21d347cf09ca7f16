"""Is it worth training each tower on its own data first, where pairs are few (UCASR's two stages).

    python benchmarks/pairs_few.py --data FOLDER [--pairs 100 300 1000 2801] [--seeds 0 1 2]

`--data` holds `crossmodal/molecule_text_chebi20_validation`: molecules with descriptions. A graph
network and averaged word vectors are trained by CLIP on so many pairs of the training part, drawn
by seed, for the same number of steps each time: from random weights, and from towers that were
trained on all molecules and all descriptions of that part without knowing which belong together
(SimCLR's loss on edited molecules, and on descriptions with characters masked). Recall of the 500
test pairs, in percent.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pyarrow.parquet as pq
import torch
from _measure import RESULTS
from _molecules import JOINED, TEXT
from _rows import Row, Table, column, leads, spread

import tacit
from tacit.data import Pairs, PairsConfig, sequential
from tacit.evaluation import embed, retrieve

COLUMNS = {"graph": "smiles", "text": "text"}
READERS = {"graph": {"atoms": "one-hot"}}
ENCODER: dict[str, dict[str, object]] = {
    "graph": JOINED,
    "text": TEXT,
}
SCRATCH, FIRST = "pairs alone", "each tower first"
STEPS, BATCH = 300, 256
QUIET = {"watch_every": 0, "workers": 0, "checkpoint_every": 100_000}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--pairs", type=int, nargs="+", default=[100, 300, 1000, 2801])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--work", type=Path, default=Path("runs/pairs_few"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    about = (
        f"CLIP on molecules with descriptions, {STEPS} steps in batches of at most {BATCH}; recall "
        "of 500 test pairs in percent (chance: R@10 of 2), mean and deviation over seeds"
    )
    rows = Rows(RESULTS / "pairs_few.json", about)
    folder = args.data / "crossmodal" / "molecule_text_chebi20_validation"
    for seed in args.seeds:
        bench = Bench(folder, args.work, seed)
        for count in args.pairs:
            for start in (SCRATCH, FIRST):
                rows.take((start, count, seed), partial(bench.paired, start, count))


class Bench:
    """One seed."""

    def __init__(self, folder: Path, work: Path, seed: int) -> None:
        self.folder, self.work, self.seed = folder, work, seed

    def paired(self, start: str, count: int) -> Row:
        """CLIP on so many pairs."""
        out = self.work / f"{start.replace(' ', '-')}-{count}-{self.seed}"
        settings: dict[str, Any] = {
            "data": {
                "name": "pairs",
                "path": str(self._some(count)),
                "columns": COLUMNS,
                "readers": READERS,
                "split": "train",
            },
            "encoder": ENCODER,
            "training": {**QUIET, "steps": STEPS, "batch": min(BATCH, count)},
        }
        if start == FIRST:
            settings["initial"] = {name: str(self.tower(name)) for name in COLUMNS}
        run = tacit.pretrain("clip", out=out, seed=self.seed, settings=settings)
        held = Pairs(PairsConfig(path=self.folder, columns=COLUMNS, readers=READERS, split="test"))
        batches, towers = list(sequential(held, 250)), run.joined()
        a, b = (embed(towers[name].encoder, batches).values for name in COLUMNS)
        found = {"forth": retrieve(a, b), "back": retrieve(b, a)}
        return {
            f"{way} R@{k}": round(100 * each.recall[k], 1)
            for way, each in found.items()
            for k in (1, 10)
        }

    def tower(self, name: str) -> Path:
        """The run of a tower alone, on all of its own training data."""
        out = self.work / f"{name}-{self.seed}"
        path = str(self.folder / "train.parquet")
        data: dict[str, dict[str, object]] = {
            "graph": {"name": "graph/smiles", "path": path, **READERS["graph"]},
            "text": {"name": "text/files", "path": path, "text": "text"},
        }
        method = {"graph": "graph/graphcl", "text": "text/mirror-bert"}[name]
        optimizer = {"kind": "adamw", "lr": 1e-3}
        tacit.pretrain(
            method,
            out=out,
            seed=self.seed,
            settings={
                "data": data[name],
                "encoder": ENCODER[name],
                "training": {**QUIET, "epochs": 20, "batch": BATCH, "optimizer": optimizer},
            },
        )
        return out

    def _some(self, count: int) -> Path:
        """A folder with so many pairs of the training part."""
        out = self.work / f"pairs-{count}-{self.seed}"
        out.mkdir(parents=True, exist_ok=True)
        whole = pq.read_table(self.folder / "train.parquet")
        order = torch.randperm(len(whole), generator=torch.Generator().manual_seed(self.seed))
        pq.write_table(whole.take(order[:count].tolist()), out / "train.parquet")
        return out


class Rows(Table):
    """The curve; see `_rows.Table`."""

    keys: ClassVar[tuple[str, ...]] = ("start", "pairs", "seed")

    def summary(self) -> list[Row]:
        """A row for each start and number of pairs, over the seeds."""
        groups: dict[tuple[int, str], list[Row]] = {}
        for row in self.runs:
            groups.setdefault((row["pairs"], row["start"]), []).append(row)
        out = []
        for (count, start), rows in groups.items():
            line: Row = {"pairs": count, "start": start}
            for key in ("forth R@1", "forth R@10", "back R@1", "back R@10"):
                line[key] = spread(column(rows, key), digits=1)
            if start == FIRST and (alone := groups.get((count, SCRATCH))):
                ways = ("forth R@10", "back R@10")
                won = [key for key in ways if leads(column(rows, key), column(alone, key))]
                line["better by more than the spread"] = " and ".join(won) or "no"
            out.append({**line, "seeds": len(rows)})
        return out


if __name__ == "__main__":
    main()
