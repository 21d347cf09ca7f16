"""Retrieval, the space two modalities share, prompts, and the linear baseline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
import torch
from sklearn.cross_decomposition import CCA
from torch import Tensor

from tacit.contract import Batch, Modality, PooledEncoder
from tacit.data import Described, Source
from tacit.evaluation import (
    CcaConfig,
    Prompts,
    chance,
    classify,
    evaluate_pairs,
    fit_cca,
    modality_gap,
    retrieve,
    verdict,
)


def rows(count: int, width: int, seed: int = 0) -> Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed))


def test_ranks_of_a_small_table_by_hand() -> None:
    """Own at place 1, 2 and 3; lengths do not matter."""
    candidates = torch.eye(3)
    queries = torch.tensor([[9.0, 1, 0], [3, 2, 1], [3, 2, 1]])
    found = retrieve(queries, candidates, ks=(1, 2, 3, 10))
    assert found.recall == pytest.approx({1: 1 / 3, 2: 2 / 3, 3: 1.0})
    assert found.median_rank == 2


def test_embeddings_that_are_all_alike_find_nothing() -> None:
    same = torch.ones(20, 4)
    assert retrieve(same, same).recall == {1: 0, 5: 0, 10: 0}
    assert retrieve(same, same).median_rank == 20


def test_unrelated_embeddings_are_at_chance() -> None:
    found, lucky = retrieve(rows(2000, 8), rows(2000, 8, seed=1)), chance(2000)
    assert found.recall[10] == pytest.approx(lucky.recall[10], abs=0.006)
    assert found.median_rank == pytest.approx(lucky.median_rank, rel=0.1)


def test_nothing_to_retrieve_is_refused() -> None:
    with pytest.raises(ValueError, match="rows of the same instances"):
        retrieve(rows(0, 2), rows(0, 2))


def test_the_gap_is_the_distance_of_the_centres() -> None:
    a = torch.tensor([[2.0, 0], [5, 0]])
    assert modality_gap(a, -a) == pytest.approx(2)
    assert modality_gap(a, 7 * a) == pytest.approx(0)


def test_a_class_is_where_its_prompts_point_on_average() -> None:
    prompts = torch.tensor([[1.0, 0.4], [1, -0.4], [-1, 1]])
    classes = torch.tensor([0, 0, 1])
    found = classify(torch.tensor([[3.0, 0], [-2, 3]]), prompts, classes)
    assert found.tolist() == [0, 1]
    assert classify(-prompts[:1], prompts, torch.tensor([0, 0, 2])).tolist() == [2]


def test_correlations_are_those_of_scikit_learn() -> None:
    shared = rows(400, 3)
    a = torch.cat([shared + 0.5 * rows(400, 3, 1), rows(400, 2, 2)], 1)
    b = torch.cat([rows(400, 3, 3), shared @ rows(3, 3, 4) + 0.5 * rows(400, 3, 5)], 1)
    ours = fit_cca(a, b, CcaConfig(ridge=0.0))
    theirs = CCA(n_components=3, max_iter=5000, tol=1e-10).fit(a.numpy(), b.numpy())
    x, y = theirs.transform(a.numpy(), b.numpy())
    wanted = [float(np.corrcoef(x[:, i], y[:, i])[0, 1]) for i in range(3)]
    assert ours.correlations[:3].tolist() == pytest.approx(wanted, abs=1e-4)


def test_many_features_and_large_tables_have_the_same_components() -> None:
    wide = rows(60, 300) @ torch.diag(torch.linspace(3, 0.01, 300))
    long = rows(500, 90) @ torch.diag(0.9 ** torch.arange(90.0))
    for x in (wide, long):
        few = fit_cca(x, x, CcaConfig(components=8, ridge=0.0))
        assert few.correlations.tolist() == pytest.approx([1.0] * 8, abs=1e-9)


def test_linear_images_of_one_another_are_retrieved_by_cca_also_where_held_out() -> None:
    shared = rows(300, 6)
    a, b = shared @ rows(6, 20, 1), shared @ rows(6, 30, 2)
    held = fit_cca(a[:200], b[:200], CcaConfig(ridge=1e-6)).embed(a[200:], b[200:])
    assert retrieve(*held).recall[1] == 1


class Rows(Modality):
    default_encoder = "none"

    def __init__(self, name: str) -> None:
        self.name = name


class Pairs:
    """Two linear images of the same rows, some members missing."""

    def __init__(self, seed: int, count: int = 40) -> None:
        shared = rows(count, 4, seed)
        present = {"b": torch.arange(count) % 4 > 0}
        self.batch = Batch(
            values={"a": shared @ rows(4, 5, 8), "b": shared @ rows(4, 6, 9)},
            index=torch.arange(count),
            present=present,
            label=(shared[:, 0] > 0).long() * 2,
        )

    def __iter__(self) -> Iterator[Batch]:
        yield self.batch


def towers(seed: int) -> dict[str, PooledEncoder]:
    """Linear maps with weights of a seed."""
    torch.manual_seed(seed)
    return {
        name: PooledEncoder(torch.nn.Linear(width, 3), modality=name, width=3)
        for name, width in (("a", 5), ("b", 6))
    }


def test_scores_stand_beside_chance_cca_and_random_towers_over_complete_pairs() -> None:
    scores = evaluate_pairs(
        towers(7),
        Pairs(0),
        Pairs(1),
        modalities={name: Rows(name) for name in "ab"},
        factory=towers,
        seeds=(0, 1),
    )
    found = {(s.probe, s.metric, s.features): s for s in scores}
    assert found["a -> b", "R@1 of 30", "chance"].value == pytest.approx(1 / 30)
    assert found["b -> a", "R@1 of 30", "raw"].value > 0.9
    assert found["a -> b", "R@10 of 30", "random"].seeds == 2
    assert found["a - b", "alignment", "encoder"].value > 0
    assert {k[2] for k in found if k[:2] == ("b by a", "accuracy")} == {
        "encoder",
        "random",
        "majority",
        "chance",
    }
    assert found["b by a", "accuracy", "chance"].value == 0.5
    rank = found["a -> b", "median rank of 30", "encoder"]
    assert "does not beat raw features" in verdict(
        rank, [found["a -> b", "median rank of 30", "raw"]]
    )


def test_pairs_of_which_none_is_complete_are_refused() -> None:
    apart = Pairs(0)
    apart.batch.present["a"] = ~apart.batch.present["b"]  # type: ignore[index]
    with pytest.raises(ValueError, match="no instance has both a and b"):
        evaluate_pairs(towers(7), None, apart, modalities={n: Rows(n) for n in "ab"}, factory=None)


class Told(Source):
    """Rows of `b` that stand for classes."""

    modalities = ("b",)

    def __init__(self, values: Tensor) -> None:
        self.values = values

    def __len__(self) -> int:
        return len(self.values)

    def fetch(self, indices: Sequence[int]) -> Batch:
        index = torch.tensor(list(indices))
        return Batch(values={"b": self.values[index]}, index=index)


def test_classes_are_told_by_descriptions_averaged_where_there_are_several() -> None:
    """Two descriptions of each class, in the space the towers share; by hand."""
    told = Told(torch.randn(4, 6, generator=torch.Generator().manual_seed(4)))
    known = Described(source=told, classes=("yes", "no", "yes", "no"))
    held = Pairs(1).batch
    assert held.label is not None
    prompts = Prompts.of(known, ("no", "never", "yes"), held.label, torch.device("cpu"))
    assert prompts.classes.tolist() == [2, 0, 2, 0]
    modalities, trained = {name: Rows(name) for name in "ab"}, towers(7)
    scores = evaluate_pairs(
        trained, Pairs(0), Pairs(1), modalities=modalities, factory=towers, prompts=prompts
    )
    found = {(s.probe, s.features): s for s in scores if s.metric == "accuracy"}
    assert {f for probe, f in found if probe == "a by b prompts"} == {
        *("encoder", "random", "raw", "majority", "chance")
    }
    assert found["a by b prompts", "chance"].value == 0.5
    with torch.no_grad():
        asked, given = trained["a"](held.values["a"]).pooled, trained["b"](told.values).pooled
    unit = torch.nn.functional.normalize
    centres = torch.stack([unit(given)[1::2].mean(0), unit(given)[0::2].mean(0)])
    nearest = 2 * (unit(asked) @ unit(centres).T).argmax(1)
    wanted = float((nearest == held.label).float().mean())
    assert found["a by b prompts", "encoder"].value == pytest.approx(wanted)


def test_descriptions_that_fit_no_class_and_classes_that_have_none_are_refused() -> None:
    known, here = Described(source=Told(torch.zeros(2, 6)), classes=("0", "1")), torch.device("cpu")
    assert Prompts.of(known, None, torch.tensor([1, 0]), here).classes.tolist() == [0, 1]
    with pytest.raises(ValueError, match=r"wanted classes of the data \(a, b\); got 0, 1"):
        Prompts.of(known, ("a", "b"), torch.tensor([1, 0]), here)
    with pytest.raises(ValueError, match="nothing describes the class 2: add a row"):
        Prompts.of(known, None, torch.tensor([0, 1, 2]), here)
