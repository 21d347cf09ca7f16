"""What an epoch of GraphMAE costs, beside a plain script of the same maths and PyG's own layers.

    python benchmarks/graph_step.py --data FOLDER [--epochs 10] [--rounds 3]

`--data` is a raw Planetoid folder of Cora. `tacit` is the recipe in the engine, `script` a loop of
a few lines around the same layers, `pyg` that loop with PyG's `GATConv` in encoder and decoder,
which reads the features as dense and writes every message down.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from _measure import compare, write
from torch import Tensor, nn
from torch.nn import functional
from torch_geometric.nn import GATConv

from tacit.api.resolve import resolve_run
from tacit.contract import DataInfo, Encoder, Mask, Tokens
from tacit.methods import Learner
from tacit.training.loop import Trainer
from tacit.training.parallel import World
from tacit_graph.data import Nodes
from tacit_graph.recipes import cora_graphmae_v1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    torch.set_num_threads(1)
    settings = cora_graphmae_v1().settings
    plan = resolve_run(
        {
            **settings,
            "data": {"name": "graph/planetoid", "path": str(args.data)},
            "training": {**dict(settings["training"]), "epochs": args.epochs, "watch_every": 0},
        },
        where="the benchmark",
    )
    source = plan.source.make()
    plan = plan.fitted(source)
    engine = _trainer(plan, source)
    cases: dict[str, Callable[[], None]] = {
        "tacit": partial(_again, engine),
        "script": _script(plan.build_encoders()["graph"], source, args.epochs),
        "pyg": _script(Pyg(), source, args.epochs),
    }
    seconds = {name: t / args.epochs for name, t in compare(cases, args.rounds).items()}
    for name, each in seconds.items():
        print(f"{name:8}{each:.3f} CPU seconds an epoch")
    rows = [{"case": name, "cpu_seconds": round(each, 4)} for name, each in seconds.items()]
    write("graph_step", {"about": "GraphMAE on Cora, one thread", "results": rows})


def _trainer(plan, source: Nodes) -> Trainer:  # type: ignore[no-untyped-def]
    (stage,) = plan.stages
    learner = Learner(
        encoders=plan.build_encoders(),
        objective=stage.build_objective(),
        augmentations=stage.augmentations(),
        modalities=plan.modalities,
        data=DataInfo(instances=len(source)),
    )
    world = World(device=torch.device("cpu"))
    return Trainer(learner=learner, source=source, settings=stage.training, seed=0, world=world)


def _again(engine: Trainer) -> None:
    """The same epochs once more."""
    engine.step = 0
    engine.run()


class Pyg(nn.Module):
    """The authors' network with PyG's layers."""

    def __init__(self) -> None:
        super().__init__()
        shared = {"heads": 4, "dropout": 0.1}
        self.layers = nn.ModuleList([GATConv(1433, 128, **shared), GATConv(512, 128, **shared)])
        self.acts = nn.ModuleList([nn.PReLU(), nn.PReLU()])
        self.token = nn.Parameter(torch.zeros(1433))
        self.decoder = GATConv(512, 1433, dropout=0.1)

    def encode(self, x: Tensor, index: Tensor, hidden: Tensor) -> Tensor:
        """Embeddings of all nodes."""
        x = torch.where(hidden[:, None], self.token, x)
        for layer, act in zip(self.layers, self.acts, strict=True):
            x = act(layer(functional.dropout(x, 0.2), index))
        return x

    def decode(self, z: Tensor, index: Tensor, hidden: Tensor) -> Tensor:
        """Features of hidden nodes."""
        found: Tensor = self.decoder(functional.dropout(z, 0.2), index)[hidden]
        return found


class Ours(nn.Module):
    """The authors' network with the plugin's layers."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder
        assert encoder.spec.decoder is not None
        self.decoder = encoder.spec.decoder(1433)

    def encode(self, x: Tensor, index: Tensor, hidden: Tensor) -> Tensor:
        """Embeddings of all nodes."""
        from torch_geometric.data import Data

        value = Data(x=x, edge_index=index)
        self.relations = self.encoder.tokenize(value).relations
        tokens: Tensor = self.encoder(value, mask=Mask(hidden, "replace")).tokens
        return tokens

    def decode(self, z: Tensor, index: Tensor, hidden: Tensor) -> Tensor:
        """Features of hidden nodes."""
        rows = hidden.nonzero()[:, 0]
        found: Tensor = self.decoder(Tokens(values=z, relations=self.relations, asked=rows))
        return found


def _script(network: Encoder | Pyg, source: Nodes, epochs: int) -> Callable[[], None]:
    network = network if isinstance(network, Pyg) else Ours(network)
    x, index = source.graph.x, source.graph.edge_index
    embed = nn.Linear(512, 512, bias=False)
    parameters = [*network.parameters(), *embed.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=1e-3, weight_decay=2e-4, fused=True)

    def run() -> None:
        for _ in range(epochs):
            order = torch.randperm(len(x))
            hidden = torch.zeros(len(x), dtype=torch.bool)
            hidden[order[: len(x) // 2]] = True
            mixed, donors = x.clone(), order[: len(x) // 40]
            mixed[donors] = x[torch.randint(len(x), donors.shape)]
            masked = hidden.index_fill(0, donors, False)
            z = embed(network.encode(mixed, index, masked))
            z = torch.where(hidden[:, None], 0.0, z)
            found = network.decode(z, index, hidden)
            cosine = functional.cosine_similarity(found, x[hidden])
            loss = (1 - cosine).pow(3).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return run


if __name__ == "__main__":
    main()
