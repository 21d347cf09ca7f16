"""Three modalities at once: what a third of the members missing costs.

    python benchmarks/three_modalities.py --data FOLDER [--seeds 0 1 2]

`--data` holds `crossmodal/molecule_text_chebi20_validation`: molecules with descriptions. Each is a
graph of atoms, a text and a row of twelve properties that rdkit computes; CLIP joins a graph
network, averaged word vectors and a network of rows, for as many steps each time:

- on everything;
- with a third of the members missing, drawn for each by itself, by seed, where one of a molecule is
  always left;
- on the molecules of that which have all three, as one would do without masks.

Recall of the 500 test molecules, all complete, for each two modalities; both ways, in percent.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import torch
from _measure import RESULTS
from _molecules import JOINED, TEXT
from _rows import Row, Table, column, spread
from rdkit import Chem
from rdkit.Chem import Crippen, Descriptors, rdMolDescriptors
from torch import Tensor

import tacit
from tacit.data import Member, Paired, Source, sequential
from tacit.evaluation import embed, retrieve
from tacit_graph.data.smiles import Smiles, SmilesConfig
from tacit_tabular.data import FrameSource
from tacit_text.data import TextsInMemory

PROPERTIES = {
    "weight": Descriptors.MolWt,
    "logP": Crippen.MolLogP,
    "polar surface": rdMolDescriptors.CalcTPSA,
    "donors": rdMolDescriptors.CalcNumHBD,
    "acceptors": rdMolDescriptors.CalcNumHBA,
    "rotatable bonds": rdMolDescriptors.CalcNumRotatableBonds,
    "rings": rdMolDescriptors.CalcNumRings,
    "aromatic rings": rdMolDescriptors.CalcNumAromaticRings,
    "share of sp3": rdMolDescriptors.CalcFractionCSP3,
    "stereo centres": rdMolDescriptors.CalcNumAtomStereoCenters,
    "heteroatoms": rdMolDescriptors.CalcNumHeteroatoms,
    "charge": Chem.GetFormalCharge,
}
ENCODER: dict[str, dict[str, object]] = {
    "graph": JOINED,
    "text": TEXT,
    "table": {"name": "tabular/mlp", "width": 128},
}
WHOLE, MISSING, REST = "complete", "a third missing", "complete ones of those"
SHARE = 1 / 3
STEPS, BATCH = 300, 256
QUIET = {"watch_every": 0, "workers": 0, "checkpoint_every": 100_000}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--work", type=Path, default=Path("runs/three_modalities"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    folder = args.data / "crossmodal" / "molecule_text_chebi20_validation"
    about = (
        f"CLIP on molecules as graphs, descriptions and rows of {len(PROPERTIES)} properties, "
        f"{STEPS} steps in batches of {BATCH}; R@10 of 500 test molecules in percent (chance: 2), "
        "mean and deviation over seeds; forth from the first named to the second"
    )
    rows = Rows(RESULTS / "three_modalities.json", about)
    bench = Bench(folder, args.work)
    for seed in args.seeds:
        for members in (WHOLE, MISSING, REST):
            rows.take((members, seed), partial(bench.trained, members, seed))


class Bench:
    """The measurements."""

    def __init__(self, folder: Path, work: Path) -> None:
        self.work = work
        train = list(_members(folder / "train.parquet"))
        columns = train[-1].columns  # type: ignore[attr-defined]
        self.train: list[Source] = train
        self.test = Paired(list(_members(folder / "test.parquet", columns)))

    def trained(self, members: str, seed: int) -> Row:
        """CLIP on the members that are there."""
        data = self.joined(members, seed)
        out = self.work / f"{members.replace(' ', '-')}-{seed}"
        training = {**QUIET, "steps": STEPS, "batch": BATCH}
        settings: dict[str, Any] = {"encoder": ENCODER, "training": training}
        run = tacit.pretrain("clip", data=data, out=out, seed=seed, settings=settings)
        towers, batches = run.joined(), list(sequential(self.test, 250))
        found = {name: embed(towers[name].encoder, batches).values for name in ENCODER}
        row: Row = {"molecules": len(data), "with all three": data.complete()}
        for a, b in combinations(ENCODER, 2):
            for way, (first, second) in {"forth": (a, b), "back": (b, a)}.items():
                recall = retrieve(found[first], found[second]).recall[10]
                row[f"{a} {b} {way}"] = round(100 * recall, 1)
        return row

    def joined(self, members: str, seed: int) -> Paired:
        """The training part, or what is left of it."""
        size = len(self.train[0])
        if members == WHOLE:
            return Paired(self.train)
        there = _left(size, torch.Generator().manual_seed(seed))
        if members == REST:
            (chosen,) = there.all(1).nonzero(as_tuple=True)
            return Paired([Member(source=each, places=chosen) for each in self.train])
        places = torch.where(there, torch.arange(size)[:, None], -1)
        return Paired(
            [
                Member(source=each, places=own)
                for each, own in zip(self.train, places.t(), strict=True)
            ]
        )


def _members(path: Path, columns: Any = None) -> Iterator[Any]:
    """The same molecules in each modality; a schema of rows is that of the training part."""
    table = pd.read_parquet(path)
    yield Smiles(SmilesConfig(path=path, atoms="one-hot"))
    yield TextsInMemory(table["text"].tolist())
    molecules = [Chem.MolFromSmiles(each) for each in table["smiles"]]
    properties = {name: [float(of(each)) for each in molecules] for name, of in PROPERTIES.items()}
    yield FrameSource(pd.DataFrame(properties), columns=columns)


def _left(size: int, draw: torch.Generator) -> Tensor:
    """Which of three members are there, `(size, 3)`: two thirds of them, and never none."""
    there = torch.rand(size, 3, generator=draw) >= SHARE
    one = torch.randint(3, (size,), generator=draw)
    none = ~there.any(1)
    there[none, one[none]] = True
    return there


class Rows(Table):
    """The table; see `_rows.Table`."""

    keys: ClassVar[tuple[str, ...]] = ("members", "seed")

    def summary(self) -> list[Row]:
        """A row for each kind of data, over the seeds."""
        groups: dict[str, list[Row]] = {}
        for row in self.runs:
            groups.setdefault(row["members"], []).append(row)
        ways = [f"{a} {b} {way}" for a, b in combinations(ENCODER, 2) for way in ("forth", "back")]
        keys = ("molecules", "with all three", *ways)
        return [
            {
                "members": name,
                **{key: spread(column(rows, key), digits=1) for key in keys},
                "seeds": len(rows),
            }
            for name, rows in groups.items()
        ]


if __name__ == "__main__":
    main()
