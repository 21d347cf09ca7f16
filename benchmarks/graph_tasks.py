"""Five tasks at once, or one of them: what ParetoGNN's encoder is worth beside each task's own.

    python benchmarks/graph_tasks.py --data FOLDER [--epochs 100] [--seeds 0 1 2]

`--data` is a raw Planetoid folder of Cora. All have the same encoder, views and training, on the
graph without the links that are asked for at the end, so that one encoder answers all three:
classes of nodes (public split, logistic regression, its weight decay chosen on the validation
nodes), links held out (area under the curve, by cosines) and clusters (k-means, normalised mutual
information with the classes). `mean of tasks` is over the single tasks of the same seed.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import torch
from _measure import RESULTS
from _rows import RANDOM, RAW, Row, Table, column, leads, spread
from torch import Tensor

import tacit
from tacit.data import Loader
from tacit.evaluation import embed
from tacit_graph.data import Nodes
from tacit_graph.data.raw import Planetoid, PlanetoidConfig
from tacit_graph.probes import (
    Links,
    NodeParts,
    clustering,
    hold_out_links,
    link_prediction,
    node_classification,
)

EDITS = {"edges": 0.3, "columns": 0.3}
PAIR = {"first": EDITS, "second": EDITS}
SINGLE: dict[str, dict[str, Any]] = {
    "graphmae": {
        "views": {"edges": 0.35},
        "objective": {
            "fill": {"donor": 0.0},
            "loss": {"gamma": 3.0},
            "decoder": {"token": "learned"},
        },
    },
    "dgi": {},
    "grace": {
        "views": PAIR,
        "objective": {
            "temperature": 0.1,
            "projector": {"widths": (512, 256), "activation": "relu"},
        },
    },
    "cca-ssg": {"views": PAIR},
    "links": {},
}
"""Each task of ParetoGNN as a method of its own, set as it is there."""
ALL, MEAN = "pareto-gnn", "mean of tasks"
ENCODER = {"name": "graph/gcn", "hidden": 512, "width": 256, "norm": "batch"}
JUDGED = ("nodes", "links", "clusters")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    args = parser.parse_args()
    torch.set_num_threads(1)
    about = (
        f"ParetoGNN and its tasks alone, Cora without 15 % of its links, {args.epochs} steps, a "
        "graph convolution of 512 and 256 features with batch norm; percent: nodes told by a "
        "linear probe, links by area under the curve, clusters by mutual information"
    )
    rows = Rows(RESULTS / "graph_tasks.json", about)
    graph = Planetoid(PlanetoidConfig(path=args.data)).graph
    for seed in args.seeds:
        bench = Bench(graph, args.epochs, seed)
        cases: dict[str, Callable[[], Row]] = {
            RAW: partial(bench.score, graph.x),
            RANDOM: bench.random,
            **{name: partial(bench.trained, name, own) for name, own in SINGLE.items()},
            ALL: partial(bench.trained, ALL, {}),
        }
        for name, measure in cases.items():
            rows.take((name, seed), measure)


class Bench:
    """One seed: which links are held out, and what encoders trained without them are worth."""

    def __init__(self, graph: Any, epochs: int, seed: int) -> None:
        self.epochs, self.seed = epochs, seed
        self.links: Links = hold_out_links(graph, seed=seed)
        self.source = Nodes(self.links.graph)

    def random(self) -> Row:
        """The encoder with the weights it begins with."""
        with TemporaryDirectory() as folder:
            run = self._run("dgi", {}, folder, epochs=1)
            fresh = run.plan.build_encoders(seed=self.seed + 1_000_003)["graph"]
            return self._of(fresh)

    def trained(self, name: str, settings: dict[str, Any]) -> Row:
        """A method from scratch."""
        with TemporaryDirectory() as folder:
            return self._of(self._run(name, settings, folder, epochs=self.epochs).encoder)

    def score(self, features: Tensor) -> Row:
        """Of features of every node."""
        graph = self.links.graph
        generator = torch.Generator().manual_seed(self.seed)
        nodes = node_classification(features, graph.y, NodeParts.of(graph), generator=generator)
        found = {
            "nodes": nodes.test,
            "links": link_prediction(features, self.links)["auc"],
            "clusters": clustering(features, graph.y, seed=self.seed)["nmi"],
        }
        return {name: round(100 * value, 2) for name, value in found.items()}

    def _of(self, encoder: Any) -> Row:
        with Loader(self.source) as loader:
            return self.score(embed(encoder, list(loader.sequential(256))).values)

    def _run(self, name: str, settings: dict[str, Any], folder: str, *, epochs: int) -> Any:
        training = {
            "epochs": epochs,
            "optimizer": {"kind": "adamw", "lr": 5e-4, "weight_decay": 1e-5},
            "schedules": {"lr_factor": {"kind": "constant", "value": 1.0}},
            "watch_every": 0,
            "checkpoint_every": 100_000,
        }
        return tacit.pretrain(
            f"graph/{name}",
            data=self.source,
            encoder=ENCODER,
            out=Path(folder) / "run",
            seed=self.seed,
            settings={**settings, "training": training},
        )


class Rows(Table):
    """The table; see `_rows.Table`."""

    keys: ClassVar[tuple[str, ...]] = ("features", "seed")

    def summary(self) -> list[Row]:
        """One row for each kind of features, over the seeds; and the mean of the single tasks."""
        groups: dict[str, list[Row]] = {}
        for row in self.runs:
            groups.setdefault(row["features"], []).append(row)
        if means := self._means(groups):
            groups[MEAN] = means
        return [self._summed(name, rows, groups) for name, rows in groups.items()]

    def _means(self, groups: dict[str, list[Row]]) -> list[Row]:
        together = zip(*[groups.get(name, []) for name in SINGLE], strict=False)
        return [{key: fmean(row[key] for row in each) for key in JUDGED} for each in together]

    def _summed(self, name: str, rows: list[Row], groups: dict[str, list[Row]]) -> Row:
        out: Row = {"features": name}
        for key in JUDGED:
            out[key] = spread(column(rows, key), digits=1)
        if name == ALL and MEAN in groups:
            won = [k for k in JUDGED if leads(column(rows, k), column(groups[MEAN], k))]
            out["beats the mean of its tasks by more than the spread"] = " and ".join(won) or "no"
        if spent := column(rows, "seconds"):
            out["CPU seconds a run"] = round(fmean(spent))
        return {**out, "seeds": len(rows)}


if __name__ == "__main__":
    main()
