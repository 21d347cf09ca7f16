from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from tacit.evaluation import Target
from tacit_tabular.baselines import boosted_trees
from tacit_tabular.data import FrameSource
from tacit_tabular.modality import Rows


def rows_of(frame: pd.DataFrame, like: FrameSource | None = None) -> Rows:
    source = FrameSource(frame, columns=None if like is None else like.columns)
    value = source.fetch(range(len(source))).values["table"]
    assert isinstance(value, Rows)
    return value


def table(rows: int, seed: int) -> tuple[pd.DataFrame, torch.Tensor]:
    draw = np.random.default_rng(seed)
    job = draw.choice(["cook", "nurse", "pilot"], rows)
    age = np.where(draw.random(rows) < 0.1, np.nan, draw.normal(size=rows))
    wanted = np.where(job == "nurse", 1.0, -1.0) + np.nan_to_num(age) ** 2
    return pd.DataFrame({"job": job, "age": age}), torch.from_numpy(wanted)[:, None]


def test_trees_read_categories_and_missing_values_for_both_tasks() -> None:
    (train, given), (test, wanted) = table(600, 0), table(300, 1)
    source = FrameSource(train)
    parts = rows_of(train), rows_of(test, source)
    numbers = boosted_trees(*parts, Target(train=given, test=wanted), seed=0)
    assert numbers["r2"] > 0.9
    classes = Target(train=(given[:, 0] > 0).long(), test=(wanted[:, 0] > 0).long(), classes=2)
    assert boosted_trees(*parts, classes, seed=0)["accuracy"] > 0.93


def test_an_unseen_category_is_no_more_than_missing() -> None:
    train, given = table(100, 0)
    source = FrameSource(train)
    new = rows_of(train.assign(job="astronaut"), source)
    scores = boosted_trees(rows_of(train), new, Target(train=given, test=given), seed=0)
    assert np.isfinite(scores["rmse"])


def test_several_numbers_are_refused() -> None:
    train, given = table(100, 0)
    two = given.expand(-1, 2)
    with pytest.raises(ValueError, match="one number a row"):
        boosted_trees(rows_of(train), rows_of(train), Target(train=two, test=two), seed=0)
