"""GraphMAE moves as its authors' code does: their network of PyG's layers, and torch's own Adam."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from tests.graph.toys import communities, nodes_of
from torch import Tensor, nn
from torch.nn import functional
from torch_geometric.nn import GATConv

from tacit.config import read
from tacit.contract import DataInfo, Encoder
from tacit.methods import Learner
from tacit.nn import Fill
from tacit.training.optimizers import build, undecayed
from tacit.training.settings import Training
from tacit_graph.encoders import Gat
from tacit_graph.encoders.convolutions import Attention
from tacit_graph.encoders.decoders import GatDecoder
from tacit_graph.methods import graphmae
from tacit_graph.modality import Graph
from tacit_graph.views import Masked

FEATURES, WIDTH, HEADS = 12, 16, 4
STEPS = 6


class Theirs(nn.Module):
    """The authors' network: two layers and a third behind zeros in place of hidden nodes."""

    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.zeros(FEATURES))
        self.layers = nn.ModuleList(
            [GATConv(before, WIDTH // HEADS, heads=HEADS) for before in (FEATURES, WIDTH)]
        )
        self.activations = nn.ModuleList([nn.PReLU(), nn.PReLU()])
        self.embed = nn.Linear(WIDTH, WIDTH, bias=False)
        self.decoder = GATConv(WIDTH, FEATURES)

    def forward(self, x: Tensor, index: Tensor, hidden: Tensor) -> Tensor:
        wanted = x[hidden]
        x = torch.where(hidden[:, None], self.token, x)
        for layer, activation in zip(self.layers, self.activations, strict=True):
            x = activation(layer(x, index))
        z = self.embed(x).masked_fill(hidden[:, None], 0.0)
        cosine = functional.cosine_similarity(self.decoder(z, index)[hidden], wanted)
        loss: Tensor = (1 - cosine).pow(3).mean()
        return loss

    def take(self, learner: Learner) -> None:
        """Begin with the same weights."""
        own = dict(learner.named_parameters())
        encoder, decoder = "encoders.graph.", "objective.decoder.graph."
        with torch.no_grad():
            for number, (layer, activation) in enumerate(
                zip(self.layers, self.activations, strict=True)
            ):
                _take(layer, own, f"{encoder}layers.{number}.")
                activation.weight.copy_(own[f"{encoder}activations.{number}.weight"])
            _take(self.decoder, own, f"{decoder}network.")
            self.embed.weight.copy_(own[f"{decoder}embed.weight"])


def _take(layer: GATConv, own: dict[str, Tensor], prefix: str) -> None:
    attention = own[f"{prefix}attention"].view(2, layer.heads, layer.out_channels)
    layer.lin.weight.copy_(own[f"{prefix}weight"])
    layer.att_src.copy_(attention[:1])
    layer.att_dst.copy_(attention[1:])
    layer.bias.copy_(own[f"{prefix}bias"])


def test_steps_are_those_of_the_authors_code() -> None:
    torch.manual_seed(0)
    (stage,) = graphmae().stages
    encoder = Gat(Gat.Config(features=FEATURES, width=WIDTH, heads=HEADS))
    source = nodes_of(communities()[0])
    learner = Learner(
        encoders={"graph": encoder},
        objective=stage.objective(replace(stage.config, fill=Fill())),
        augmentations={"graph": Masked()},
        modalities={"graph": Graph()},
        data=DataInfo(instances=len(source)),
    )
    theirs, hidden = Theirs(), _hidden(encoder)
    theirs.take(learner)
    config = read(Training, {**stage.training, "epochs": 1}).optimizer
    ours = build(config, learner.named_parameters(), no_weight_decay=undecayed(learner))
    assert {group["weight_decay"] for group in ours.param_groups} == {2e-4}, "all of it decays"
    adam = torch.optim.Adam(theirs.parameters(), lr=1e-3, weight_decay=2e-4)
    batch = source.fetch(range(60))
    graph = batch.values["graph"]
    for _ in range(STEPS):
        loss = learner(batch).total()
        wanted = theirs(graph.x, graph.edge_index, hidden[-1])
        torch.testing.assert_close(loss, wanted)
        for optimizer, each in ((ours, loss), (adam, wanted)):
            optimizer.zero_grad()
            each.backward()
            optimizer.step()
    trained = [parameter for parameter in learner.parameters() if parameter.requires_grad]
    found, there = (sum(p.numel() for p in each) for each in (trained, theirs.parameters()))
    assert found == there, "nothing else is learnt"
    torch.testing.assert_close(encoder.get_parameter("token"), theirs.token, atol=1e-4, rtol=1e-2)


def _hidden(encoder: Encoder) -> list[Tensor]:
    """Which nodes were hidden, step by step."""
    found: list[Tensor] = []
    encoder.register_forward_pre_hook(
        lambda _, args, kwargs: found.append(kwargs["mask"].hidden), with_kwargs=True
    )
    return found


@pytest.mark.parametrize("heads", [1, 4])
def test_attention_begins_as_long_as_the_authors(heads: int) -> None:
    """Glorot for a vector of senders and one of receivers, each of one row."""
    torch.manual_seed(0)
    width = 4096
    layer = Attention(3, width, heads=heads, attention_dropout=0.0)
    each = width // heads
    wanted = (2 * 2 / (width + each)) ** 0.5
    for vectors in layer.attention.detach():
        assert float(vectors.std()) == pytest.approx(wanted, rel=0.05)
    for vector in GatDecoder(3, width).attention.detach():
        assert float(vector.std()) == pytest.approx((2 / width) ** 0.5, rel=0.05)
