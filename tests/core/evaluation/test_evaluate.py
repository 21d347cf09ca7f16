from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tacit.contract import Augmentation, Batch, Encoder, Modality, PooledEncoder, View
from tacit.evaluation import KnnConfig, KnnProbe, Sample, Score, evaluate, score_table
from tacit.evaluation.scores import Features


class Signal(Modality):
    name = "signal"


class Jitter(Augmentation):
    roles = ("a", "b")

    def __call__(self, value: Any, generator: torch.Generator) -> tuple[View, ...]:
        noise = torch.randn(2, *value.shape, generator=generator)
        return tuple(View(value=value + 0.1 * part) for part in noise)


class Counted(list[Batch]):
    """Batches that count how often they were gone through."""

    passes = 0

    def __iter__(self) -> Any:
        self.passes += 1
        return super().__iter__()


def data(seed: int, *, labels: str = "class", instances: int = 120) -> Counted:
    """Two classes told apart by the product of two signs, which no linear probe sees."""
    x = torch.randn(instances, 2, generator=torch.Generator().manual_seed(seed))
    product = x[:, 0] * x[:, 1]
    label = {"class": (product > 0).long(), "number": product, "none": None}[labels]
    index = torch.arange(instances)
    return Counted(
        Batch(values={"signal": x[part]}, index=part, label=None if label is None else label[part])
        for part in torch.split(index, 50)
    )


class Product(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([x[:, 0] * x[:, 1], x[:, 0]], dim=1)


def good() -> Encoder:
    return PooledEncoder(Product(), modality="signal", width=2)


def fresh(seed: int) -> Encoder:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return PooledEncoder(nn.Linear(2, 2), modality="signal", width=2)


def run(encoder: Encoder | list[Encoder], **settings: Any) -> list[Score]:
    settings = {"modality": Signal(), "encoder_factory": fresh, "seeds": (0, 1), **settings}
    train, test = settings.pop("train", data(0)), settings.pop("test", data(1))
    return evaluate(encoder, train, test, **settings)


def pick(scores: list[Score], probe: str, features: Features, metric: str = "accuracy") -> Score:
    (found,) = [s for s in scores if (s.probe, s.features, s.metric) == (probe, features, metric)]
    return found


def test_every_labelled_probe_stands_beside_all_baselines() -> None:
    scores = run(good())
    for probe in ("linear", "knn"):
        kinds = [s.features for s in scores if s.probe == probe]
        assert kinds == ["encoder", "random", "raw", "majority"]
    assert [s.features for s in scores if s.probe == "rankme"] == ["encoder", "random"]


def test_an_encoder_stands_beside_what_it_began_as() -> None:
    scores = run(fresh(7), initial=[good()], probes=("knn", "rankme"), seeds=(0,))
    assert pick(scores, "knn", "initial").value == pick(run(good()), "knn", "encoder").value
    assert "initial" in {s.features for s in scores if s.probe == "rankme"}
    assert "does not beat the encoder it began as" in score_table(scores)


def test_an_encoder_that_knows_beats_the_baselines_and_one_that_does_not_is_told_so() -> None:
    scores = run(good(), probes=("linear",))
    assert pick(scores, "linear", "encoder").value > 0.9
    assert pick(scores, "linear", "raw").value < 0.65
    assert "beats all baselines" in score_table(scores)
    poor = run(fresh(7), probes=("linear",))
    assert "does not beat" in score_table(poor)


def test_the_majority_score_is_the_share_of_the_commonest_training_class() -> None:
    train, test = data(0), data(1)
    common = torch.cat([b.label for b in train]).bincount().argmax()
    share = (torch.cat([b.label for b in test]) == common).double().mean()
    assert pick(run(good()), "linear", "majority").value == pytest.approx(float(share))


def test_seeds_are_counted_only_where_they_can_change_the_result() -> None:
    scores = run(good(), seeds=(0, 1, 2))
    assert pick(scores, "linear", "encoder").seeds == 3
    assert pick(scores, "knn", "encoder").seeds == 1
    assert pick(scores, "knn", "random").seeds == 3
    assert pick(scores, "knn", "random").std > 0
    assert pick(scores, "knn", "raw").seeds == 1


def test_trained_runs_are_averaged() -> None:
    runs = [fresh(5), fresh(6)]
    both = pick(run(runs), "knn", "encoder")
    apart = [pick(run(one), "knn", "encoder").value for one in runs]
    assert both.seeds == 2
    assert both.value == pytest.approx(sum(apart) / 2)


def test_a_list_of_one_run_is_that_run() -> None:
    assert run([good()]) == run(good())


def test_each_encoder_embeds_each_set_once() -> None:
    train, test = data(0), data(1)
    run(good(), train=train, test=test)
    assert (
        train.passes == test.passes == 1 + 2 + 1
    )  # the encoder, two random ones, the raw features


def test_the_same_seeds_give_the_same_scores() -> None:
    first = run(good(), views=Jitter(), probes=("linear", "alignment"))
    torch.manual_seed(99)
    assert first == run(good(), views=Jitter(), probes=("linear", "alignment"))


def test_the_test_labels_change_no_prediction() -> None:
    """Turning the test labels round turns the accuracy round: nothing was chosen by them."""
    from dataclasses import replace

    test = data(1)
    turned = Counted(replace(batch, label=1 - batch.label) for batch in test)
    straight = pick(run(good(), probes=("linear",), test=test), "linear", "encoder")
    round_ = pick(run(good(), probes=("linear",), test=turned), "linear", "encoder")
    assert straight.value + round_.value == pytest.approx(1)


def test_regression_reports_r2_and_rmse_beside_the_mean() -> None:
    sets = {"train": data(0, labels="number"), "test": data(1, labels="number")}
    scores = run(good(), task="regression", probes=("linear", "knn"), **sets)
    assert pick(scores, "linear", "encoder", "r2").value > 0.99
    assert pick(scores, "linear", "raw", "r2").value < 0.2
    assert pick(scores, "linear", "majority", "r2").value == pytest.approx(0, abs=0.05)
    assert (
        pick(scores, "knn", "encoder", "rmse").value < pick(scores, "knn", "majority", "rmse").value
    )


def test_label_free_probes_need_no_labels() -> None:
    sets = {"train": data(0, labels="none"), "test": data(1, labels="none")}
    probes = ("rankme", "uniformity", "alignment")
    scores = run(good(), probes=probes, views=Jitter(), **sets)
    assert {s.probe for s in scores} == set(probes)


def test_a_class_never_seen_in_training_counts_as_wrong() -> None:
    from dataclasses import replace

    new = Counted(replace(batch, label=batch.label * 0 + 50) for batch in data(1))
    assert pick(run(good(), test=new), "knn", "encoder").value == 0


def test_a_probe_of_ones_own_is_run_like_the_others() -> None:
    class Width:
        name, needs, seeded = "width", None, False

        def __call__(self, sample: Sample, generator: torch.Generator) -> Mapping[str, float]:
            return {"features": float(sample.train.shape[1])}

    probes = (Width(), KnnProbe(config=KnnConfig(neighbours=5)))
    scores = run(good(), probes=probes)
    assert pick(scores, "width", "encoder", "features").value == 2
    assert pick(scores, "knn", "encoder").value > 0.9


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"train": data(0, labels="none")}, "wanted labels in the training set, got none"),
        ({"test": data(0, labels="none")}, "wanted labels in the test set, got none"),
        ({"train": data(0, labels="number")}, "pass task='regression'"),
        ({"probes": ("alignment",)}, "alignment compares views of an instance: pass views="),
        ({"views": Jitter()}, "views= has no effect"),
        ({"probes": ("lineer",)}, "wanted a probe among linear, knn.*got 'lineer'"),
        ({"seeds": ()}, "at least one seed"),
        ({"seeds": (1, 1)}, "all different"),
        (
            {
                "encoder_factory": lambda seed: PooledEncoder(
                    nn.Linear(2, 9), modality="signal", width=9
                )
            },
            "same configuration",
        ),
    ],
)
def test_what_cannot_be_evaluated_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        run(good(), **settings)


def test_runs_without_a_seed_each_are_refused() -> None:
    with pytest.raises(ValueError, match="got 3 runs and seeds"):
        run([good(), good(), good()])


class Supervising(Signal):
    """Predicts the class of the nearest labelled value: one neighbour."""

    supervises = True

    def supervised(
        self, train: Any, test: Any, *, rows: Tensor, labels: Tensor, **_: Any
    ) -> Tensor:
        return labels[torch.cdist(test, train[rows]).argmin(1)]


def test_few_labels_are_drawn_by_each_seed_for_all_features_alike() -> None:
    scores = run(good(), probes=["linear", "rankme"], labels=(20, None))
    few = {s.features: s for s in scores if s.probe == "linear" and s.labels == 20}
    everything = {s.features: s for s in scores if s.probe == "linear" and s.labels is None}
    assert few.keys() == everything.keys() == {"encoder", "random", "raw", "majority"}
    assert few["encoder"].seeds == few["majority"].seeds == 2
    assert 0.7 < few["encoder"].value <= everything["encoder"].value
    assert [s.labels for s in scores if s.probe == "rankme"] == [None, None]
    assert few == {
        s.features: s for s in run(good(), probes=["linear"], labels=(20,)) if s.labels == 20
    }


def test_few_labels_are_those_a_probe_is_fitted_on() -> None:
    probe = KnnProbe(config=KnnConfig(neighbours=1))
    alone = [run(good(), probes=[probe], labels=(1,), seeds=(seed,)) for seed in range(4)]
    for scores in alone:  # of one label every prediction is its class: about half are right
        assert pick(scores, "knn", "encoder").value == pick(scores, "knn", "majority").value


def test_a_supervised_model_of_the_modality_stands_beside_probes_of_labels() -> None:
    shuffled = Counted(reversed(data(0)))
    settings = {"modality": Supervising(), "probes": ["knn", "rankme"], "labels": (30, None)}
    scores, other = run(good(), **settings), run(good(), train=shuffled, **settings)
    found = {s.labels: s.value for s in scores if s.features == "supervised"}
    assert found.keys() == {30, None}
    assert found[None] > 0.85
    assert found[30] < found[None]
    assert found == {s.labels: s.value for s in other if s.features == "supervised"}
    table = score_table(scores)
    assert "supervised" in table
    assert "labels" in table


@pytest.mark.parametrize("wrong", [(), (0,), (121,)])
def test_numbers_of_labels_that_cannot_be_are_refused(wrong: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="labels: wanted"):
        run(good(), probes=["linear"], labels=wrong)


def test_few_labels_for_probes_without_labels_are_refused() -> None:
    with pytest.raises(ValueError, match="no effect"):
        run(good(), probes=["rankme"], labels=(50,))
