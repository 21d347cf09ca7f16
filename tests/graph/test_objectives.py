"""CCA-SSG, DGI and InfoGraph against closed forms, their gradients and their worst cases."""

from __future__ import annotations

import math

import pytest
import torch
from tests.graph.toys import batch_of, ring, seeded
from torch import Tensor

from tacit.contract import Batch, DataInfo, Objective
from tacit.methods import Learner
from tacit_graph.encoders import Gcn, Gin
from tacit_graph.modality import Graph
from tacit_graph.objectives import CcaSsg, CcaSsgConfig, Dgi, InfoGraph, cca_ssg
from tacit_graph.objectives.infomax import jensen_shannon
from tacit_graph.views import Masked, Shuffled, TwoViews


def rows(seed: int, count: int = 9, width: int = 4) -> Tensor:
    return torch.randn(count, width, generator=seeded(seed), dtype=torch.float64)


def test_cca_ssg_is_its_two_equations() -> None:
    a, b = rows(0).float(), rows(1).float()
    invariance, decorrelation = cca_ssg(a, b)
    za, zb = ((z - z.mean(0)) / z.std(0) for z in (a, b))
    torch.testing.assert_close(invariance, -torch.trace(za.T @ zb) / 9)
    eye = torch.eye(4)
    wanted = sum(torch.linalg.matrix_norm(eye - z.T @ z / 9) ** 2 for z in (za, zb))
    torch.testing.assert_close(decorrelation, wanted)


def test_identical_views_score_below_random_and_those_below_opposite_ones() -> None:
    a = rows(0, count=50).float()
    same, other, opposite = (cca_ssg(a, b)[0] for b in (a, rows(1, count=50).float(), -a))
    assert same < other < opposite


def test_cca_ssg_survives_a_constant_feature_and_a_single_row() -> None:
    a = rows(0).float()
    a[:, 0] = 3.0
    a.requires_grad_()
    total = sum(cca_ssg(a, rows(1).float()))
    assert isinstance(total, Tensor)
    total.backward()
    assert a.grad is not None
    assert a.grad.isfinite().all()
    assert all(term.isfinite() for term in cca_ssg(rows(0, count=1).float(), rows(1, 1).float()))


def test_jensen_shannon_is_a_mean_over_pairs() -> None:
    scores = torch.randn(5, 3, generator=seeded(), dtype=torch.float64)
    owner = torch.tensor([0, 0, 1, 2, 2])

    def softplus(x: float) -> float:
        return math.log1p(math.exp(x))

    own, foreign = 0.0, 0.0
    for i in range(5):
        for j in range(3):
            s = float(scores[i, j])
            if j == owner[i]:
                own += (math.log(2) - softplus(-s)) / 5
            else:
                foreign += (softplus(-s) + s - math.log(2)) / 10
    assert float(jensen_shannon(scores, owner)) == pytest.approx(foreign - own)


def test_nodes_nearest_to_their_own_graph_score_lowest() -> None:
    owner = torch.tensor([0, 0, 1, 2, 2])
    own = torch.nn.functional.one_hot(owner, 3).double()
    right, nothing, wrong = (jensen_shannon(c * (own - 0.3), owner) for c in (4.0, 0.0, -4.0))
    assert right < nothing < wrong


def losses(objective: Objective, kind: type[Shuffled] | type[Masked], graph: object) -> object:
    torch.manual_seed(0)
    encoder = Gcn(Gcn.Config(features=3, width=8))
    learner = Learner(
        encoders={"graph": encoder},
        objective=objective,
        augmentations={"graph": kind()},
        modalities={"graph": Graph()},
        data=DataInfo(),
    )
    size = Graph().size(graph)
    return learner(Batch(values={"graph": graph}, index=torch.arange(size)))


def test_dgi_is_the_cross_entropy_of_a_bilinear_form() -> None:
    objective, graph = Dgi(), ring()
    found = losses(objective, Shuffled, graph)
    torch.manual_seed(0)
    encoder = Gcn(Gcn.Config(features=3, width=8))
    real = encoder(graph).pooled
    score = real @ objective.weight["graph"] @ real.mean(0).sigmoid()
    wanted = torch.nn.functional.binary_cross_entropy_with_logits(score, torch.ones(6))
    torch.testing.assert_close(found.terms["real"], wanted)  # type: ignore[attr-defined]


def test_infograph_refuses_nodes_that_are_the_instances() -> None:
    with pytest.raises(ValueError, match="use graph/dgi on one large graph"):
        losses(InfoGraph(), Masked, ring())
    assert losses(InfoGraph(), Masked, batch_of(4)).total().isfinite()  # type: ignore[attr-defined]


def test_cca_ssg_takes_the_rows_a_batch_names() -> None:
    torch.manual_seed(0)
    learner = Learner(
        encoders={"graph": Gin(Gin.Config(features=3, width=8))},
        objective=CcaSsg(CcaSsgConfig()),
        augmentations={"graph": TwoViews()},
        modalities={"graph": Graph()},
    )
    batch = Batch(values={"graph": ring()}, index=torch.arange(6), rows=torch.tensor([1, 2, 5]))
    assert learner(batch).total().isfinite()
    with pytest.raises(ValueError, match="decorrelation: wanted at least 0"):
        CcaSsgConfig(decorrelation=-1.0)
