"""G-SimCLR: batches whose members differ in their pseudo label, found by the stage before."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tests.core.needs.toys import Make, Rows, engine, linear, noisy_twice, same, weights
from tests.core.objectives.setting import HEAD
from torch import Tensor, nn

from tacit.contract import DataInfo, EncoderSpec
from tacit.methods import g_simclr, mae
from tacit.nn import PreviousStage
from tacit.objectives import GuidedSimClr, GuidedSimClrConfig, SimClr, SimClrConfig
from tacit.objectives.guided import disjoint_batches
from tacit.training.loop import Trainer

VIEWS = {"signal": Make(noisy_twice, roles=2)}


def drawn(label: list[int], batch: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return disjoint_batches(torch.tensor(label), batch, generator=generator)


LABELS = {
    "equal": [0, 1, 2, 3] * 5,
    "unequal": [0] * 9 + [1] * 5 + [2] * 4 + [3, 4],
    "one large": [0] * 16 + [1, 2, 3, 4],
    "no two alike": list(range(20)),
}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("kind", LABELS)
def test_no_batch_holds_a_label_twice(kind: str, seed: int) -> None:
    label = torch.tensor(LABELS[kind])
    found = drawn(LABELS[kind], 4, seed)
    assert found.shape == (5, 4)
    assert all(len(set(label[row].tolist())) == 4 for row in found)
    assert all(len(set(row.tolist())) == 4 for row in found)


@pytest.mark.parametrize("seed", range(5))
def test_where_labels_are_even_every_instance_comes_once(seed: int) -> None:
    for kind in ("equal", "no two alike"):
        assert sorted(drawn(LABELS[kind], 4, seed).flatten().tolist()) == list(range(20))


def test_of_a_label_with_too_many_others_come_each_epoch_and_rare_ones_come_again() -> None:
    epochs = [drawn(LABELS["one large"], 4, seed).flatten().tolist() for seed in range(40)]
    assert all(len([i for i in epoch if i < 16]) <= 5 for epoch in epochs)
    assert {i for epoch in epochs for i in epoch} == set(range(20))
    counts = torch.bincount(torch.tensor(epochs).flatten(), minlength=20)
    assert counts[:16].min() > 0
    assert counts[:16].float().std() / counts[:16].float().mean() < 0.5


def test_the_order_is_that_of_the_generator() -> None:
    assert torch.equal(drawn(LABELS["unequal"], 4), drawn(LABELS["unequal"], 4))
    assert not torch.equal(drawn(LABELS["unequal"], 4, 1), drawn(LABELS["unequal"], 4, 2))


def test_instances_of_few_classes_meet_less_often_than_by_chance() -> None:
    """What it is for: negatives of the anchor's own class are rarer."""
    classes = torch.arange(200) % 10
    label = classes * 4 + torch.randint(0, 4, (200,), generator=torch.Generator().manual_seed(0))
    guided = classes[drawn(label.tolist(), 20)]
    chance = classes[torch.randperm(200, generator=torch.Generator().manual_seed(1))].view(10, 20)

    def alike(rows: Tensor) -> float:
        return float((rows[:, :, None] == rows[:, None]).float().mean())

    assert alike(guided) <= alike(chance)


def test_too_few_clusters_are_refused() -> None:
    with pytest.raises(ValueError, match=r"instances of a batch, 4;.* fall into 3"):
        drawn([0, 1, 2] * 4, 4)


def clusters(count: int = 24) -> Tensor:
    """Four heaps far apart."""
    generator = torch.Generator().manual_seed(0)
    middle = 10 * torch.eye(4)[torch.arange(count) % 4]
    return middle + 0.1 * torch.randn(count, 4, generator=generator)


def stages(
    folder: Path | None = None, stop_at: int | None = None, *, first_too: bool = True
) -> tuple[Trainer, GuidedSimClr]:
    """The second stage, after a first one of another objective."""
    source = Rows(signal=clusters())
    before = engine(
        SimClr(SimClrConfig(projector=HEAD)),
        source=source,
        encoders={"signal": linear()},
        views=VIEWS,
        steps=2,
    )
    if first_too:
        before.run()
    objective = GuidedSimClr(GuidedSimClrConfig(projector=HEAD, clusters=1.0))
    trainer = engine(
        objective,
        source=source,
        encoders={"signal": linear(seed=1)},
        views=VIEWS,
        teachers={"before": PreviousStage()},
        previous=before.learner,
        folder=folder,
        stop_at=stop_at,
        epochs=3,
        checkpoint_every=100,
    )
    return trainer, objective


def test_the_stage_before_labels_the_data_once() -> None:
    trainer, objective = stages()
    assert (objective.label == -1).all()
    trainer.run()
    heaps = [set(objective.label[i::4].tolist()) for i in range(4)]
    assert all(len(heap) == 1 for heap in heaps)
    assert len(set.union(*heaps)) == 4


def test_every_batch_of_every_epoch_is_of_different_clusters() -> None:
    trainer, objective = stages()
    trainer.run()
    orders = []
    for epoch in (0, 1):
        trainer._frame(epoch)
        made = objective.batches(trainer.learner.context(None), 4)
        assert made is not None
        every = list(made)
        assert all(len(set(objective.label[each].tolist())) == 4 for each in every)
        orders.append(torch.stack(every))
    assert sorted(orders[0].flatten().tolist()) == list(range(24))
    assert not torch.equal(orders[0], orders[1])


def test_a_stopped_stage_goes_on_with_the_labels_and_the_order_it_had(tmp_path: Path) -> None:
    whole, objective = stages()
    whole.run()
    stopped, _ = stages(tmp_path, stop_at=8)
    assert not stopped.run().finished
    # Resumed, the first stage is not trained again: what it left is in the checkpoint.
    resumed, again = stages(tmp_path, first_too=False)
    from tacit.training import checkpoint

    latest = checkpoint.steps(tmp_path)[-1]
    resumed.load_state(*checkpoint.load(latest, world=resumed.world))
    assert resumed.step == 8
    resumed.run()
    assert torch.equal(again.label, objective.label)
    assert same(weights(resumed.learner), weights(whole.learner))


def test_a_batch_of_all_the_data_has_nothing_to_choose() -> None:
    objective = GuidedSimClr(GuidedSimClrConfig(projector=HEAD))
    objective.build({"signal": EncoderSpec(modality="signal", width=4)}, DataInfo(instances=4))
    assert objective.batches(stages()[0].learner.context(None), 4) is None


def test_any_stage_may_come_first() -> None:
    (first,) = mae().stages
    made = g_simclr(first)
    assert [stage.name for stage in made.stages] == ["first", "guided"]
    assert made.stages[0].objective is first.objective
    assert made.stages[1].start == "initial"


@pytest.mark.parametrize(("setting", "value"), [("clusters", 0.5), ("iterations", 0)])
def test_settings_that_mean_nothing_are_refused(setting: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{setting}: wanted at least 1"):
        GuidedSimClrConfig(**{setting: value})  # type: ignore[arg-type]
    assert isinstance(GuidedSimClr().projector, nn.ModuleDict)
