"""Memory and speed on a graph of a million nodes and ten million edges, by neighbour sampling.

    python benchmarks/graph_size.py [--nodes 1000000] [--edges 10000000] [--steps 20]

A random graph with 64 features a node; GraphMAE and BGRL on 1024 nodes a step with [10, 10]
neighbours. Writes nodes per second (those the loss is taken on) and the peak memory of the process,
the making of the graph included.
"""

from __future__ import annotations

import argparse
import resource
import time

import torch
from _measure import write
from _training import Parts, cpu_seconds
from torch_geometric.data import Data

from tacit_graph.data import Nodes, NodesConfig
from tacit_graph.encoders import Gat, Gcn
from tacit_graph.methods import bgrl, graphmae
from tacit_graph.modality import Graph
from tacit_graph.views import Masked, TwoViews

BATCH, FANOUT, FEATURES = 1024, (10, 10), 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=1_000_000)
    parser.add_argument("--edges", type=int, default=10_000_000)
    parser.add_argument("--steps", type=int, default=20)
    args = parser.parse_args()
    torch.set_num_threads(1)
    started = time.process_time()
    source = generated(args.nodes, args.edges)
    opened = time.process_time() - started
    results = []
    torch.manual_seed(0)
    for name, method, encoder in (
        ("graphmae", graphmae(), Gat(Gat.Config(features=FEATURES, width=256))),
        ("bgrl", bgrl(), Gcn(Gcn.Config(features=FEATURES, width=256, norm="batch"))),
    ):
        (stage,) = method.stages
        views = TwoViews() if stage.views == "two-views" else Masked()
        parts = Parts(encoder=encoder, views=views, modality=Graph(), source=source)
        seconds = cpu_seconds(stage, parts, steps=args.steps, batch=BATCH)
        row = {
            "method": name,
            "steps": args.steps,
            "nodes_per_cpu_second": round(args.steps * BATCH / seconds),
            "cpu_seconds_per_step": round(seconds / args.steps, 3),
            "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        }
        print(row, flush=True)
        results.append(row)
    about = (
        f"{args.nodes:,} nodes, {args.edges:,} edges drawn at random, batch {BATCH}, neighbours "
        f"{list(FANOUT)}; one thread; opened in {opened:.0f} CPU seconds"
    )
    write("graph_size", {"about": about, "results": results})


def generated(nodes: int, edges: int) -> Nodes:
    """A random graph, ready to be sampled."""
    draw = torch.Generator().manual_seed(0)
    index = torch.randint(nodes, (2, edges), generator=draw)
    x = torch.randn(nodes, FEATURES, generator=draw)
    return Nodes(Data(x=x, edge_index=index), NodesConfig(neighbours=FANOUT))


if __name__ == "__main__":
    main()
