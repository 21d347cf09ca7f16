"""Cross-modal objectives: any pairs of any modalities, members missing, temperatures that learn."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from tacit.contract import (
    Augmentation,
    Batch,
    DataInfo,
    Modality,
    Objective,
    PooledEncoder,
    View,
)
from tacit.functional import eckart_young, nt_xent, sigmoid_contrast, symmetric_contrast, vicreg
from tacit.methods import Learner
from tacit.methods.plain import Plain
from tacit.nn import MlpConfig
from tacit.objectives import (
    Clip,
    ClipConfig,
    DeepCca,
    DeepCcaConfig,
    PairedISogClr,
    PairedISogClrConfig,
    PairedVicReg,
    PairedVicRegConfig,
    SigLip,
    SigLipConfig,
)
from tacit.objectives.members import Members

NAMES = ("a", "b", "c")
LINEAR = MlpConfig(widths=(6,), norm="none", bias=False)
SIZE = 12


class Rows(Modality):
    default_encoder = "none"

    def __init__(self, name: str) -> None:
        self.name = name


class Two(Augmentation):
    """Two views that are alike but for noise."""

    roles = ("view", "view")

    def __call__(self, value: Tensor, generator: torch.Generator) -> tuple[View, ...]:
        noise = (torch.randn(value.shape, generator=generator) for _ in self.roles)
        return tuple(View(value=value + 0.1 * each) for each in noise)


def learner(objective: Objective, count: int = 2, views: Augmentation | None = None) -> Learner:
    torch.manual_seed(0)
    names = NAMES[:count]
    return Learner(
        encoders={
            name: PooledEncoder(torch.nn.Linear(5, 4), modality=name, width=4) for name in names
        },
        objective=objective,
        augmentations=dict.fromkeys(names, views or Plain()),
        modalities={name: Rows(name) for name in names},
        data=DataInfo(instances=SIZE),
    )


def batch(count: int = 2, **present: list[int]) -> Batch:
    """Members of a pair share what varies, each turned in its own way."""
    generator = torch.Generator().manual_seed(3)
    shared = torch.randn(SIZE, 5, generator=generator)
    turns = [torch.randn(5, 5, generator=generator) for _ in NAMES]
    return Batch(
        values={name: shared @ turns[i] for i, name in enumerate(NAMES[:count])},
        index=torch.arange(SIZE),
        present={name: torch.tensor(there).bool() for name, there in present.items()},
    )


def embeddings(trained: Learner, of: Batch) -> list[Tensor]:
    return [
        trained.objective.projector[name](trained.encoder(name)(value).pooled)  # type: ignore[operator,index]
        for name, value in of.values.items()
    ]


def test_each_objective_is_its_functional_of_the_projected_members() -> None:
    made = {
        "clip": Clip(ClipConfig(projector=LINEAR, temperature=0.2)),
        "siglip": SigLip(SigLipConfig(projector=LINEAR)),
        "vicreg": PairedVicReg(PairedVicRegConfig(projector=LINEAR)),
        "cca": DeepCca(DeepCcaConfig(projector=LINEAR)),
    }
    wanted = {
        "clip": lambda a, b: symmetric_contrast(a, b, 0.2).loss,
        "siglip": lambda a, b: (
            sigmoid_contrast(a, b, scale=torch.tensor(10.0), bias=torch.tensor(-10.0)).loss
        ),
        "vicreg": lambda a, b: vicreg(a, b).loss,
        "cca": lambda a, b: eckart_young([a, b]).loss,
    }
    for name, objective in made.items():
        trained, given = learner(objective), batch()
        a, b = embeddings(trained, given)
        torch.testing.assert_close(trained(given).total(), wanted[name](a, b))


def test_of_three_modalities_all_pairs_have_terms_or_those_asked_for() -> None:
    every = learner(Clip(ClipConfig(projector=LINEAR)), 3)(batch(3)).terms
    assert set(every) == {"contrast/a-b", "contrast/a-c", "contrast/b-c"}
    some = learner(Clip(ClipConfig(projector=LINEAR, pairs=("b-a", "c-a"))), 3)(batch(3)).terms
    assert set(some) == {"contrast/b-a", "contrast/c-a"}
    torch.testing.assert_close(some["contrast/b-a"], every["contrast/a-b"])


def test_pairs_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="wanted 'first-second'"):
        ClipConfig(pairs=("a",))
    with pytest.raises(ValueError, match="wanted each of a, b, c with another; got a-b"):
        learner(Clip(ClipConfig(pairs=("a-b",))), 3)
    with pytest.raises(ValueError, match="wanted each of"):
        learner(Clip(ClipConfig(pairs=("a-a", "a-b"))))


@pytest.mark.parametrize("kind", [Clip, SigLip, PairedISogClr, PairedVicReg, DeepCca])
def test_what_stands_for_a_missing_member_changes_nothing(kind: Any) -> None:
    there = {"a": [1] * 8 + [0] * 4, "b": [0, 0] + [1] * 10, "c": [1, 0] * 6}
    results = []
    for filling in (0.0, 7.0):
        trained, given = (
            learner(kind(replace(kind.Config(), projector=LINEAR)), 3),
            batch(3, **there),
        )
        values = {
            name: torch.where(given.present[name][:, None], value, filling)
            for name, value in given.values.items()
        }
        losses = trained(replace(given, values=values))
        losses.total().backward()
        results.append((losses.terms, [p.grad for p in trained.parameters()]))
    torch.testing.assert_close(results[0], results[1])


def test_a_pair_that_a_batch_has_none_of_is_left_out_while_others_are_there() -> None:
    losses = learner(Clip(ClipConfig(projector=LINEAR)), 3)(batch(3, c=[0] * SIZE))
    assert float(losses.terms["contrast/a-c"].detach()) == 0
    assert float(losses.terms["contrast/a-b"].detach()) > 0


def test_a_batch_without_a_pair_is_refused() -> None:
    trained = learner(Clip(ClipConfig(projector=LINEAR)))
    gaps = batch(a=[1, 0] * 6, b=[0, 1] * 6)
    with pytest.raises(ValueError, match="without one complete pair"):
        trained(gaps)
    alone = replace(batch(), values={"a": batch().values["a"]})
    with pytest.raises(ValueError, match="a batch with a alone has no pair to compare"):
        trained(alone)


@pytest.mark.parametrize("kind", [Clip, SigLip, PairedVicReg, DeepCca])
def test_with_members_missing_the_loss_is_that_of_the_complete_pairs(kind: Any) -> None:
    trained = learner(kind(replace(kind.Config(), projector=LINEAR)))
    given = batch(a=[0] + [1] * 11, b=[1] * 8 + [0] * 4)
    kept = Batch(values={k: v[1:8] for k, v in given.values.items()}, index=given.index[1:8])
    gradients = []
    for each in (given, kept):
        loss = trained(each).total()
        gradients.append((loss, torch.autograd.grad(loss, list(trained.parameters()))))
    torch.testing.assert_close(gradients[0], gradients[1])


@pytest.mark.parametrize("kind", [PairedVicReg, DeepCca])
def test_a_single_complete_pair_has_finite_gradients(kind: Any) -> None:
    trained = learner(kind(replace(kind.Config(), projector=LINEAR)))
    trained(batch(b=[1] + [0] * (SIZE - 1))).total().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in trained.parameters())


def test_halves_refuse_missing_members() -> None:
    with pytest.raises(ValueError, match="halves: with members missing"):
        learner(DeepCca(DeepCcaConfig(halves=True)))(batch(b=[0] + [1] * (SIZE - 1)))


def test_the_temperature_learns_and_is_clipped() -> None:
    trained = learner(Clip(ClipConfig(projector=LINEAR, temperature=0.0101)))
    optimizer = torch.optim.SGD(trained.objective.parameters(), lr=1e6)
    trained(batch()).total().backward()
    scale = trained.objective.log_scale
    assert isinstance(scale, torch.nn.Parameter)
    assert scale.grad is not None
    assert float(scale.grad) != 0
    scale.grad.fill_(-1.0)
    optimizer.step()
    trained.after_step()
    assert float(scale.detach()) == pytest.approx(-math.log(0.01))


def test_several_views_are_compared_each_with_each_and_within_by_slip() -> None:
    plain = learner(Clip(ClipConfig(projector=LINEAR)), views=Two())
    losses = plain(batch())
    assert set(losses.terms) == {"contrast"}
    slip = learner(Clip(ClipConfig(projector=LINEAR, within=0.5)), views=Two())(batch())
    assert set(slip.terms) == {"contrast", "within/a", "within/b"}
    torch.testing.assert_close(slip.terms["contrast"], losses.terms["contrast"])


def test_slip_within_a_modality_is_the_contrast_of_the_members_there_are() -> None:
    slip = learner(Clip(ClipConfig(projector=LINEAR, within=1.0)))
    there = torch.tensor([0] * 3 + [1] * 9).bool()
    generator = torch.Generator().manual_seed(2)
    views = tuple(torch.randn(SIZE, 4, generator=generator) for _ in range(2))
    own = Members(modality="a", pooled=views, views=views, present=there)
    assert isinstance(slip.objective, Clip)
    found = slip.objective.beside({"a": own}).terms["within/a"]
    heads = [slip.objective.within["a"](view) for view in views]
    kept = nt_xent(heads[0][there], heads[1][there], 0.1).loss
    torch.testing.assert_close(found, kept)


def test_each_instance_and_way_keeps_its_temperature_and_average() -> None:
    trained = learner(PairedISogClr(PairedISogClrConfig(projector=LINEAR)))
    there = [1] * 8 + [0] * 4
    trained(batch(b=there)).total().backward()
    trained.after_step()
    for way in ("a-b", "b-a"):
        values = trained.objective.state[way].values  # type: ignore[index]
        assert isinstance(values, Tensor)
        average, temperature, _, seen = values.T
        assert seen.tolist() == there
        assert temperature[8:].tolist() == pytest.approx([0.07] * 4)
        assert average[:8].abs().min() > 0


@pytest.mark.parametrize("kind", [Clip, SigLip, PairedVicReg, DeepCca, PairedISogClr])
def test_members_of_pairs_find_each_other_after_training(kind: Any) -> None:
    """Against 1 in 12 by chance; the members are linear images of one another."""
    head = MlpConfig(widths=(6,), norm="none", bias=False)
    trained = learner(kind(replace(kind.Config(), projector=head)))
    optimizer = torch.optim.Adam(trained.parameters(), lr=2e-2)
    for _ in range(300):
        optimizer.zero_grad()
        trained(batch()).total().backward()
        optimizer.step()
        trained.after_step()
    with torch.no_grad():
        a, b = (torch.nn.functional.normalize(x - x.mean(0)) for x in embeddings(trained, batch()))
    assert float(((a @ b.T).argmax(1) == torch.arange(SIZE)).float().mean()) >= 0.75


def retrieved(present: dict[str, Tensor], steps: int = 200) -> float:
    """Share of held-out members of `a` that find theirs in `c` among 64, after training."""
    generator = torch.Generator().manual_seed(5)
    shared = torch.randn(192 + 64, 5, generator=generator)
    turned = {name: shared @ torch.randn(5, 5, generator=generator) for name in NAMES}
    trained = learner(Clip(ClipConfig(projector=LINEAR)), 3)
    optimizer = torch.optim.Adam(trained.parameters(), lr=2e-2)
    for step in range(steps):
        index = (torch.arange(48) + 48 * step) % 192
        given = Batch(
            values={name: value[index] for name, value in turned.items()},
            index=index,
            present={name: there[index] for name, there in present.items()},
        )
        optimizer.zero_grad()
        trained(given).total().backward()
        optimizer.step()
        trained.after_step()
    held = Batch(values={k: v[192:] for k, v in turned.items()}, index=torch.arange(64))
    with torch.no_grad():
        a, _, c = (torch.nn.functional.normalize(x) for x in embeddings(trained, held))
    return float(((a @ c.T).argmax(1) == torch.arange(64)).float().mean())


@pytest.mark.learning
def test_three_modalities_learn_with_a_third_of_the_members_missing() -> None:
    """Each instance lacks one of three: no instance is ever complete. Chance is 1 in 64."""
    missing = torch.arange(192) % 3
    gaps = {name: missing != number for number, name in enumerate(NAMES)}
    complete, partial = retrieved({}), retrieved(gaps)
    assert complete > 0.8
    assert partial > 0.7
