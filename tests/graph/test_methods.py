"""Methods on graphs: what they say, that they train, resume, and learn more than random weights."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.graph.toys import communities, many, nodes_of
from torch import Tensor

import tacit
from tacit.config import read, write
from tacit.contract import DataInfo, Encoder
from tacit.data import Loader, Source
from tacit.evaluation import embed, knn_predict
from tacit.methods import Learner, Method
from tacit.training.loop import Trainer
from tacit.training.parallel import World
from tacit.training.settings import Training
from tacit_graph import methods, plugin, recipes
from tacit_graph.data import Graphs
from tacit_graph.encoders import Gat, Gcn, Gin
from tacit_graph.modality import Graph
from tacit_graph.objectives import ClusteringConfig
from tacit_graph.probes import NodeParts, node_classification
from tacit_graph.views import Linked, ManyTasks, Masked, OneOf, Perturbed, Shuffled, TwoViews

DATA = Path(os.environ.get("TACIT_DATA", "")) / "graph"
OFFERED = {offer.name: offer for offer in plugin.tacit_methods()}
METHODS = {name: offer.target.partition(":")[2] for name, offer in OFFERED.items()}
VIEWS = {
    "two-views": TwoViews,
    "masked": Masked,
    "shuffled": Shuffled,
    "one-of-edits": OneOf,
    "linked": Linked,
    "many-tasks": ManyTasks,
    "perturbed": Perturbed,
}
every = pytest.mark.parametrize("name", METHODS)
ON_GRAPHS = ["graph/graphcl", "graph/infograph", "graph/d-sla"]
SMALL = {"graph/clustering": ClusteringConfig(clusters=6)}


def method(name: str) -> Method:
    made: Method = getattr(methods, METHODS[name])()
    return made


def source_for(name: str) -> Source:
    return Graphs(many(16)) if name in ON_GRAPHS else nodes_of(communities()[0])


def encoder_for(name: str, width: int) -> Encoder:
    torch.manual_seed(0)
    if name == "graph/graphmae":
        return Gat(Gat.Config(features=12, width=width, heads=4))
    if name in ON_GRAPHS:
        return Gin(Gin.Config(features=3, width=width, layers=2))
    return Gcn(Gcn.Config(features=12, width=width))


class Log:
    """A sink that keeps the totals."""

    def __init__(self) -> None:
        self.totals: list[float] = []

    def write(self, step: int, values: Mapping[str, float]) -> None:
        self.totals.append(sum(v for k, v in values.items() if k.startswith("loss/")))

    def close(self) -> None:
        return


def trained(
    name: str, steps: int, *, source: Source | None = None, width: int = 256, **training: Any
) -> tuple[Encoder, Log]:
    (stage,) = method(name).stages
    source, log = source or source_for(name), Log()
    encoder = encoder_for(name, width)
    learner = Learner(
        encoders={"graph": encoder},
        objective=stage.objective(SMALL.get(name, stage.config)),
        augmentations={"graph": VIEWS[stage.views]()},
        modalities={"graph": Graph()},
        teachers=stage.teachers,
        data=DataInfo(instances=len(source)),
    )
    settings = {k: v for k, v in stage.training.items() if k not in ("epochs", "schedules")}
    settings |= {"steps": steps, "batch": len(source), "log_every": 1, "watch_every": 0, **training}
    Trainer(
        learner=learner,
        source=source,
        settings=read(Training, settings),
        seed=0,
        world=World(device=torch.device("cpu")),
        sinks=[log],
    ).run()
    return encoder, log


@every
def test_a_method_says_what_its_offer_says(name: str) -> None:
    made, offer = method(name), OFFERED[name]
    assert (made.name, made.summary, made.source) == (name, offer.summary, offer.source)
    assert f"views:{made.stages[0].views}" in offer.requires


@every
def test_settings_survive_a_run_file(name: str) -> None:
    (stage,) = method(name).stages
    assert read(type(stage.config), write(stage.config)) == stage.config
    training = read(Training, stage.training)
    assert read(Training, write(training)) == training


@every
def test_a_method_lowers_its_loss(name: str) -> None:
    log = trained(name, 25, optimizer={"kind": "adam", "lr": 1e-3})[1]
    assert sum(log.totals[-5:]) < sum(log.totals[:5])


def by_neighbours(encoder: Encoder, source: Source) -> float:
    with Loader(source) as loader:
        found = embed(encoder, loader.sequential(256))
    assert found.label is not None
    other = torch.arange(len(found)) % 2 == 0
    predicted = knn_predict(
        found.values[other], found.label[other], found.values[~other], classes=4
    )
    return float((predicted == found.label[~other]).float().mean())


def test_dgi_learns_communities_a_random_encoder_does_not_know() -> None:
    graph, _ = communities(count=4, size=40, seed=3)
    noise = torch.rand(graph.x.shape, generator=torch.Generator().manual_seed(5))
    graph.x = (graph.x + (noise < 0.4)).clamp(max=1.0)
    source = nodes_of(graph)
    before = by_neighbours(encoder_for("graph/dgi", 256).eval(), source)
    after = by_neighbours(trained("graph/dgi", 60, source=source, optimizer=_FAST)[0], source)
    assert after > before + 0.02


@pytest.mark.slow
@pytest.mark.skipif(not (DATA / "cora").is_dir(), reason="TACIT_DATA has no graph/cora")
def test_cca_ssg_learns_papers_a_random_encoder_does_not_know(tmp_path: Path) -> None:
    """On Cora a random graph network has 73 to 75 percent right, this one 82 to 84."""
    settings = {"watch_every": 0}
    run = tacit.pretrain(
        "graph/cora-cca-ssg-v1", data=DATA / "cora", out=tmp_path / "run", settings=settings
    )
    source = run.plan.source.make()
    (batch,) = Loader(source).sequential(1)
    parts, scores = NodeParts.of(batch.values["graph"]), []
    for encoder in (run.plan.build_encoders(seed=1)["graph"], run.encoder):
        found = embed(encoder, [batch])
        draw = torch.Generator().manual_seed(0)
        scores.append(node_classification(found.values, found.label, parts, generator=draw).test)
    assert scores[1] > scores[0] + 0.03


_FAST = {"kind": "adam", "lr": 1e-3}


def test_hidden_features_never_reach_graphmaes_encoder() -> None:
    (stage,) = method("graph/graphmae").stages
    encoder = encoder_for("graph/graphmae", 16)
    seen: list[Tensor] = []
    encoder.register_forward_pre_hook(
        lambda _, args, kwargs: seen.append((args[0].values, kwargs["mask"].hidden)),  # type: ignore[arg-type]
        with_kwargs=True,
    )
    learner = Learner(
        encoders={"graph": encoder},
        objective=stage.objective(stage.config),
        augmentations={"graph": Masked()},
        modalities={"graph": Graph()},
    )
    batch = nodes_of(communities()[0]).fetch(range(60))
    learner(batch)
    ((values, hidden),) = seen
    changed = (values != batch.values["graph"].x).any(1)
    assert 24 <= int(hidden.sum()) <= 30
    assert int((changed & hidden).sum()) == 0, "donors are not replaced by the token as well"
    assert int(changed.sum()) <= 30 - int(hidden.sum())


RECIPES = [offer for offer in plugin.tacit_recipes() if offer.modality == {"graph"}]


@pytest.mark.parametrize("offer", RECIPES, ids=lambda offer: offer.name)
def test_every_recipe_resolves_to_a_run(offer: Any) -> None:
    from tacit.api.resolve import resolve_run

    recipe = getattr(recipes, offer.target.partition(":")[2])()
    many_graphs = any(word in offer.name for word in ("mutag", "proteins"))
    own = recipe.settings.get("data", {})
    name = {"name": "graph/tu" if many_graphs else "graph/planetoid", "path": "somewhere"}
    settings = {**recipe.settings, "data": own if "name" in own else {**name, **own}}
    plan = resolve_run(settings, where="test")
    plan.check(plan.build_encoders())


def test_a_run_on_one_graph_takes_all_nodes_a_step_and_repeats_exactly(tmp_path: Path) -> None:
    settings = {"epochs": 4, "watch_every": 0, "encoder": {"width": 16}}
    runs = [
        tacit.pretrain("graph/cca-ssg", data="graph/karate", out=tmp_path / n, settings=settings)
        for n in ("a", "b")
    ]
    assert runs[0].config.training["batch"] == 34
    assert runs[0].metrics()[-1][0] == 4
    a, b = (run.encoder.state_dict() for run in runs)
    assert all(torch.equal(a[key], b[key]) for key in a)
    assert runs[0].embed().values.shape == (34, 16)


def test_a_run_that_was_stopped_ends_like_one_that_was_not(tmp_path: Path) -> None:
    settings = {
        "epochs": 6,
        "watch_every": 0,
        "batch": 8,
        "data": {"name": "graph/karate", "neighbours": (4, 4)},
        "encoder": {"width": 16},
        "checkpoint_every": 5,
    }
    whole = tacit.pretrain("graph/bgrl", out=tmp_path / "whole", settings=_bgrl(settings))

    class Stop:
        def metrics(self, step: int, values: Mapping[str, float]) -> None:
            return

        def progress(self, step: int, total: int | None, instances_per_second: float) -> None:
            return

        def checkpoint(self, step: int, path: Path) -> None:
            if step == 10:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tacit.pretrain(
            "graph/bgrl", out=tmp_path / "cut", settings=_bgrl(settings), observers=[Stop()]
        )
    again = tacit.pretrain("graph/bgrl", out=tmp_path / "cut", settings=_bgrl(settings))
    a, b = whole.encoder.state_dict(), again.encoder.state_dict()
    assert all(torch.equal(a[key], b[key]) for key in a)


def _bgrl(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {**settings, "objective": {"predictor": {"widths": (16, 16)}}}
