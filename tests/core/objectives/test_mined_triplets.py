"""Mined triplets as an objective: who learns, who guides, and that something is learnt."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from tests.core.objectives.test_cross_modal import LINEAR, SIZE, Rows, batch
from tests.core.objectives.test_no_waiting import NothingReadBack
from torch import Tensor

from tacit.contract import Batch, DataInfo, PooledEncoder
from tacit.evaluation import knn_predict
from tacit.functional import mine_triplets, triplet_margin
from tacit.methods import Learner
from tacit.methods.plain import Plain
from tacit.nn import Frozen, TeacherPolicy
from tacit.objectives import MinedTriplets, MinedTripletsConfig

CONFIG = MinedTripletsConfig(head=LINEAR, near=2, negatives=3)


def learner(config: MinedTripletsConfig = CONFIG, count: int = 2, features: int = 5) -> Learner:
    torch.manual_seed(0)
    names = "abc"[:count]
    guide: TeacherPolicy = Frozen()
    return Learner(
        encoders={
            n: PooledEncoder(torch.nn.Linear(features, 4), modality=n, width=4) for n in names
        },
        objective=MinedTriplets(config),
        augmentations=dict.fromkeys(names, Plain()),
        modalities={n: Rows(n) for n in names},
        teachers={"guide": guide},
        data=DataInfo(instances=SIZE),
    )


def test_each_modality_has_the_triplets_that_the_other_makes() -> None:
    trained, given = learner(), batch()
    generator = trained.context(given).generator
    drawn = [torch.rand(SIZE, 3, generator=generator) for _ in "ab"]
    losses = trained(given)
    assert list(losses.terms) == ["triplets/a", "triplets/b"]
    for (a, b), numbers in zip((("a", "b"), ("b", "a")), drawn, strict=True):
        guide = trained.encoder(b, "guide")(given.values[b]).pooled
        own = trained.objective.head[a](trained.encoder(a)(given.values[a]).pooled)  # type: ignore[index,operator]
        mined = mine_triplets(guide, numbers, near=2, far=0.5)
        wanted = triplet_margin(own, mined, margin=0.5).loss
        torch.testing.assert_close(losses.terms[f"triplets/{a}"], wanted)


def test_who_guides_alone_gets_no_gradient_and_the_guide_never_moves() -> None:
    trained = learner(replace(CONFIG, learn=("a",)))
    losses = trained(batch())
    assert list(losses.terms) == ["triplets/a"]
    losses.total().backward()
    assert all(p.grad is not None for p in trained.encoder("a").parameters())
    assert all(p.grad is None for p in trained.encoder("b").parameters())
    assert all(p.grad is None for p in trained.teacher("guide").parameters())


def test_of_three_modalities_each_is_guided_by_each_other() -> None:
    terms = learner(count=3)(batch(3)).terms
    assert set(terms) == {f"triplets/{a}-by-{b}" for a in "abc" for b in "abc" if a != b}


def test_what_stands_for_a_missing_member_changes_nothing() -> None:
    there = {"a": [1] * 8 + [0] * 4, "b": [0, 0] + [1] * 10}
    found = []
    for filling in (0.0, 7.0):
        trained, given = learner(), batch(2, **there)
        values = {
            n: torch.where(given.present[n][:, None], value, filling)
            for n, value in given.values.items()
        }
        losses = trained(replace(given, values=values))
        losses.total().backward()
        found.append((losses.terms, [p.grad for p in trained.parameters() if p.requires_grad]))
    torch.testing.assert_close(found[0], found[1])


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="learn: wanted some of a, b; got smell"):
        learner(replace(CONFIG, learn=("smell",)))
    with pytest.raises(ValueError, match="a batch with a alone has no pair"):
        learner()(replace(batch(), values={"a": batch().values["a"]}))
    with pytest.raises(ValueError, match="without one complete pair"):
        learner()(batch(a=[1, 0] * 6, b=[0, 1] * 6))
    with pytest.raises(ValueError, match="near: wanted at least 1"):
        MinedTripletsConfig(near=0)
    with pytest.raises(ValueError, match="far, margin"):
        MinedTripletsConfig(margin=0.0)


def test_a_step_waits_for_nothing() -> None:
    trained = learner()
    with NothingReadBack():
        trained(batch()).total().backward()


def noisy(count: int, seed: int) -> tuple[Batch, Tensor]:
    """Four classes that a tells apart in 2 of 20 directions, drowned in noise, and b with ease."""
    generator = torch.Generator().manual_seed(seed)
    label = torch.arange(count) % 4
    corner = torch.stack([label % 2, label // 2], 1) * 2.0 - 1
    noise = 2.0 * torch.randn(count, 20, generator=generator)
    noise[:, :2] = 0.5 * noise[:, :2] + corner
    clear = torch.cat([corner, torch.zeros(count, 18)], 1)
    clear = clear + 0.1 * torch.randn(count, 20, generator=generator)
    return Batch(values={"a": noise, "b": clear}, index=torch.arange(count)), label


def neighbours(trained: Learner) -> float:
    """How often the nearest by a's encoder are of one class, on instances never seen."""
    (known, labels), (asked, wanted) = noisy(256, 1), noisy(128, 2)
    with torch.no_grad():
        one, other = (trained.encoder("a")(part.values["a"]).pooled for part in (known, asked))
    return float((knn_predict(one, labels, other) == wanted).float().mean())


@pytest.mark.learning
def test_a_noisy_modality_learns_the_classes_that_another_shows() -> None:
    """Triplets by the other modality, against those by chance, of 4 classes."""
    found = {}
    for name, mix in (("guided", False), ("by chance", True)):
        trained = learner(MinedTripletsConfig(head=LINEAR, learn=("a",)), features=20)
        optimizer = torch.optim.Adam(trained.parameters(), lr=1e-2)
        given, _ = noisy(256, 0)
        if mix:
            given = replace(
                given, values={**given.values, "b": given.values["b"][torch.randperm(256)]}
            )
        for _ in range(100):
            optimizer.zero_grad()
            trained(given).total().backward()
            optimizer.step()
            trained.after_step()
        found[name] = neighbours(trained)
    assert found["guided"] > found["by chance"] + 0.15, found
