"""D-SLA's three losses by hand, their gradients, what they leave out, and two processes."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest
import torch
from tests.core.ranks import answers_of
from tests.graph.toys import batch_of, ring, seeded
from torch import Tensor

from tacit.contract import Batch, DataInfo, EncoderSpec, Views
from tacit.methods import Learner
from tacit_graph.encoders import Gcn, Gin
from tacit_graph.modality import Graph
from tacit_graph.objectives import Discrepancy, DiscrepancyConfig
from tacit_graph.objectives.discrepancy import discrimination, disproportion, intrusion
from tacit_graph.views import Perturbed

# One graph: its original, two copies and a strong one; four vectors.
FOUR = torch.tensor([[0.0, 0.0], [3.0, 4.0], [6.0, 8.0], [0.0, 9.0]], dtype=torch.float64)
EDITS = torch.tensor([[2, 4, 3]])


def distances(candidates: Tensor) -> Tensor:
    return (candidates[:, 1:] - candidates[:, :1]).norm(dim=-1)


def drawn(batch: int = 5, candidates: int = 4, width: int = 3) -> Tensor:
    return torch.randn(batch, candidates, width, generator=seeded(), dtype=torch.float64)


def test_picking_the_original_is_a_cross_entropy() -> None:
    scores = torch.tensor([[1.0, 0.0, -1.0, 2.0]], dtype=torch.float64)
    loss, accuracy = discrimination(scores, EDITS > 0)
    wanted = -math.log(math.e / (math.e + 1 + math.exp(-1) + math.exp(2)))
    assert float(loss) == pytest.approx(wanted)
    assert float(accuracy) == 0
    assert float(discrimination(-scores.flip(1), EDITS > 0)[1]) == 0
    assert float(discrimination(scores.flip(1), EDITS > 0)[1]) == 1


def test_distances_of_an_edit_are_compared_in_all_pairs() -> None:
    # Distances 5, 10 and 9 by 2, 4 and 3 edits: 2.5, 2.5 and 3.
    found = disproportion(distances(FOUR[None]), EDITS)
    assert float(found) == pytest.approx((0 + 0.5**2 + 0.5**2) / 3)
    assert float(disproportion(2.0 * EDITS, EDITS)) == 0


def test_copies_are_to_be_nearer_than_other_originals_by_a_margin() -> None:
    originals = torch.tensor([[0.0, 0.0], [6.0, 8.0], [0.0, 3.0]], dtype=torch.float64)
    distance = torch.tensor([[5.0, 1.0], [2.0, 7.0], [1.0, 1.0]], dtype=torch.float64)
    margin, excess = 4.0, []
    for g in range(3):
        for k in range(2):
            for o in range(3):
                if o != g:
                    apart = math.dist(originals[g].tolist(), originals[o].tolist())
                    excess.append(max(0.0, margin + float(distance[g, k]) - apart))
    found = intrusion(originals, distance, torch.ones(3, 2, dtype=torch.bool), margin)
    assert float(found) == pytest.approx(sum(excess) / len(excess))


def test_the_objective_weighs_the_three_and_keeps_the_strong_copy_from_the_margin() -> None:
    z, edits = drawn(), torch.randint(1, 9, (5, 3), generator=seeded(1))
    objective = built(3)
    found = objective.compare("graph", z, edits, 2)
    scores = objective.score["graph"](z)[..., 0]
    picked = torch.nn.functional.cross_entropy(scores, torch.zeros(5, dtype=torch.int64))
    each = distances(z) / edits
    squares = [(each[:, a] - each[:, b]).square() for a, b in combinations(range(3), 2)]
    close = intrusion(z[:, 0], distances(z)[:, :2], torch.ones(5, 2, dtype=torch.bool), 5.0)
    torch.testing.assert_close(found.terms["discrimination"], picked)
    torch.testing.assert_close(found.terms["proportion"], 0.7 * torch.stack(squares).mean())
    torch.testing.assert_close(found.terms["others"], 0.5 * close)
    assert float(found.metrics["unedited"]) == 0


def built(width: int) -> Discrepancy:
    torch.manual_seed(0)
    objective = Discrepancy()
    objective.build({"graph": EncoderSpec(modality="graph", width=width)}, DataInfo())
    return objective.double()


def test_copies_without_edits_are_left_out_of_all_and_counted() -> None:
    z, edits = drawn(), torch.randint(1, 9, (5, 3), generator=seeded(1))
    edits[0, 1] = edits[3] = 0
    objective, other = built(3), z.clone()
    other[0, 2] = other[3, 1:] = 100.0
    a, b = (objective.compare("graph", each, edits, 2) for each in (z, other))
    for name, term in a.terms.items():
        torch.testing.assert_close(term, b.terms[name])
    assert float(a.metrics["unedited"]) == pytest.approx(4 / 15)
    nothing = objective.compare("graph", z, torch.zeros_like(edits), 2)
    assert not torch.stack(list(nothing.terms.values())).any()


def test_gradients_are_those_of_finite_differences() -> None:
    edits = torch.randint(0, 4, (4, 3), generator=seeded(3))
    edits[:, 0] = 1
    objective = built(3)

    def terms(z: Tensor) -> tuple[Tensor, ...]:
        return tuple(objective.compare("graph", z, edits, 2).terms.values())

    assert torch.autograd.gradcheck(terms, drawn(4).requires_grad_())


def test_a_gradient_where_embeddings_coincide_is_finite() -> None:
    z = torch.ones(3, 4, 3, dtype=torch.float64, requires_grad=True)
    built(3).compare("graph", z, torch.ones(3, 3, dtype=torch.int64), 2).total().backward()
    assert z.grad is not None
    assert z.grad.isfinite().all()


def test_two_processes_learn_as_one(tmp_path: Path) -> None:
    for answers in answers_of("tests.graph.discrepancy_worker", tmp_path, 2):
        assert set(answers) == {"loss", "candidates", "0.weight", "0.bias", "2.weight"} | {
            "2.bias",
            "4.weight",
        }
        assert max(answers.values()) < 1e-9, answers


def learner(views: object, encoder: Gcn | Gin) -> Learner:
    return Learner(
        encoders={"graph": encoder},
        objective=Discrepancy(DiscrepancyConfig(margin=1.0)),
        augmentations={"graph": views},  # type: ignore[dict-item]
        modalities={"graph": Graph()},
        data=DataInfo(),
    )


def test_all_candidates_are_encoded_once_and_together() -> None:
    torch.manual_seed(0)
    encoder, seen = Gin(Gin.Config(features=3, width=8)), []
    encoder.register_forward_hook(lambda _, __, out: seen.append(len(out.pooled)))
    value = batch_of(6)
    losses = learner(Perturbed(), encoder)(Batch(values={"graph": value}, index=torch.arange(6)))
    assert seen == [30]
    assert losses.total().isfinite()
    assert set(losses.terms) == {"discrimination", "proportion", "others"}


def test_losses_are_those_of_views_encoded_one_by_one() -> None:
    """Without a batch norm: nothing else may pass from one candidate to another."""
    torch.manual_seed(0)
    encoder = Gcn(Gcn.Config(features=3, width=8))
    trained, value = learner(Perturbed(), encoder), batch_of(6)
    objective, step = trained.objective, trained.context(None)
    assert isinstance(objective, Discrepancy)
    views = [replace(v, modality="graph") for v in Perturbed()(value, seeded(5))]
    z = torch.stack([encoder(view.value).pooled for view in views], dim=1)
    edits = torch.stack([view.meta["edits"] for view in views[1:]], dim=1)
    wanted = objective.compare("graph", z, edits, 3)
    again = objective(Views(views), step)
    for name, term in wanted.terms.items():
        torch.testing.assert_close(again.terms[name], term)
    rows = torch.tensor([0, 2, 5])
    few = objective(Views([replace(view, rows=rows) for view in views]), step)
    some = objective.compare("graph", z[rows], edits[rows], 3)
    for name, term in some.terms.items():
        torch.testing.assert_close(few.terms[name], term)


def test_views_of_other_roles_are_refused() -> None:
    encoder = Gcn(Gcn.Config(features=3, width=8))
    made = learner(Perturbed(), encoder)
    value = batch_of(4)
    views = [replace(v, modality="graph") for v in Perturbed()(value, seeded())]
    with pytest.raises(ValueError, match="use views=graph/perturbed"):
        made.objective(Views(views[1:]), made.context(None))
    with pytest.raises(ValueError, match="use views=graph/two-views"):
        learner(Perturbed(), encoder)(Batch(values={"graph": ring()}, index=torch.arange(6)))
    with pytest.raises(ValueError, match="margin: wanted at least 0"):
        DiscrepancyConfig(margin=-1.0)
