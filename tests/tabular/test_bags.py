from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from tacit_tabular.bags import Bag, Bags, Code, fitted, normalised
from tacit_tabular.bags.codes import knots_of
from tacit_tabular.data import BagFiles, BagFilesConfig, BagSource, DrawnBags, DrawnBagsConfig

CODES = [["k", "na"], ["na"], ["k", "glu", "na"]]
VALUES = [[4.0, 140.0], [None], [5.0, 90.0, 150.0]]
LONG = pd.DataFrame(
    {
        "subject": ["a", "a", "b", "c", "c", "c"],
        "day": [1, 1, 1, 1, 2, 2],
        "code": ["k", "na", "na", "k", "glu", "na"],
        "value": [4.0, 140.0, None, 5.0, 90.0, 150.0],
        "ill": ["no", "no", "yes", "no", "no", "no"],
    }
)


def bags_of(source: BagSource) -> Bags:
    value = source.fetch(range(len(source))).values["bag"]
    assert isinstance(value, Bags)
    return value


def same(one: BagSource, other: BagSource) -> None:
    ours, theirs = bags_of(one), bags_of(other)
    assert ours.vocabulary == theirs.vocabulary
    assert torch.equal(ours.codes, theirs.codes)
    torch.testing.assert_close(ours.values, theirs.values, equal_nan=True)
    assert torch.equal(ours.valid, theirs.valid)


def test_a_value_is_the_share_of_training_values_at_or_below_it() -> None:
    draw = np.random.default_rng(0)
    seen = np.concatenate([draw.gamma(2.0, size=2000), np.zeros(500)])
    knots = knots_of(fitted(["x"] * 2500, seen))
    asked = torch.from_numpy(np.concatenate([[-1.0, 0.0, 99.0], draw.gamma(2.0, size=200)]))
    exact = torch.from_numpy((seen[None] <= asked.numpy()[:, None]).mean(1))
    found = normalised(torch.zeros(1, 203, dtype=torch.long), asked[None], knots)[0]
    assert found[0] == 0.0
    assert found[2] == 1.0
    torch.testing.assert_close(found, exact, atol=1 / 32, rtol=0)


def test_missing_values_and_codes_unknown_have_no_share_and_a_constant_has_one() -> None:
    vocabulary = (Code(name="c", quantiles=(7.0, 7.0)), Code(name="never valued"))
    codes = torch.tensor([[0, 0, 0, -1, 1]])
    values = torch.tensor([[7.0, 6.0, torch.nan, 7.0, torch.nan]])
    found = normalised(codes, values.double(), knots_of(vocabulary))
    assert found[0, :2].tolist() == [1.0, 0.0]
    assert found[0, 2:].isnan().all()
    assert normalised(codes, values.double(), knots_of(())).isnan().all()


def test_bags_are_padded_to_the_largest_of_a_batch() -> None:
    source = BagSource(CODES, VALUES)
    assert [code.name for code in source.vocabulary] == ["glu", "k", "na"]
    assert source.lengths().tolist() == [2, 1, 3]
    two = source.fetch([1, 0]).values["bag"]
    assert two.codes.tolist() == [[2, -1], [1, 2]]
    assert two.valid.tolist() == [[True, False], [True, True]]
    assert source.fetch([]).values["bag"].codes.shape == (0, 0)


def test_values_of_other_widths_are_put_together_as_if_read_at_once() -> None:
    source = BagSource(CODES, VALUES)
    joined = Bag().collate([source.fetch([at]).values["bag"] for at in range(3)])
    whole = bags_of(source)
    assert torch.equal(joined.codes, whole.codes)
    assert torch.equal(joined.valid, whole.valid)
    torch.testing.assert_close(joined.values, whole.values, equal_nan=True)
    other = bags_of(BagSource([["x"]], [[1.0]]))
    with pytest.raises(ValueError, match="one vocabulary"):
        Bag().collate([whole, other])


def test_raw_features_are_the_values_and_counts_of_every_code_in_any_order() -> None:
    source = BagSource([["k", "k", "na"], ["na"]], [[1.0, 3.0, 5.0], [None]])
    value = bags_of(source)
    features = Bag().raw_features(value)
    mean = (0.0 + 1.0) / 2 - 0.5  # the least and the greatest of k
    torch.testing.assert_close(
        features, torch.tensor([[mean, 0.5, 2.0, 1.0], [0.0, 0.0, 0.0, 1.0]])
    )
    turned = Bags(
        codes=value.codes.flip(1),
        values=value.values.flip(1),
        valid=value.valid.flip(1),
        vocabulary=value.vocabulary,
    )
    torch.testing.assert_close(Bag().raw_features(turned), features)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_an_item_a_row_in_any_order_is_what_lists_in_memory_are(
    suffix: str, tmp_path: Path
) -> None:
    path = tmp_path / f"labs.{suffix}"
    frame = LONG.iloc[[0, 2, 3, 1, 4, 5]]  # rows of one bag apart
    if suffix == "csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path)
    source = BagFiles(BagFilesConfig(path=path, label="ill"))
    same(source, BagSource(CODES, VALUES))
    assert source.label_names == ("no", "yes")
    assert source.labels().tolist() == [0, 1, 0]  # type: ignore[union-attr]
    assert source.groups() is None
    assert BagFiles.recognises(str(path))


def test_a_bag_a_row_has_columns_of_lists(tmp_path: Path) -> None:
    path = tmp_path / "lists.parquet"
    values = [[float("nan") if x is None else x for x in bag] for bag in VALUES]
    columns = {"tests": CODES, "results": values, "name": ["a", "b", "c"]}
    pd.DataFrame(columns).to_parquet(path)
    config = BagFilesConfig(path=path, bag=None, code="tests", value="results")
    same(BagFiles(config), BagSource(CODES, VALUES))
    assert not BagFiles.recognises(str(path))
    with pytest.raises(ValueError, match=r"'name': wanted lists, where a row is a bag; got .'str'"):
        BagFiles(replace(config, code="name"))


def test_a_time_parts_bags_and_groups_them_by_their_owner(tmp_path: Path) -> None:
    path = tmp_path / "labs.csv"
    LONG.to_csv(path, index=False)
    source = BagFiles(BagFilesConfig(path=path, time="day"))
    assert source.lengths().tolist() == [2, 1, 1, 2]
    assert source.groups().tolist() == [0, 1, 2, 2]  # type: ignore[union-attr]


def test_another_split_is_read_by_the_codes_of_train(tmp_path: Path) -> None:
    LONG.to_parquet(tmp_path / "train.parquet")
    test = pd.DataFrame({"subject": [1, 1], "code": ["k", "new"], "value": [99.0, 1.0]})
    test.to_csv(tmp_path / "test.csv", index=False)
    value = bags_of(BagFiles(BagFilesConfig(path=tmp_path, split="test")))
    assert value.codes.tolist() == [[1, -1]]
    assert value.vocabulary == BagFiles(BagFilesConfig(path=tmp_path)).vocabulary


@pytest.mark.parametrize(
    ("codes", "values", "said"),
    [
        ([], [], "wanted codes and values of each; got 0, 0"),
        ([["k"], []], [[1.0], []], "1 are empty, first 1"),
        ([["k"], ["na"]], [[1.0], [1.0, 2.0]], "the first, 1, has 1 and 2"),
        ([["k", None]], [[1.0, 2.0]], "lack their code"),
        ([["k"]], [[float("inf")]], "infinite"),
        ([["k"]], [["high"]], "wanted numbers"),
    ],
)
def test_bags_nothing_can_be_learnt_from_are_refused(
    codes: list[Any], values: list[Any], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        BagSource(codes, values)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"code": "test"}, r"no \['test'\]"),
        ({"label": "code"}, "more than once"),
        ({"label": "value"}, "'value' differ|more than once"),
        ({"bag": None, "time": "day"}, "time: has no effect"),
        ({"label": "day"}, "'day' differs within 1 bags, first 'c'"),
        ({"split": "test"}, "wanted one of train"),
    ],
)
def test_settings_that_do_not_fit_the_file_are_refused(
    settings: dict[str, Any], said: str, tmp_path: Path
) -> None:
    path = tmp_path / "labs.csv"
    LONG.to_csv(path, index=False)
    with pytest.raises(ValueError, match=said):
        BagFiles(BagFilesConfig(path=path, **settings))


def test_rows_without_an_owner_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "labs.csv"
    LONG.assign(subject=["a", None, "b", "c", "c", "c"]).to_csv(path, index=False)
    with pytest.raises(ValueError, match="1 rows lack a value"):
        BagFiles(BagFilesConfig(path=path))


def test_drawn_bags_are_the_same_at_every_opening_and_other_patients_in_each_split() -> None:
    train = DrawnBags(DrawnBagsConfig())
    same(train, DrawnBags(DrawnBagsConfig()))
    test = DrawnBags(DrawnBagsConfig(split="test"))
    assert test.vocabulary == train.vocabulary
    assert not torch.equal(bags_of(test).codes[:4, :3], bags_of(train).codes[:4, :3])
    assert len(DrawnBags(DrawnBagsConfig(count=5))) == 5
