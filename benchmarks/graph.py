"""Do the methods for graphs reach what was published; every recipe over several seeds.

    python benchmarks/graph.py --data FOLDER [--runs FOLDER] [--sets cora ...] [--methods ...]

`--data` holds the raw folders `cora` and `citeseer` (Planetoid) and `MUTAG` and `PROTEINS` (TU).
Every measured run is one row of results/graph.jsonl at once; rows that are there are not measured
again, and a run that was interrupted goes on. `results/graph.json` is the table made of them.

Nodes: public split, logistic regression whose weight decay is chosen on the validation nodes;
`authors` is the same with the decay and the 300 steps that GraphMAE's authors set for the data set,
where nothing is chosen; for GRACE it is on features divided by their length, as its authors do.
Graphs: ten folds, a support vector machine whose strength is chosen within each fold's training
part. `random` is the same encoder untrained, `raw` the features themselves.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from _measure import write

import tacit
from tacit.contract import Encoder
from tacit.data import Loader, Source
from tacit.evaluation import embed, raw_features
from tacit_graph.modality import Graph
from tacit_graph.probes import (
    NodeParts,
    NodeProbeConfig,
    graph_classification,
    node_classification,
)

ROWS = Path(__file__).parent / "results" / "graph.jsonl"
NODES = ("graphmae", "dgi", "grace", "bgrl", "cca-ssg")
GRAPHS = ("graphmae", "graphcl", "infograph")
SETS = {"cora": NODES, "citeseer": NODES, "MUTAG": (*GRAPHS, "d-sla"), "PROTEINS": GRAPHS}
AUTHORS = {
    "cora": NodeProbeConfig(decays=(1e-4,), epochs=300),
    "citeseer": NodeProbeConfig(decays=(1e-2,), epochs=300),
}
PUBLISHED = {
    "cora": {"graphmae": 84.2, "dgi": 82.3, "grace": 81.9, "bgrl": 82.7, "cca-ssg": 84.0},
    "citeseer": {"graphmae": 73.4, "dgi": 71.8, "grace": 71.2, "bgrl": 71.1, "cca-ssg": 73.1},
    "MUTAG": {"graphmae": 88.19, "graphcl": 86.80, "infograph": 89.01},
    "PROTEINS": {"graphmae": 75.30, "graphcl": 74.39, "infograph": 74.44},
}
NOTE = (
    "Of nodes, the probe of `encoder` has its decay chosen on validation nodes; `authors` is the "
    "probe of GraphMAE's authors, for GRACE ours on features divided by their length. "
    "Published figures are not all of one protocol: InfoGraph's code prints an accuracy after "
    "each of 20 epochs on MUTAG, 79.5 to 89.8 "
    "and 86.6 in the mean, and what was published is near the best of them (sunfanyunn/InfoGraph, "
    "issue 4), where here the last epoch counts; BGRL's are of attention layers 4096 wide, and "
    "8192 on CiteSeer (THUDM/GraphMAE, issue 4), here 2048 and 1024, with which it is level with "
    "its random encoder on CiteSeer"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs/graph"))
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    every = list(dict.fromkeys(method for methods in SETS.values() for method in methods))
    parser.add_argument("--methods", nargs="+", default=every, choices=every)
    parser.add_argument("--seeds", nargs="+", type=int, default=list(range(10)))
    args = parser.parse_args()
    torch.set_num_threads(1)
    for seed in args.seeds:
        for name in args.sets:
            for method in args.methods:
                if method in SETS[name] and not _measured(name, method, seed):
                    _note(measure(args.data / name, args.runs, name, method, seed))
    about = {"about": __doc__.splitlines()[0], "note": NOTE}
    write("graph", {**about, "results": _table(_rows())})


class Clock:
    """CPU seconds a step of this process took, which may not be the first to work on the run."""

    def __init__(self) -> None:
        self.first: tuple[int, float] | None = None
        self.last = (0, 0.0)

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Called every few steps."""
        self.last = (step, time.process_time())
        self.first = self.first or self.last

    def progress(self, step: int, total: int | None, instances_per_second: float) -> None:
        """Not needed."""

    def checkpoint(self, step: int, path: Path) -> None:
        """Not needed."""

    def per_step(self) -> float:
        """CPU seconds a step; 0 where too few were taken to tell."""
        assert self.first is not None, "a run logs its last step"
        steps = self.last[0] - self.first[0]
        return (self.last[1] - self.first[1]) / steps if steps else 0.0


def measure(data: Path, runs: Path, name: str, method: str, seed: int) -> dict[str, Any]:
    """Train one recipe with one seed; score it beside its random encoder and the raw features."""
    clock = Clock()
    run = tacit.pretrain(
        f"graph/{name.lower()}-{method}-v1",
        data=data,
        out=runs / f"{name}-{method}-{seed}",
        seed=seed,
        settings={"watch_every": 0, "checkpoint_every": 200, "keep": 1, "log_every": 5},
        observers=[clock],
    )
    if not run.finished:
        raise SystemExit(f"{run.folder.path} was stopped: repeat the command to go on")
    source = run.plan.source.make()
    fresh = run.plan.build_encoders(seed=seed + 1_000_003)["graph"]
    training = run.plan.stages[0].training
    steps = len(source) // training.batch
    probe = NodeProbeConfig(unit=True) if method == "grace" else AUTHORS.get(name)
    own = {"authors": score(run.encoder, source, seed, probe)} if name in AUTHORS else {}
    row = {
        "set": name,
        "method": method,
        "seed": seed,
        "encoder": score(run.encoder, source, seed),
        **own,
        "random": score(fresh, source, seed),
        "raw": score(None, source, seed),
        "epochs": training.epochs,
        "cpu_seconds_per_epoch": round(clock.per_step() * steps, 4),
    }
    print(row, flush=True)
    return row


def score(
    encoder: Encoder | None, source: Source, seed: int, probe: NodeProbeConfig | None = None
) -> float:
    """Percent right; of the raw features where there is no encoder."""
    with Loader(source) as loader:
        batches = list(loader.sequential(256))
    if encoder is None:
        found = raw_features(Graph(), batches, keep_on=torch.device("cpu"))
    else:
        found = embed(encoder, batches)
    if not source.whole:
        return round(100 * graph_classification(found.values, found.label, seed=0), 2)
    parts = NodeParts.of(batches[0].values["graph"])
    generator = torch.Generator().manual_seed(seed)
    result = node_classification(
        found.values, found.label, parts, generator=generator, config=probe
    )
    return round(100 * result.test, 2)


def _rows() -> list[dict[str, Any]]:
    return [json.loads(line) for line in ROWS.read_text().splitlines()] if ROWS.is_file() else []


def _measured(name: str, method: str, seed: int) -> bool:
    wanted = (name, method, seed)
    return any((row["set"], row["method"], row["seed"]) == wanted for row in _rows())


def _note(row: dict[str, Any]) -> None:
    ROWS.parent.mkdir(exist_ok=True)
    with ROWS.open("a") as file:
        file.write(json.dumps(row) + "\n")


def _table(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Mean and deviation over the seeds, and what was published, where it was."""
    out = []
    for name, methods in SETS.items():
        for method in methods:
            own = [row for row in rows if (row["set"], row["method"]) == (name, method)]
            if own:
                out.append(_line(name, method, own))
    return out


def _line(name: str, method: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    kinds = [kind for kind in ("encoder", "authors", "random", "raw") if kind in rows[0]]
    values = {kind: [row[kind] for row in rows] for kind in kinds}
    return {
        "set": name,
        "method": method,
        "seeds": len(rows),
        **{kind: round(statistics.mean(found), 2) for kind, found in values.items()},
        "deviation": round(statistics.pstdev(values["encoder"]), 2),
        **({"published": PUBLISHED[name][method]} if method in PUBLISHED[name] else {}),
        "epochs": rows[0]["epochs"],
        "cpu_seconds_per_epoch": statistics.median(row["cpu_seconds_per_epoch"] for row in rows),
    }


if __name__ == "__main__":
    main()
