"""Do labels and a self-supervised task together beat labels alone; SS-GCNs on Cora over seeds.

    python benchmarks/graph_joint.py --data FOLDER [--seeds 0 1 ...]

`--data` is the raw folder of Cora. Every run is a recipe of SS-GCNs; `labels` is the same
run with no weight on the task. Percent right of the public test nodes, told by the run's own
classifier after the last epoch: nothing is chosen on validation nodes.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path
from typing import Any

import torch
from _measure import write

import tacit
from tacit.data import Loader
from tacit.evaluation import embed
from tacit_graph.probes import NodeParts

RECIPES = {
    "labels": "graph/cora-ss-gcn-v1",
    "partition": "graph/cora-ss-gcn-v1",
    "clustering": "graph/cora-ss-gcn-clustering-v1",
    "completion": "graph/cora-ss-gcn-completion-v1",
}
ALONE = {"training": {"weights": {"labels": 1.0, "task": 0.0}}}
PUBLISHED = {"labels": 81.0, "partition": 81.8, "clustering": 81.6, "completion": 81.0}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", nargs="+", type=int, default=list(range(10)))
    args = parser.parse_args()
    torch.set_num_threads(1)
    found: dict[str, list[dict[str, float]]] = {task: [] for task in RECIPES}
    for seed in args.seeds:
        for task in RECIPES:
            found[task].append(measure(args.data, task, seed))
            print(seed, task, found[task][-1], flush=True)
    write(
        "graph_joint",
        {
            "about": __doc__.splitlines()[0].rstrip("."),
            "results": [_line(task, rows, found["labels"]) for task, rows in found.items()],
        },
    )


def measure(data: Path, task: str, seed: int) -> dict[str, float]:
    """Percent right of the validation and of the test nodes, after the last epoch."""
    settings = {"watch_every": 0, "checkpoint_every": 1000, "log_every": 100}
    with tempfile.TemporaryDirectory() as folder:
        run = tacit.pretrain(
            RECIPES[task],
            data=data,
            out=Path(folder) / "run",
            seed=seed,
            settings={**settings, **(ALONE if task == "labels" else {})},
        )
        told = run.probed(tap="tasks.labels.classifier").encoder
        with Loader(run.plan.source.make()) as loader:
            (batch,) = loader.sequential(1)
        right = embed(told, [batch]).values.argmax(1) == batch.label
        parts = NodeParts.of(batch.values["graph"])
    return {
        "validation": round(100 * float(right[parts.validation].float().mean()), 2),
        "test": round(100 * float(right[parts.test].float().mean()), 2),
    }


def _line(task: str, rows: list[dict[str, float]], alone: list[dict[str, float]]) -> dict[str, Any]:
    test = [row["test"] for row in rows]
    gains = [row["test"] - other["test"] for row, other in zip(rows, alone, strict=True)]
    return {
        "set": "cora",
        "task": task,
        "seeds": len(rows),
        "test": round(statistics.mean(test), 2),
        "deviation": round(statistics.pstdev(test), 2),
        "gain over labels": round(statistics.mean(gains), 2),
        "seeds that gain": sum(gain > 0 for gain in gains),
        "published": PUBLISHED[task],
    }


if __name__ == "__main__":
    main()
